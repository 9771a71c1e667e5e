"""Follows a connection: every response is read, and must be one that may come now.

The octets of both sides are handed over as they go: what the client sends before it is sent, what the server sends as
it arrives. Rules that need both: tagged responses come in the order of the commands (RFC 3501 2.2.2), EXPUNGE and
VANISHED only where numbers may change (RFC 3501 7.4.1, RFC 7162 3.2.10.2), data only for the commands that ask for it.
"""

import re
from collections import deque
from collections.abc import Callable

from tests.support.imap_grammar.client import Client, Command
from tests.support.imap_grammar.mailbox import Mailbox
from tests.support.imap_grammar.reader import GrammarError
from tests.support.imap_grammar.responses import Response, parse
from tests.support.imap_grammar.stream import Stream

# What was found in all connections since somebody looked: whoever caught the exception did not get rid of it.
failures: list[GrammarError] = []

# Lines that a report shows, and octets of each.
_REMEMBERED = 16
_SHOWN = 120

# Commands by number, which EXPUNGE would put out of step: never in them (RFC 3501 7.4.1, RFC 5256 3).
_BY_NUMBER = (b"FETCH", b"STORE", b"SEARCH", b"SORT")
# Data, and the commands that it is the answer to. RFC 9051 6.3.2, 6.3.9.7: SELECT tells LIST, and so do others that
# were given another name for the mailbox.
_ANSWERS = {
    b"CAPABILITY": (b"CAPABILITY",),
    b"ENABLED": (b"ENABLE",),
    b"ESEARCH": (b"SEARCH",),
    b"ID": (b"ID",),
    b"LIST": (b"LIST", b"SELECT", b"EXAMINE", b"CREATE", b"RENAME", b"DELETE", b"APPEND"),
    b"LSUB": (b"LSUB",),
    b"NAMESPACE": (b"NAMESPACE",),
    b"QUOTA": (b"GETQUOTA", b"GETQUOTAROOT"),
    b"QUOTAROOT": (b"GETQUOTAROOT",),
    b"SEARCH": (b"SEARCH",),
    b"SORT": (b"SORT",),
    b"STATUS": (b"STATUS", b"LIST"),
}
# Commands that may leave a mailbox without being asked to (RFC 9051 7.1); here DELETE tells it, too.
_CLOSING = (b"SELECT", b"EXAMINE", b"DELETE")
# Codes that say something of the selected mailbox.
_OF_MAILBOX = (b"UIDVALIDITY", b"UIDNEXT", b"HIGHESTMODSEQ")
# Words that make a client one that knows modification sequences (RFC 7162 3.1).
_CONDSTORE = re.compile(rb"CONDSTORE|QRESYNC|MODSEQ|CHANGEDSINCE|UNCHANGEDSINCE")
_RETURN = re.compile(rb"\bRETURN \(([A-Z ]*)\)")
_STATUS_ITEMS = re.compile(rb"\(([A-Z -]+)\)\s*$")
# A set of numbers among the keys of a search, and the word before it: what these words are followed by are none.
_SET_IN_SEARCH = re.compile(rb"(?:([A-Z$-]+) )?(?<![^ (])[0-9*][0-9:,*]*(?=[ )\r])")
_NOT_BEFORE_NUMBERS = (b"UID", b"LARGER", b"SMALLER", b"MODSEQ", b"OLDER", b"YOUNGER", b"ALL", b"PRIV", b"SHARED")
_ARGUMENT = re.compile(rb'\w+ +(?:"((?:[^"\\]|\\.)*)"|([^ \r]*))')


def _argument(command: Command) -> bytes:
    """The first argument of a command, in upper case, unless it is a literal."""
    found = _ARGUMENT.match(command.text)
    return (found[1] or found[2] or b"") if found else b""


def _has_numbers(command: Command) -> bool:
    """True if message numbers are among the keys of a search."""
    return any(found[1] not in _NOT_BEFORE_NUMBERS for found in _SET_IN_SEARCH.finditer(command.text))


