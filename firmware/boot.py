"""Runs first on a board. The services start in main.py, so that a failure here cannot keep the console away."""
