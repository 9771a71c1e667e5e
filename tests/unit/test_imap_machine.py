"""Two or three sessions on one mailbox against a model, slice by slice, in any order.

Each session has a client that uses CONDSTORE, QRESYNC or neither. At every moment: numbers and UIDs agree, EXPUNGE,
VANISHED and EXISTS come only when they may, what is told of a letter is true when it is told. When all is quiet: every
client knows everything. Who comes back with what he remembered is brought up to date.
"""

import asyncio
import tempfile

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from postino import log
from postino.imap import copying, expunge, fetch, qresync, select, session, storing
from postino.imap import session as sessions
from postino.store import Store, contents
from tests.unit import imap_stepping
from tests.unit.imap_machine_client import Client, Memory
from tests.unit.imap_machine_truth import (
    Command,
    Deliver,
    Expunge,
    Fetch,
    Leave,
    Outside,
    Search,
    Select,
    Transfer,
    Truth,
)
from tests.unit.imap_machine_truth import Store as StoreCommand
from tests.unit.imap_stepping import ENDED, WAITING
from tests.unit.session_fakes import FakeServer

# Steps in all: commands given, letters that come, letters that somebody else expunges.
STEPS = 20000
# Runs, each from an empty mailbox, and choices in one of them: some of these only give sessions their turns.
RUNS = 360
CHOICES = 200
MOST_LETTERS = 20
LETTER = b"Subject: x\r\n\r\nhello\r\n"
FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "$Work")

# Small, so that few letters are many batches: (module, constant, value).
SMALL = (
    (storing, "BATCH", 3),
    (expunge, "BATCH", 2),
    (expunge, "YIELD_EVERY", 3),
    (copying, "BATCH", 3),
    (fetch, "YIELD_EVERY", 2),
    (sessions, "YIELD_EVERY", 2),
    (sessions, "MAX_ROUNDS", 2),
    (select, "YIELD_EVERY", 3),
    (qresync, "YIELD_EVERY", 2),
    # The mailbox soon forgets what was expunged: both ways of telling it are taken (RFC 7162 3.2.5.2).
    (contents, "MAX_HISTORY", 6),
)

# What may be done next, and how often beside the others.
CHOICE = {
    "turns": 6,
    "settle": 1,
    "deliver": 2,
    "pop3_deletes": 1,
    "noop": 1,
    "learn_all": 2,
    "fetch": 2,
    "read": 2,
    "changed_since": 1,
    "change": 8,
    "expunge": 4,
    "transfer": 4,
    "append": 1,
    "search": 1,
    "idle": 2,
    "done": 2,
    "unselect": 1,
    "come_back": 3,
    "reconnect": 1,
    "catch_up": 1,
}
ACTIONS = tuple(name for name, weight in CHOICE.items() for _ in range(weight))

steps = [0]


