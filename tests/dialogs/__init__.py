"""Golden transcripts of the three protocols; see README.md."""