class Watch:
    """One connection. With `follow` false only the syntax is looked at: for a client that does not say commands."""

    def __init__(self, name: str = "", follow: bool = True) -> None:
        self._name = name
        self._follow = follow
        self._stream = Stream()
        # What was said last, for the report.
        self._last: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._client = Client()
        self._greeted = False
        self._gone = False
        self._utf8 = self._rev2 = False
        self._qresync = False
        # The client knows modification sequences, as far as it has said; the server has agreed to it.
        self._may_tell_modseq = self._must_tell_modseq = False
        self.mailbox: Mailbox | None = None
        # That of the SELECT that is being answered.
        self._opening: Mailbox | None = None
        # Names of the data that the command was answered with, and what was told by it.
        self._answers: list[Response] = []

    # What goes over the wire ------------------------------------------------------------------------------------

    def said(self, octets: bytes) -> None:
        """What the client sends."""
        self._last.append(b"C: " + octets[:_SHOWN])
        if self._follow:
            self._client.said(octets)

    def heard(self, octets: bytes) -> None:
        """What the server sends. Raises GrammarError, and notes it in `failures`."""
        for data in self._stream.feed(octets):
            self._last.append(b"S: " + data[:_SHOWN])
            try:
                self._take(data)
            except GrammarError as error:
                error.add_note("\n".join([f"connection {self._name}", *map(repr, self._last)]))
                failures.append(error)
                raise

    def ended(self) -> None:
        """The server has closed the connection: not in the middle of a response."""
        if rest := self._stream.rest():
            failures.append(GrammarError("a response that does not end", rest, len(rest)))
            raise failures[-1]

    def _take(self, data: bytes) -> None:
        response = parse(data, self._utf8, self._rev2)
        if not self._greeted:
            self._greeted = True
            if response.tag is not None or response.name not in (b"OK", b"PREAUTH", b"BYE"):
                raise GrammarError("a greeting expected", data)
        elif self._follow:
            self._check(response)
        if response.name == b"ENABLED":
            self._enable(response.value)
        self._gone = self._gone or (response.tag is None and response.name == b"BYE")

    def _enable(self, names: list[bytes]) -> None:
        self._utf8 = self._utf8 or b"UTF8=ACCEPT" in names
        self._rev2 = self._rev2 or b"IMAP4REV2" in names
        self._qresync = self._qresync or b"QRESYNC" in names
        self._must_tell_modseq = self._must_tell_modseq or b"CONDSTORE" in names or b"QRESYNC" in names

    # What may come ----------------------------------------------------------------------------------------------

    def _check(self, response: Response) -> None:
        command = self._client.command()
        if command is not None and not self._may_tell_modseq and _CONDSTORE.search(command.text):
            self._may_tell_modseq = True
        if self._gone and response.tag is None:
            raise GrammarError("something behind BYE")
        if response.tag == b"+":
            if not self._client.asked_to_go_on():
                raise GrammarError("a continuation that nothing waits for")
        elif response.tag is not None:
            self._check_tagged(response, command)
        else:
            self._check_untagged(response, command)

    def _check_tagged(self, response: Response, command: Command | None) -> None:
        if command is None or command.tag != response.tag:
            raise GrammarError(f"a reply to {response.tag!r}; the command is {command and command.tag!r}")
        if response.name == b"OK":
            self._check_answers(command)
        self._finish(command, response)
        self._opening = None
        self._answers = []
        self._client.answered(response.name == b"OK")

    def _check_untagged(self, response: Response, command: Command | None) -> None:
        name = response.name
        if name in _ANSWERS:
            if command is None or command.name not in _ANSWERS[name]:
                raise GrammarError(f"{name.decode()} in {command and command.name.decode()}")
            self._answers.append(response)
            self._check_answer(response, command)
        elif name == b"BAD" and command is not None and command.may_lose_tag:
            # A line without a tag has this for an answer.
            self._client.answered(False)
        elif name == b"OK" and response.code is not None:
            self._check_code(response, command)
        elif name in _ABOUT_MAILBOX:
            _ABOUT_MAILBOX[name](self, response, command)

    # The mailbox ------------------------------------------------------------------------------------------------

    def _box(self, command: Command | None, name: bytes) -> Mailbox:
        """The mailbox that an untagged response is about: that of a SELECT from its first response on."""
        if command is not None and command.name in (b"SELECT", b"EXAMINE"):
            if self._opening is None and self.mailbox is None:
                self._opening = Mailbox(_argument(command))
            if self._opening is not None:
                return self._opening
        if self.mailbox is None:
            raise GrammarError(f"{name.decode()}, and no mailbox is selected")
        return self.mailbox

    def _check_code(self, response: Response, command: Command | None) -> None:
        assert response.code is not None
        name = response.code.name
        if name == b"CLOSED":
            if self.mailbox is None or command is None or command.name not in _CLOSING:
                raise GrammarError("CLOSED, and nothing was closed")
            self.mailbox = None
        elif name in _OF_MAILBOX:
            self._box(command, name).set_number(name, response.code.value)
        elif name in (b"PERMANENTFLAGS", b"NOMODSEQ", b"UNSEEN", b"MAILBOXID"):
            box = self._box(command, name)
            box.told.add(name)
            if name == b"UNSEEN":
                if self._rev2:
                    raise GrammarError("UNSEEN, which IMAP4rev2 has not")
                box.check_number(response.code.value)

    def _exists(self, response: Response, command: Command | None) -> None:
        self._box(command, b"EXISTS").set_exists(response.number or 0)

    def _recent(self, response: Response, command: Command | None) -> None:
        box = self._box(command, b"RECENT")
        if self._rev2:
            raise GrammarError("RECENT, which IMAP4rev2 has not")
        if (response.number or 0) > box.exists:
            raise GrammarError(f"{response.number} recent messages of {box.exists}")
        box.told.add(b"RECENT")

    def _flags(self, response: Response, command: Command | None) -> None:
        box = self._box(command, b"FLAGS")
        box.told.add(b"FLAGS")
        box.flags = {flag.lower() for flag in response.value}

    def _check_may_expunge(self, command: Command | None, name: bytes) -> None:
        if command is None:
            raise GrammarError(f"{name.decode()} without a command in progress")
        if command.name in _BY_NUMBER and not command.uid:
            raise GrammarError(f"{name.decode()} in {command.name.decode()}")

    def _expunge(self, response: Response, command: Command | None) -> None:
        box = self._box(command, b"EXPUNGE")
        self._check_may_expunge(command, b"EXPUNGE")
        if self._qresync:
            # RFC 7162 3.2.10.
            raise GrammarError("EXPUNGE after ENABLE QRESYNC")
        box.expunge(response.number or 0)

    def _vanished(self, response: Response, command: Command | None) -> None:
        box = self._box(command, b"VANISHED")
        earlier, uids = response.value
        if not self._qresync:
            raise GrammarError("VANISHED without ENABLE QRESYNC")
        if earlier:
            if command is None or not (b"VANISHED" in command.text or b"QRESYNC" in command.text):
                raise GrammarError("VANISHED (EARLIER) that nobody asked for")
            box.vanished_earlier(uids)
            if box is self._opening and max(high for _, high in uids) >= box.uidnext:
                raise GrammarError("VANISHED (EARLIER) of UIDs that were never given")
            return
        self._check_may_expunge(command, b"VANISHED")
        if command is not None and command.name == b"SEARCH" and _has_numbers(command):
            # RFC 7162 3.2.10.2.
            raise GrammarError("VANISHED in a UID SEARCH that counts in message numbers")
        box.vanish(uids)

    def _fetch(self, response: Response, command: Command | None) -> None:
        items = response.value
        box = self._box(command, b"FETCH")
        name = command.name if command is not None else b""
        if b"UID" not in items and (
            (command and command.uid and name in (b"FETCH", b"STORE"))
            or (
                # RFC 7162 3.2.4.
                self._qresync and name not in (b"FETCH", b"STORE")
            )
        ):
            raise GrammarError("FETCH without UID")
        if b"MODSEQ" in items and not self._may_tell_modseq:
            raise GrammarError("MODSEQ for a client that has not asked for any")
        if b"FLAGS" in items and b"MODSEQ" not in items and self._must_tell_modseq and name != b"FETCH":
            # RFC 7162 3.1.
            raise GrammarError("flags without MODSEQ")
        box.fetched(response.number or 0, items)

    # Answers ----------------------------------------------------------------------------------------------------

    def _check_answer(self, response: Response, command: Command) -> None:
        """One piece of data that a command asked for."""
        if response.name in (b"SEARCH", b"SORT"):
            if response.name == b"SEARCH" and (self._rev2 or _RETURN.search(command.text)):
                raise GrammarError("SEARCH where ESEARCH belongs")
            numbers = response.value[0]
            if not command.uid and numbers:
                self._box(command, response.name).check_number(max(numbers))
        elif response.name == b"ESEARCH":
            self._check_esearch(response.value, command)
        elif response.name == b"LIST" and command.name in (b"SELECT", b"EXAMINE"):
            self._box(command, b"LIST").told.add(b"LIST")

    def _check_esearch(self, value: dict, command: Command) -> None:
        asked = _RETURN.search(command.text)
        if not asked and not self._rev2:
            raise GrammarError("ESEARCH where SEARCH belongs")
        # RFC 4466 2.6.2.
        if value.get(b"TAG") != command.tag:
            raise GrammarError(f"ESEARCH for {value.get(b'TAG')!r}")
        if (b"UID" in value) != command.uid:
            raise GrammarError("ESEARCH by number and by UID mixed up")
        options = set((asked[1] if asked else b"").split()) - {b"SAVE"} or {b"ALL"}
        found = set(value) - {b"TAG", b"UID", b"MODSEQ"}
        # RFC 4731 3.1: MIN, MAX and ALL only if something was found, COUNT always.
        if not (found == options or (found == options & {b"COUNT"} and not value.get(b"COUNT"))):
            raise GrammarError("ESEARCH of what was not asked for")
        highest = max([value.get(b"MIN", 0), value.get(b"MAX", 0), *(high for _, high in value.get(b"ALL", ()))])
        if not command.uid and highest:
            self._box(command, b"ESEARCH").check_number(highest)

    def _check_answers(self, command: Command) -> None:
        """The command has succeeded: it has told what it must."""
        names = [response.name for response in self._answers]
        if command.name == b"SEARCH":
            asked = _RETURN.search(command.text)
            # RFC 5182 2.1: with SAVE alone nothing is told.
            expected = 0 if asked and set(asked[1].split()) == {b"SAVE"} else 1
            if len(names) != expected:
                raise GrammarError(f"{len(names)} answers to SEARCH")
        elif command.name in (b"SORT", b"CAPABILITY", b"NAMESPACE", b"ID", b"ENABLE", b"STATUS", b"GETQUOTA"):
            if len(names) != 1:
                raise GrammarError(f"{len(names)} answers to {command.name.decode()}")
        if command.name == b"STATUS" and (asked := _STATUS_ITEMS.search(command.text)):
            if set(self._answers[0].value[1]) != set(asked[1].split()):
                raise GrammarError("STATUS of other items than were asked for")

    def _finish(self, command: Command, response: Response) -> None:
        succeeded = response.name == b"OK"
        if succeeded and command.name != b"ENABLE" and _CONDSTORE.search(command.text):
            self._must_tell_modseq = True
        if command.name in (b"SELECT", b"EXAMINE"):
            if succeeded:
                self._check_selected(response)
            elif response.name == b"NO" or self._opening is not None:
                self.mailbox = None
        elif command.name == b"CLOSE" or (command.name == b"UNSELECT" and succeeded):
            # A CLOSE that fails in the middle has told nothing of what it has expunged.
            if command.name == b"UNSELECT" or response.name != b"BAD":
                self.mailbox = None
        elif command.name == b"DELETE" and succeeded and self.mailbox is not None:
            # Nobody says so, but it is not selected any more.
            if _argument(command) == self.mailbox.name:
                self.mailbox = None
        if response.code is not None and response.code.name == b"HIGHESTMODSEQ" and self.mailbox is not None:
            self.mailbox.set_number(b"HIGHESTMODSEQ", response.code.value)

    def _check_selected(self, response: Response) -> None:
        if self._opening is None:
            raise GrammarError("SELECT that tells nothing, or did not close the mailbox before")
        self._opening.check_selected(self._rev2, self._must_tell_modseq)
        if response.code is None or response.code.name not in (b"READ-ONLY", b"READ-WRITE"):
            raise GrammarError("SELECT without READ-WRITE or READ-ONLY")
        self.mailbox = self._opening


_ABOUT_MAILBOX: dict[bytes, Callable[[Watch, Response, Command | None], None]] = {
    b"EXISTS": Watch._exists,
    b"RECENT": Watch._recent,
    b"FLAGS": Watch._flags,
    b"EXPUNGE": Watch._expunge,
    b"VANISHED": Watch._vanished,
    b"FETCH": Watch._fetch,
}
