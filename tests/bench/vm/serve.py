"""Runs inside MicroPython: opens the simulated chip and answers calls that arrive as lines of JSON.

The chip is the files `flash` and `books` of the current directory. A request is `["name", arguments…]`; the answer is
one line with the result. What an exception says goes to standard error, and the process ends.
"""

import gc
import json
import sys

import simchip  # type: ignore


def open_chip(offset, blocks):
    """A partition of the simulated chip."""
    simchip.open("flash", "books")
    return simchip.Partition(offset, blocks * 4096)


def serve(functions):
    """Answers until standard input ends."""
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        result = functions[request[0]](*request[1:])
        gc.collect()
        print(json.dumps(result))
