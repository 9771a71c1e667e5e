"""`postino fsck`: reads the mail store in an image and says what is wrong with it. It never writes the image."""

import argparse
import json
from pathlib import Path
from typing import Any

from postino_tools.errors import one_line, printing


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "fsck",
        help="check the mail store in an image",
        description="Check the mail store in IMAGE, a whole flash chip or a mail partition. IMAGE is only read. "
        "One line for each finding; the exit status is 1 if one is an error.",
        allow_abbrev=False,
    )
    parser.add_argument("image", metavar="IMAGE", type=Path, help="for the simulator: the flash.bin in its directory")
    parser.add_argument("--json", action="store_true", help="print what the store holds, and the findings, as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the findings; returns 1 if one of them is an error."""
    # Not to be paid for by the other verbs.
    from postino_tools import mail_image

    store = mail_image.open_image(arguments.image, in_child=True)
    findings = mail_image.check(store)
    content = mail_image.describe(store)
    if arguments.json:
        content["findings"] = [
            {"severity": finding.severity, "kind": finding.kind, "text": finding.text} for finding in findings
        ]
        lines = [json.dumps(content, indent=1)]
    else:
        lines = [*(one_line(str(finding)) for finding in findings), summary_line(content, findings)]
    with printing():
        for line in lines:
            print(line)
    return int(any(finding.severity == mail_image.ERROR for finding in findings))


def summary_line(content: dict[str, Any], findings: list) -> str:
    """`12 mailboxes, 40 letters, 123,456 octets, sequence 789: consistent`."""
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = sum(finding.severity == "warning" for finding in findings)
    verdict = _count(errors, "error") if errors else "consistent"
    if warnings:
        verdict += f", {_count(warnings, 'warning')}"
    holds = f"{_count(content['mailboxes'], 'mailbox', 'mailboxes')}, {_count(content['letters'], 'letter')}"
    return f"{holds}, {content['octets']:,} octets, sequence {content['sequence']}: {verdict}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
