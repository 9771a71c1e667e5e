"""Real mail programs against the simulator, at the default heap and as each of the two reference boards."""
