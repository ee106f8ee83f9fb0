"""Compares methods on the same cases."""
