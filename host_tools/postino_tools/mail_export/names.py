"""File names for users and mailboxes: any Unicode text, safe in any folder, different for different texts.

A level of a mailbox name is written in the modified UTF-7 of IMAP (RFC 3501, 5.1.3), as Maildir++ has it, and levels
are joined by dots. A dot within a level, and what no file name may have, is written as modified UTF-7 too: `a.b/c`
becomes `a&AC4-b.c`. What would be too long is cut, and ends with a part of its SHA-256. Two names may still come to the
same, or differ in upper and lower case alone, which not all file systems tell apart: `Taken` sees to that.
"""

import base64
import hashlib

# File systems take 255 octets; `.mbox` and the dot of Maildir++ are added.
LENGTH_MAX = 240
DIGEST_LENGTH = 16
SAFE_IN_LEVEL = frozenset(chr(code) for code in range(0x20, 0x7F)) - set("&./")
SAFE_IN_USER = SAFE_IN_LEVEL | {"."}
# Stands for an empty level or user, which only a damaged store has.
EMPTY = "\0"
# What else lies in the exported folder.
RESERVED_USERS = ("postino.json", "lost")


class Taken:
    """The names that are taken in one folder."""

    def __init__(self, *names: str) -> None:
        self._names = {name.lower() for name in names}

    def take(self, name: str, number: int) -> str:
        """The name, or if somebody has it one with this number behind it, which is nobody else's."""
        ending = ""
        wanted = name
        while wanted.lower() in self._names:
            ending += f"-{number}"
            wanted = name[: LENGTH_MAX - len(ending)] + ending
        self._names.add(wanted.lower())
        return wanted


def folder_name(mailbox: str) -> str:
    """`Archive/2024` -> `Archive.2024`."""
    return _limited(".".join(_encode(level or EMPTY, SAFE_IN_LEVEL) for level in mailbox.split("/")), mailbox)


def user_name(user: str) -> str:
    """Names of users are plain in a healthy store; what is not must not leave the folder."""
    if user in RESERVED_USERS or user.startswith("."):
        return _limited(_encode(user[:1], frozenset()) + _encode(user[1:], SAFE_IN_USER), user)
    return _limited(_encode(user or EMPTY, SAFE_IN_USER), user)


def _encode(text: str, safe: frozenset[str]) -> str:
    """Modified UTF-7: what is not safe goes into runs of base64."""
    pieces: list[str] = []
    run = ""
    for character in text:
        if character in safe or character == "&":
            pieces.append(_base64(run) + ("&-" if character == "&" else character))
            run = ""
        else:
            run += character
    return "".join(pieces) + _base64(run)


def _base64(run: str) -> str:
    if not run:
        return ""
    code = base64.b64encode(run.encode("utf-16-be", "surrogatepass")).decode("ascii")
    return "&" + code.rstrip("=").replace("/", ",") + "-"


def _limited(name: str, text: str) -> str:
    if len(name) <= LENGTH_MAX:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]
    return f"{name[: LENGTH_MAX - DIGEST_LENGTH - 1]}-{digest}"
