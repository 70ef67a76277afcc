"""Executing, validating, rendering and printing the book."""
