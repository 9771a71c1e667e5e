"""Mutated dialogs against a running server: it may refuse anything, and must survive everything; see README.md."""
