"""The `postino` command: one module per verb, each with `add_parser(verbs)` and `run(arguments)`."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from postino_tools import export, fsck, sim
from postino_tools.errors import CommandError, OutputError, UsageError, one_line

VERBS = (sim, fsck, export)
# What shells say of a command that SIGINT has ended.
INTERRUPTED = 130


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
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of mailboxes are any Unicode; what the terminal does not have must not end the work.
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = argparse.Namespace(verb="")
    try:
        arguments = build_parser().parse_args(argv)
        return arguments.run(arguments)
    except CommandError as error:
        if isinstance(error, OutputError):
            _give_up_output()
        print(f"postino: {one_line(str(error))}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        # That is how the simulator is ended; anything else is left half-done.
        return 0 if arguments.verb == "sim" else INTERRUPTED
    except BrokenPipeError:
        _give_up_output()
        return 1


def _give_up_output() -> None:
    """Nobody gets what is left of the output; the interpreter must not complain about that at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
