"""Mistakes in the store, planted and generated: the tests have to notice each of them; see README.md above."""
