"""Fit without a recipe: what to try, how long each takes, and which of them answers."""
