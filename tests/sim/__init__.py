"""The runtime and the simulated flash chip, without the firmware's services."""
