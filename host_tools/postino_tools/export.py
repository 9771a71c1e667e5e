"""`postino export`: writes the mail in an image as Maildir++ and mbox. The image is only read."""

import argparse
import sys
from pathlib import Path
from typing import Any

from postino_tools.errors import CommandError, one_line, printing


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "export",
        help="write the mail in an image as Maildir and mbox",
        description="Write the mail in IMAGE, a whole flash chip or a mail partition, into DIR: for each user a "
        "Maildir and mbox files, and postino.json with UIDs, flags, keywords and dates. IMAGE is only read.",
        allow_abbrev=False,
    )
    parser.add_argument("image", metavar="IMAGE", type=Path, help="for the simulator: the flash.bin in its directory")
    parser.add_argument("folder", metavar="DIR", type=Path, help="made if absent; must be empty")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exports; returns 1 if fsck finds an error in the store, or a letter is lost, after all has been written."""
    # Not to be paid for by the other verbs.
    from postino_tools import mail_image
    from postino_tools.mail_export.exporter import Exporter

    store = mail_image.open_image(arguments.image, in_child=True)
    problems = [finding.text for finding in mail_image.check(store) if finding.severity == mail_image.ERROR]
    prepare(arguments.folder)
    exporter = Exporter(store, arguments.folder)
    try:
        exporter.export()
    except OSError as error:
        raise CommandError(f"cannot write into {arguments.folder}: {error.strerror}") from None
    problems += exporter.problems
    content = mail_image.summary(store)
    with printing():
        for problem in problems:
            print(f"postino: {one_line(problem)}", file=sys.stderr)
        print(f"{content['letters']:,} letters of {content['mailboxes']:,} mailboxes exported to {arguments.folder}")
    return int(bool(problems))


def prepare(folder: Path) -> None:
    """Makes the folder; CommandError if there is something in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise CommandError(f"{folder} is not empty")
    except OSError as error:
        raise CommandError(f"cannot use {folder}: {error.strerror}") from None
