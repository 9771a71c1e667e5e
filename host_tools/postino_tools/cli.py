"""The `postino` command: one module per verb, each with `add_parser(verbs)` and `run(arguments)`."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from postino_tools import sim
from postino_tools.errors import CommandError, UsageError

VERBS = (sim,)


class OneLineParser(argparse.ArgumentParser):
    """Reports a wrong option in one line: argparse would print the whole usage before it."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="postino", description="A mail drop in a box: run it, fill it, look after it.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=OneLineParser)
    for verb in VERBS:
        verb.add_parser(verbs)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit status of the process."""
    try:
        arguments = build_parser().parse_args(argv)
        return arguments.run(arguments)
    except CommandError as error:
        print(f"postino: {one_line(str(error))}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # Whoever read our output is gone; the interpreter must not complain about it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def one_line(text: str) -> str:
    """A message may quote what the user typed: line ends and control characters in it must not split it."""
    return "".join(c if c.isprintable() else " " for c in text)
