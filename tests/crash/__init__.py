"""Power cuts at any flash operation, and damage that must be refused; see README.md."""
