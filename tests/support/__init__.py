"""What the tests share: a simulator under test, letters, and ways to look at what came out."""
