"""The paper beside the book: every number, figure and claim."""
