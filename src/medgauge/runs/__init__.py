"""Finished runs: loaded, asked for values, scored."""
