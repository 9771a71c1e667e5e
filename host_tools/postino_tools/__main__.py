"""Lets `python -m postino_tools` be the `postino` command."""

import sys

from postino_tools.cli import main

sys.exit(main())
