"""Keeps pytest from importing what only MicroPython can."""

collect_ignore_glob = ["test_*_device.py"]
