"""Measurements of relevance and speed, against other engines on the same texts."""
