"""Bad input over TCP; see README.md."""
