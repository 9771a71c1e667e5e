"""Runs test functions under MicroPython: `run.py MODULE [NAME ...]`, where MODULE lies beside this file.

One line per test: `ok NAME`, or `FAIL NAME` after the traceback. The exit status is 1 if any failed. A module that has
a variable `chip` gets a block device on the files `flash` and `books` of the current directory in it, if there are any.
"""

import sys


def run(function, name):
    """Runs one test and says how it went."""
    try:
        function()
    except Exception as error:
        sys.print_exception(error)
        print("FAIL", name)
        return False
    print("ok", name)
    return True


def open_chip():
    """A partition that is the whole chip, or None where there is no simulated chip."""
    try:
        import simchip

        return simchip.Partition(0, simchip.open("flash", "books"))
    except (ImportError, OSError):
        return None


def main():
    module = __import__(sys.argv[1])
    if hasattr(module, "chip"):
        module.chip = open_chip()
    names = sys.argv[2:] or sorted(name for name in dir(module) if name.startswith("test_"))
    failed = [name for name in names if not run(getattr(module, name), name)]
    sys.exit(1 if failed else 0)


main()
