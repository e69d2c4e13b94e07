"""Arithmetic without Django: takes arrays, gives arrays."""
