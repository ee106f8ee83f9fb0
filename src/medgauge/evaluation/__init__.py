"""Figures of cases that were read: computes, never writes."""
