"""Real mail programs against the simulator, most of them also with the limits of the two reference boards."""