class Dice:
    """Numbers for the details of one action, out of one that hypothesis has drawn."""

    def __init__(self, number: int) -> None:
        self._number = number

    def below(self, limit: int) -> int:
        self._number, result = divmod(self._number, limit)
        return result

    def yes(self) -> bool:
        return bool(self.below(2))

    def one_of(self, choices):
        return choices[self.below(len(choices))]

    def some_of(self, choices, most: int):
        """At least one, in the order of the choices."""
        chosen = {self.below(len(choices)) for _ in range(1 + self.below(most))}
        return [choices[k] for k in sorted(chosen)]


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.server = FakeServer()
        self.server.values |= {"imap_timeout": 1800, "idle_notify": 120, "imap_capabilities_off": ""}
        self.server.store = self.store = Store(self._folder.name, self.server.clock)
        self.store.format()
        self.store.open()
        self.store.ensure_user("anna")
        box = self.store.open_mailbox(self.store.find("anna", "INBOX")[0], None)
        box.listeners.remove(None)
        self.truth = Truth(box)
        self.clients: list[Client] = []

    def teardown(self) -> None:
        for client in self.clients:
            client.session.close()
        self.truth.box.listeners.remove(self.truth)
        self.store.close()
        self._folder.cleanup()

    # Who is there -----------------------------------------------------------------------------------------------

    def _connect(self, condstore: bool, qresync: bool) -> Client:
        client = Client(session.serve, self.server, self.truth, condstore, qresync)
        client.session.conn.say(b"L LOGIN anna {11+}\r\ntin whistle\r\n")
        words = b" CONDSTORE" * condstore + b" QRESYNC" * qresync
        if words:
            client.session.conn.say(b"E ENABLE%s\r\n" % words)
        client.greeted()
        return client

    @initialize(count=st.integers(2, 3), kinds=st.integers(0, 63), letters=st.integers(0, 9))
    def start(self, count, kinds, letters):
        for _ in range(letters):
            self._deliver()
        for k in range(count):
            kind = kinds >> 2 * k & 3
            client = self._connect(kind == 1, kind >= 2)
            self.clients.append(client)
            self._select(client, False, False)
            client.run_on()

    @rule(what=st.sampled_from(ACTIONS), k=st.integers(0, 2), number=st.integers(0, 2**48))
    def act(self, what, k, number):
        client = self.clients[k % len(self.clients)]
        dice = Dice(number)
        if what == "turns":
            for _ in range(1 + dice.below(8)):
                dice.one_of(self.clients).resume()
        elif what in ("settle", "deliver", "pop3_deletes", "reconnect", "done"):
            getattr(self, what)(client, dice)
        elif client.busy or client.selected != (what != "come_back" or dice.yes()):
            # It is at something else.
            client.resume()
        else:
            steps[0] += 1
            getattr(self, what)(client, dice)

    # All together -----------------------------------------------------------------------------------------------

    def settle(self, _, dice):
        """Everybody finishes what he does, and asks whether anything has happened: then everybody knows everything."""
        for client in self.clients:
            client.run_on()
            if client.idling:
                client.session.conn.say(b"DONE\r\n")
                client.idling = False
                client.run_on()
            if client.selected and client.behind is not None:
                self.catch_up(client, dice)
                client.run_on()
        for client in self.clients:
            if client.selected:
                client.run(Command("NOOP"))
        for client in self.clients:
            if client.selected:
                self._check(client)

    def _check(self, client: Client) -> None:
        truth = self.truth
        assert client.uids == truth.uids
        for uid, flags in client.flags.items():
            assert flags == truth.flags[uid], uid
        for uid, modseq in client.modseqs.items():
            assert not client.aware or modseq == truth.modseqs[uid], uid
        assert client.highest <= truth.box.highest_modseq

    # Letters come and go from elsewhere -------------------------------------------------------------------------

    def _deliver(self) -> None:
        self.truth.command = Deliver()
        writer = self.store.new_letter()
        writer.write(LETTER)
        writer.describe(12, b"")
        self.store.deliver(writer, ["anna"], 1795522019)
        self.truth.command = Command()
        assert not self.truth.failures, self.truth.failures[0]

    def deliver(self, _, dice):
        for _ in range(1 + dice.below(3)):
            if len(self.truth.uids) < MOST_LETTERS:
                steps[0] += 1
                self._deliver()

    def pop3_deletes(self, _, dice):
        if not self.truth.uids:
            return
        steps[0] += 1
        uids = dice.some_of(list(self.truth.uids), 4)
        self.truth.command = Outside("POP3", tuple(uids))
        self.truth.box.expunge(uids)
        self.truth.command = Command()
        assert not self.truth.failures, self.truth.failures[0]

    # Commands ---------------------------------------------------------------------------------------------------

    def _targets(self, client: Client, dice: Dice, numbered: bool) -> tuple[str, tuple[int, ...]]:
        """Some letters as the client has them: the set as it is written, and their UIDs."""
        numbers = dice.some_of(range(len(client.uids)), 5)
        uids = tuple(client.uids[k] for k in numbers)
        return ",".join(str(k + 1) for k in numbers) if numbered else ",".join(map(str, uids)), uids

    def noop(self, client, dice):
        client.issue(Command(dice.one_of(("NOOP", "CHECK"))))

    def learn_all(self, client, dice):
        items = "(UID FLAGS MODSEQ)" if client.aware else "(UID FLAGS)"
        client.issue(Fetch(f"UID FETCH 1:* {items}", tuple(client.uids), False))

    def fetch(self, client, dice):
        if client.uids:
            numbered = dice.yes()
            words, uids = self._targets(client, dice, numbered)
            items = dice.one_of(("FLAGS", "FLAGS", "(UID FLAGS)", "(UID FLAGS)", "(MODSEQ)"))
            client.issue(Fetch(f"{'' if numbered else 'UID '}FETCH {words} {items}", uids, numbered))

    def read(self, client, dice):
        if client.uids and not client.read_only:
            numbered = dice.yes()
            words, uids = self._targets(client, dice, numbered)
            text = f"{'' if numbered else 'UID '}FETCH {words} BODY[]<0.0>"
            client.issue(Fetch(text, uids, numbered, True))

    def changed_since(self, client, dice):
        if client.behind is None:
            since = max(client.highest - dice.below(12), 0)
            more = " VANISHED" if client.qresync and dice.yes() else ""
            text = f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since}{more})"
            client.issue(Fetch(text, tuple(client.uids), False, False, since))

    def change(self, client, dice):
        if not client.uids or client.read_only:
            return
        numbered, silent, limited = dice.yes(), dice.yes(), dice.below(4) == 0
        words, uids = self._targets(client, dice, numbered)
        sign = dice.one_of(("+", "+", "-", ""))
        flags = dice.some_of(FLAGS, 2)
        limit = max(self.truth.highest - dice.below(12), 0) if limited else None
        modifier = "" if limit is None else f"(UNCHANGEDSINCE {limit}) "
        item = f"{sign}FLAGS{'.SILENT' * silent} ({' '.join(flags)})"
        text = f"{'' if numbered else 'UID '}STORE {words} {modifier}{item}"
        command = StoreCommand(text, uids, numbered, sign, flags, silent, limit, client)
        command.numbers = {uid: client.uids.index(uid) + 1 for uid in uids}
        client.issue(command)

    def expunge(self, client, dice):
        if client.read_only:
            return
        if not client.uids or dice.yes():
            word = dice.one_of(("EXPUNGE", "EXPUNGE", "EXPUNGE", "CLOSE"))
            client.issue(Expunge(word, (), client.uids))
        else:
            words, uids = self._targets(client, dice, False)
            client.issue(Expunge(f"UID EXPUNGE {words}", uids, client.uids))

    def transfer(self, client, dice):
        move, itself, numbered = dice.yes(), dice.yes(), dice.yes()
        if not client.uids or (client.read_only and move):
            return
        if itself and not move and len(self.truth.uids) >= MOST_LETTERS:
            return
        words, uids = self._targets(client, dice, numbered)
        text = f"{'' if numbered else 'UID '}{'MOVE' if move else 'COPY'} {words} {'INBOX' if itself else 'Trash'}"
        client.issue(Transfer(text, uids, numbered, move, itself))

    def append(self, client, dice):
        if len(self.truth.uids) < MOST_LETTERS:
            flags = dice.some_of(FLAGS, 2)
            text = f"APPEND INBOX ({' '.join(flags)}) {{{len(LETTER)}+}}\r\n{LETTER.decode()}"
            client.issue(Deliver(text, frozenset(flags)))

    def search(self, client, dice):
        client.issue(Search(f"SEARCH {dice.one_of(('DELETED', 'UNSEEN', 'ALL'))}"))

    def idle(self, client, _):
        client.issue(Command("IDLE"))

    def done(self, client, _):
        if client.idling and client.session.state is WAITING:
            client.session.conn.say(b"DONE\r\n")
            client.idling = False

    # Leaving and coming back ------------------------------------------------------------------------------------

    def unselect(self, client, _):
        client.issue(Leave("UNSELECT"))

    def come_back(self, client, dice):
        """SELECT or EXAMINE, also of the mailbox that is selected already."""
        client.remember()
        self._select(client, dice.below(4) == 0, dice.yes())

    def reconnect(self, old, dice):
        """The connection breaks, whatever is going on; the client comes back on another."""
        old.remember()
        old.session.close()
        assert old.session.state is ENDED
        kind = dice.below(4)
        client = self._connect(kind == 1, kind >= 2)
        self.clients[self.clients.index(old)] = client
        client.memory = old.memory
        self._select(client, False, dice.yes())

    def _select(self, client: Client, read_only: bool, numbers: bool) -> None:
        memory = client.memory
        parameters = ""
        flags: dict[int, frozenset[str]] = {}
        behind = None
        if memory and memory.flags and client.qresync and memory.has_expunges:
            parameters = f" (QRESYNC ({memory.uidvalidity} {memory.highest}{self._known(memory, numbers)}))"
            flags = memory.flags
        elif memory and memory.flags and client.aware and not client.qresync:
            parameters = " (CONDSTORE)"
            flags = memory.flags
            behind = memory.highest
        text = f"{'EXAMINE' if read_only else 'SELECT'} INBOX{parameters}"
        client.issue(Select(text, read_only, flags, behind))

    def _known(self, memory: Memory, numbers: bool) -> str:
        known = " " + ",".join(map(str, sorted(memory.flags)))
        if numbers and len(memory.uids) > 1:
            chosen = range(1, len(memory.uids) + 1, 2)
            uids = [str(memory.uids[number - 1]) for number in chosen]
            known += f" ({','.join(map(str, chosen))} {','.join(uids)})"
        return known

    def catch_up(self, client, _):
        since = client.behind
        if since is None:
            return
        client.flags = {uid: flags for uid, flags in client.flags.items() if uid in client.uids}
        text = f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since})"
        client.issue(Fetch(text, tuple(client.uids), False, False, since))
        client.behind = None


def test_sessions_on_one_mailbox_agree_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "sleep_ms", imap_stepping.sleep_ms, raising=False)
    monkeypatch.setattr(log, "_write", lambda level, text, values: text % values)
    for module, constant, value in SMALL:
        assert hasattr(module, constant)
        monkeypatch.setattr(module, constant, value)
    steps[0] = 0
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=CHOICES,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert steps[0] >= STEPS
