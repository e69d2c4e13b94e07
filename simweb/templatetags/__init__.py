"""Filters that templates of every app use."""
