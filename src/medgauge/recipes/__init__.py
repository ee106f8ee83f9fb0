"""Recipes: YAML files, their schema, and how they become parts."""
