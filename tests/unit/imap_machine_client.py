"""A client that believes what it is told, checks that it may be told it, and remembers a mailbox between two visits."""

import re

from tests.unit.imap_machine_truth import Command, Fetch, Leave, Nothing, Select, Store, Truth, numbers_of
from tests.unit.imap_stepping import ENDED, WAITING, SteppedSession

_TAGGED = re.compile(r"(\w+) (OK|NO|BAD) (?:\[([^\]]*)\] )?(.*)")
_CODE = re.compile(r"\* OK \[(\S+) ?([^\]]*)\] .+")
_FETCH = re.compile(r"\* (\d+) FETCH \((.*)\)")


class Memory:
    """What a client keeps of a mailbox when it leaves it."""

    def __init__(self, client: "Client") -> None:
        self.uidvalidity = client.uidvalidity
        self.highest = client.highest
        self.flags = {uid: client.flags[uid] for uid in client.uids if uid in client.flags}
        # The letters in the order of their numbers.
        self.uids = list(client.uids)
        # Whether expunges count too: with CONDSTORE alone, the highest modification sequence says nothing of them.
        self.has_expunges = client.qresync or not client.aware


class Client:
    def __init__(self, serve, server, truth: Truth, condstore: bool, qresync: bool) -> None:
        self._truth = truth
        self.session = SteppedSession(serve, server, self._hear)
        self.qresync = qresync
        # A CONDSTORE-aware client (RFC 7162 3.1).
        self.aware = condstore or qresync
        self.command: Command = Nothing()
        self.busy = False
        self.idling = False
        self.selected = False
        self.read_only = False
        self.uids: list[int] = []
        self.uidnext = 1
        self.flags: dict[int, frozenset[str]] = {}
        self.modseqs: dict[int, int] = {}
        self.uidvalidity = 0
        self.highest = 0
        # Since the last tagged response (RFC 7162 6).
        self._codes: list[int] = []
        self._seen: list[int] = []
        # It has come back without QRESYNC, and has not asked for the changes since this modification sequence.
        self.behind: int | None = None
        self.memory: Memory | None = None
        self._tag = 0

    # What it does -----------------------------------------------------------------------------------------------

    def issue(self, command: Command) -> None:
        assert not self.busy
        self._tag += 1
        self.busy = True
        self.command = command
        self.aware = self.aware or command.enables
        command.begin(self._truth)
        self.session.conn.say(b"T%d %s\r\n" % (self._tag, command.text.encode()))

    def resume(self) -> None:
        """One slice of its session."""
        if self.session.state is ENDED:
            return
        self._truth.command = self.command
        self.session.resume()
        self.command.after_slice(self._truth)
        self._truth.command = Nothing()
        if self._truth.failures:
            raise self._truth.failures[0]
        assert self.session.state is not ENDED or not self.busy, self.command

    def run(self, command: Command) -> None:
        """A command from its beginning to its end, with nothing else going on."""
        self.issue(command)
        self.run_on()

    def run_on(self) -> None:
        for _ in range(10000):
            if not self.busy or (self.idling and self.session.state is WAITING):
                return
            self.resume()
        raise AssertionError(f"no end: {self.command}")

    def greeted(self) -> None:
        """It has logged in, and enabled what it wants."""
        self.busy = True
        for _ in range(100):
            self.session.resume()
            if self.session.state is WAITING and not self.session.conn.has_input():
                self.busy = False
                return
        raise AssertionError("no end of the beginning")

    def remember(self) -> None:
        """Keeps what it knows, unless SELECT has not ended yet, or it has not been brought up to date itself."""
        catching_up = isinstance(self.command, Fetch) and self.command.since is not None
        if self.selected and self.behind is None and not catching_up and not isinstance(self.command, Select):
            self.memory = Memory(self)

    def _forget(self) -> None:
        self.selected = False
        self.behind = None
        self.uids, self.flags, self.modseqs, self._codes, self._seen = [], {}, {}, [], []
        self.highest = 0

    # What it hears ----------------------------------------------------------------------------------------------

    def _hear(self, line: bytes) -> None:
        try:
            self._take(line.decode())
        except AssertionError as failure:
            failure.add_note(f"{self.command} heard {line!r}")
            self._truth.failures.append(failure)

    def _take(self, line: str) -> None:
        fetched = _FETCH.fullmatch(line)
        counted = re.fullmatch(r"\* (\d+) (EXISTS|EXPUNGE|RECENT)", line)
        vanished = re.fullmatch(r"\* VANISHED (\(EARLIER\) )?(.*)", line)
        tagged = _TAGGED.fullmatch(line)
        code = _CODE.fullmatch(line)
        if fetched:
            self._take_fetch(int(fetched[1]), fetched[2])
        elif counted and counted[2] == "EXISTS":
            self._take_exists(int(counted[1]))
        elif counted and counted[2] == "EXPUNGE":
            assert self.selected and not self.qresync
            self._take_gone(self.uids[int(counted[1]) - 1])
        elif vanished:
            self._take_vanished(numbers_of(vanished[2]), bool(vanished[1]))
        elif code and code[1] == "CLOSED":
            assert self.selected
            self._forget()
        elif code and code[1] in ("HIGHESTMODSEQ", "UIDVALIDITY", "UIDNEXT"):
            self._take_code(code[1], int(code[2]))
        elif tagged:
            self._take_tagged(*tagged.groups())
        elif line.startswith("+ "):
            assert self.command.text == "IDLE"
            self.idling = True
        else:
            assert line.startswith("* "), line

    def _take_exists(self, count: int) -> None:
        assert self.busy
        if not self.selected:
            assert isinstance(self.command, Select) and not self.uids
            self.uidnext = 1
            self.read_only = self.command.read_only
            self.flags = dict(self.command.flags)
            self.behind = self.command.behind
        new = [uid for uid in self._truth.uids if uid >= self.uidnext]
        assert count == len(self.uids) + len(new), (count, self.uids, new)
        self.uids += new
        self.uidnext = self._truth.uidnext
        self.selected = True

    def _take_gone(self, uid: int) -> None:
        assert self.busy and self.command.may_expunge
        assert uid not in self._truth.flags
        self.uids.remove(uid)
        self.flags.pop(uid, None)
        self.modseqs.pop(uid, None)

    def _take_vanished(self, uids: set[int], earlier: bool) -> None:
        assert self.qresync
        assert not uids & set(self._truth.flags), uids & set(self._truth.flags)
        if not earlier:
            for uid in uids:
                self._take_gone(uid)
            return
        assert "VANISHED" in self.command.text or "QRESYNC" in self.command.text
        assert not uids & set(self.uids), (uids, self.uids)
        assert max(uids) < self._truth.uidnext
        for uid in uids:
            self.flags.pop(uid, None)

    def _take_code(self, name: str, value: int) -> None:
        if name == "HIGHESTMODSEQ":
            # It may rise by what nobody sees, a keyword that no letter has yet.
            assert 1 <= value <= self._truth.box.highest_modseq
            self._codes.append(value)
        elif name == "UIDVALIDITY":
            self.uidvalidity = value
        else:
            assert value == self.uidnext

    def _take_fetch(self, number: int, items: str) -> None:
        assert self.busy and 1 <= number <= len(self.uids)
        uid = self.uids[number - 1]
        assert uid in self._truth.flags
        told = re.search(r"UID (\d+)", items)
        assert told is None or int(told[1]) == uid, uid
        flags = re.search(r"FLAGS \(([^)]*)\)", items)
        modseq = re.search(r"MODSEQ \((\d+)\)", items)
        asked = "FETCH" in self.command.text
        if not asked or (flags and "FLAGS" not in self.command.text):
            # Unsolicited: RFC 7162 3.1 and 3.2.4; without .SILENT the flags are there.
            assert (modseq is not None) == self.aware
        assert modseq is None or self.aware
        if self.qresync and not asked:
            assert told is not None
        if flags:
            self.flags[uid] = frozenset(flags[1].split()) - {"\\Recent"}
            assert self.flags[uid] == self._truth.flags[uid], (uid, self._truth.flags[uid])
        if modseq:
            self.modseqs[uid] = int(modseq[1])
            assert self.modseqs[uid] == self._truth.modseqs[uid], (uid, self._truth.modseqs[uid])
            self._seen.append(self.modseqs[uid])
        if isinstance(self.command, Fetch) and self.command.since is not None:
            assert self._truth.modseqs[uid] > self.command.since
        self.command.heard.add(uid)

    def silently(self, store: Store, uid: int) -> None:
        """Its own STORE with .SILENT: it knows by itself what that has done."""
        if uid in self.flags and uid not in store.heard:
            self.flags[uid] = store.change(self.flags[uid])

    def _take_tagged(self, tag: str, status: str, code: str | None, text: str) -> None:
        assert self.busy and text
        if tag in ("L", "E"):
            assert status == "OK"
            return
        assert tag == f"T{self._tag}"
        code = code or ""
        if code.startswith("HIGHESTMODSEQ "):
            self._take_code("HIGHESTMODSEQ", int(code.split()[1]))
        self.busy = self.idling = False
        # The rule of RFC 7162 6: a code counts, whatever else was seen.
        if self._codes:
            self.highest = self._codes[-1]
        else:
            self.highest = max([self.highest, *self._seen])
        self._codes, self._seen = [], []
        command, self.command = self.command, Nothing()
        command.finish(self._truth, status, code)
        if isinstance(command, Select):
            # Whatever it remembered is there, or was told to be gone.
            assert not self.qresync or set(self.flags) <= set(self.uids), (self.flags, self.uids)
        elif isinstance(command, Leave) or command.text == "CLOSE":
            self.remember()
            self._forget()
