"""Prints, as JSON, the public names of all modules of a firmware and what its pure modules answer.

Run by test_frozen_source.py in a process of its own: `python -B frozen_probe.py FOLDER`.
"""

import asyncio
import importlib
import json
import random
import sys
from pathlib import Path

SEED = 5
LETTERS = 300
WORDS = (
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"content-type: text/html; charset*0*=utf-8''%20; charset*1=x\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"From: =?utf-8?q?J=C3=B6rg?= (x) <j@x>, Team: a@x;, root\r\n",
    b"Date: Tue, 24 Nov 2026 12:06:59 +0100\r\n",
    b"\tmore\r\n",
    b"no field\n",
    b"\r\n",
    b"\r\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"text\r\n",
    b"x" * 1100 + b"\r\n",
)
VALUES = (
    b"24-Nov-2026 12:06:59 +0100",
    b" 4-Nov-2026",
    b"Tue, 24 Nov 2026 12:06:59 EST (x)",
    b'Joe <@r:joe@[192.0.2.7]>, "a b"@x; Team: c@x;',
    b'a/b; name*0=x; name*1=y; q="a\\"b"',
    b"=?koi8-r?b?8NLJ18XU?= =?utf-8?q?a_b?= x",
    b"Re: [list] Fwd: (fwd) Gr\xc3\xbc\xc3\x9fe (fwd)",
    b"\xe2\x82\xac\xf0\x9f\x98\x80\xff\xc0\x80",
    b"1:*,5,4294967295,7:3",
    b"4294967296",
)


def names_of(folder: Path) -> dict[str, dict[str, str] | None]:
    """Every module that imports here, with its public names and what they are; None for the others."""
    found = {}
    for path in sorted(folder.glob("postino/**/*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            found[name] = importlib.import_module(name)
        except ImportError:
            # It wants MicroPython, or a chip.
            found[name] = None
    return {name: module and describe(vars(module)) for name, module in found.items()}


def describe(names: dict) -> dict[str, str]:
    return {
        name: repr(value) if isinstance(value, int | str | bytes) else type(value).__name__
        for name, value in names.items()
        if not name.startswith("_")
    }


def answers() -> list[str]:
    chance = random.Random(SEED)
    letters = [b"".join(chance.choices(WORDS, k=chance.randint(1, 20))) for _ in range(LETTERS)]
    return [*(repr(parsed(letter)) for letter in letters), *(repr(value_of(value)) for value in VALUES)]


def parsed(letter: bytes) -> tuple:
    """ENVELOPE, the table of parts and BODYSTRUCTURE."""
    from postino.mime import bodystructure, envelope
    from postino.mime.fields import FieldCollector
    from postino.mime.structure import StructureScanner

    def collected(header, names):
        collector = FieldCollector(names)
        collector.feed(header)
        collector.finish()
        return collector

    async def header_of(index):
        return collected(letter[table.start(index) : table.body(index)], bodystructure.NAMES)

    async def write(piece):
        out.append(bytes(piece))

    scanner = StructureScanner()
    scanner.feed(letter)
    table = scanner.finish()
    out: list[bytes] = []
    asyncio.run(bodystructure.emit(table, header_of, write, True, True))
    ranges = [(table.kind(index), table.body_range(index)) for index in range(table.count)]
    return envelope.envelope(collected(letter, envelope.NAMES)), ranges, out


def value_of(value: bytes) -> list:
    """What every reader of a single value makes of it."""
    from postino import date_parser
    from postino.imap import sequence
    from postino.mime import address, base_subject, encoded_words, parameters, transfer, utf8

    def decoded(octets):
        decoder = transfer.decoder_for(b"base64")
        return decoder.feed(octets) + decoder.finish()

    readers = (
        date_parser.parse_imap,
        date_parser.parse_imap_day,
        date_parser.parse_rfc5322,
        lambda text: sequence.text_of(sequence.merge(sequence.parse(text.split(b","), 9))),
        address.parse,
        parameters.content_type,
        encoded_words.decode,
        base_subject.subject_key,
        utf8.whole,
        decoded,
    )
    return [result_of(reader, value) for reader in readers]


def result_of(reader, value):
    try:
        return reader(value)
    except Exception as error:
        # An answer too: the other firmware raises the same.
        return type(error).__name__


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    json.dump({"names": names_of(Path(sys.argv[1])), "answers": answers()}, sys.stdout)
