"""Damages what a client says: the octets of a dialog, line by line."""

import re
from pathlib import Path

from tests.dialogs.player import read_dialog

DIALOGS = Path(__file__).resolve().parents[1] / "dialogs"

# Pieces that mean something to one of the protocols, or to a careless parser.
TOKENS = [
    b"\x00", b"\r", b"\n", b"\r\n", b"\r\n.\r\n", b".", b"..", b" ", b"  ", b"\t", b"\\", b'"', b'\\"', b"(", b")",
    b"((((", b"))))", b"{", b"}", b"{0}", b"{1}", b"{5+}", b"{0+}", b"{4097+}", b"{99999999999}", b"{-1}", b"*", b"%",
    b"&", b"&-", b"&AAA-", b"+", b"-", b",", b":", b";", b"<", b">", b"<>", b"<0.0>", b"<4294967295.1>", b"[", b"]",
    b"[]", b"@", b"=", b"==", b"~", b"\xff", b"\xc3\x28", b"NIL", b"INBOX", b"ALL", b"NOT", b"OR", b"UID", b"1:*",
    b"*:*", b"0", b"1", b"-1", b"2", b"4294967295", b"4294967296", b"99999999999999999999", b"DONE", b"NOOP", b"anna",
    b"A" * 300, b"(" * 100, b"x" * 2100, b"\\Seen", b"\\Recent", b"$Label", b"BODY[]", b"BODY.PEEK[1.1.MIME]",
    b"HEADER.FIELDS (", b"RFC822.SIZE", b"24-Nov-2026", b'"24-Nov-2026 00:00:00 +0000"', b"CHARSET UTF-8", b"SIZE=1",
    b"BODY=8BITMIME", b"AUTH=<>",
]  # fmt: skip
LOGIN = re.compile(rb"(?i)login|authenticate|^user|^pass|^EHLO")
NUMBER = re.compile(rb"\d+")
NUMBERS = [b"0", b"1", b"2", b"-1", b"65536", b"2147483648", b"4294967295", b"4294967296", b"1" * 30]


def client_lines(protocol, variables):
    """What the client says in each dialog of a protocol: a list of lists of octets, one for each line."""
    conversations = []
    for path in sorted((DIALOGS / protocol).glob("*.dialog")):
        lines = []
        for step in read_dialog(path)[0]:
            if step.kind == "@" and step.text.startswith("login - "):
                lines += login_lines(protocol, step.text.split()[2], variables["password"])
            if step.connection != "-" or step.kind not in ("C", "L", "R"):
                continue
            if step.kind == "R":
                lines.append(step.text.encode("latin-1").decode("unicode_escape").encode("latin-1"))
                continue
            text = re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match[1], "1"), step.text)
            # Literals get a size that is about right: mutation is what this is for.
            lines.append(text.replace("{@", "{30").encode() + b"\r\n")
        conversations.append(lines)
    return [lines for lines in conversations if lines]


def login_lines(protocol, user, password):
    if protocol == "imap":
        return [f'l LOGIN {user} "{password}"\r\n'.encode()]
    return [f"USER {user}\r\n".encode(), f"PASS {password}\r\n".encode()]


def mutated_line(line, choice):
    """One line with up to three injuries."""
    line = bytearray(line)
    for _ in range(choice.randrange(1, 4)):
        position = choice.randrange(len(line) + 1)
        kind = choice.randrange(8)
        if kind <= 1:
            line[position:position] = choice.choice(TOKENS)
        elif kind == 2:
            del line[position : position + choice.randrange(1, 8)]
        elif kind == 3 and position < len(line):
            line[position] = choice.randrange(256)
        elif kind == 4:
            numbers = list(NUMBER.finditer(line))
            if numbers:
                number = choice.choice(numbers)
                line[number.start() : number.end()] = choice.choice(NUMBERS)
        elif kind == 5:
            words = bytes(line).split(b" ")
            del words[choice.randrange(len(words))]
            line = bytearray(b" ".join(words))
        elif kind == 6:
            words = bytes(line).split(b" ")
            words.insert(choice.randrange(len(words) + 1), choice.choice(words))
            line = bytearray(b" ".join(words))
        else:
            line[position:position] = bytes(line[position:]) * choice.randrange(1, 5)
    return bytes(line)


def mutated(lines, choice):
    """A conversation with some lines injured, left out, doubled or exchanged; most stay as they are."""
    result = []
    for line in lines:
        # A login that fails is the end of what can be reached: most are left alone.
        kind = choice.randrange(200 if LOGIN.search(line) else 20)
        if kind == 0:
            continue
        if kind == 1:
            result.append(line)
        if kind == 2 and result:
            result.insert(choice.randrange(len(result)), line)
            continue
        result.append(mutated_line(line, choice) if kind < 9 else line)
    return result
