"""Runs the firmware, on a board and in the simulator."""

from postino.app import main

main()
