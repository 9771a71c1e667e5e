"""Reads a littlefs in a process of its own: whatever an image does to the C code costs no more than that process.

The child gets the partition on its standard input. It answers on its standard output with a line of JSON, and the
contents of the files behind it.
"""

import json
import os
import signal
import subprocess
import sys

from postino_tools.mail_image.filesystem import FileSystem
from postino_tools.mail_image.partition import NotAStore

# Many times what the largest chip takes on a slow machine.
TIME_LIMIT = 30.0
REFUSED = "refused"


def read_in_child(partition: bytes) -> FileSystem:
    """As read_littlefs() does; NotAStore also if it ends badly, or not at all."""
    command = [sys.executable, "-P", "-m", __name__]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    try:
        child = subprocess.run(
            command,
            check=False,
            env=environment,
            input=partition,
            stdout=subprocess.PIPE,
            # What the interpreter says when it dies helps nobody.
            stderr=subprocess.DEVNULL,
            timeout=TIME_LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise NotAStore("the littlefs of the mail partition is damaged: reading it comes to no end") from None
    if child.returncode:
        raise NotAStore(f"the littlefs of the mail partition is damaged: reading it {_ending(child.returncode)}")
    line, _, contents = child.stdout.partition(b"\n")
    described = json.loads(line)
    if REFUSED in described:
        raise NotAStore(described[REFUSED])
    return FileSystem.from_parts(described, contents)


def _ending(status: int) -> str:
    if status > 0:
        return f"fails with status {status}"
    try:
        return f"ends with {signal.Signals(-status).name}"
    except ValueError:
        return f"ends with signal {-status}"


def main() -> None:
    """The child."""
    # Not before: the parent must not load the C code.
    from postino_tools.mail_image.littlefs_reader import read_littlefs

    contents: list[bytes] = []
    try:
        described, contents = read_littlefs(sys.stdin.buffer.read()).to_parts()
    except NotAStore as error:
        described = {REFUSED: str(error)}
    sys.stdout.buffer.write(json.dumps(described).encode("ascii") + b"\n")
    for content in contents:
        sys.stdout.buffer.write(content)


if __name__ == "__main__":
    main()
