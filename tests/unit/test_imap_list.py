"""LIST with options against the rules of RFC 5258, written down once more in a few lines; LSUB against RFC 3501."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postino.imap import list_extended
from postino.store import SENT, TRASH, NoSuchMailbox, StoreUnavailable
from tests.unit.test_imap_session import append, micropython, server, talk

__all__ = ["micropython", "server"]

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LINE = re.compile(rb'\* (?:LIST|LSUB) \(([^)]*)\) "/" "([^"]*)"(?: \("CHILDINFO" \(([^)]*)\)\))?')
USES = {0: set(), SENT: {b"\\Sent"}, TRASH: {b"\\Trash"}}

levels = st.sampled_from(["a", "b", "ab", "a b"])
names = st.lists(levels, min_size=1, max_size=3).map("/".join)
GONE = "subscribed, then deleted"
subscriptions = st.sampled_from([True, False, GONE])
trees = st.dictionaries(names, st.tuples(subscriptions, st.sampled_from(sorted(USES))), max_size=6)
patterns = st.one_of(
    st.sampled_from(["*", "%", "a*"]),
    st.text("ab /*%", min_size=1, max_size=5),
    st.text("iNbOx*%/", min_size=1, max_size=7),
)


class Tree:
    """What the user's mailboxes are, made anew for each example; `gone` are subscribed names without a mailbox."""

    def __init__(self, server, wanted):
        store = server.store
        for info in reversed(store.mailboxes("anna")):
            if info[2] != "INBOX":
                store.delete("anna", info[2])
        for name in list(store.nonexistent("anna")):
            store.subscribe("anna", name.decode(), False)
        # Parents first, for they are made by the way, without a use.
        for name in sorted(wanted):
            if store.find("anna", name) is None:
                store.create("anna", name, wanted[name][1])
        self.subscribed = {}
        self.uses = {"INBOX": set()}
        self.gone = set()
        # Children first. A parent that was not wanted goes, unless there is a mailbox below it.
        for info in reversed(store.mailboxes("anna")):
            name = info[2]
            how = wanted.get(name, (False, 0))[0]
            store.subscribe("anna", name, bool(how))
            if name != "INBOX" and not self.below(name) and (how == GONE or name not in wanted):
                store.delete("anna", name)
                self.gone |= {name} if how else set()
                continue
            self.subscribed[name] = bool(how)
            self.uses[name] = USES[info[4] & (SENT | TRASH)]

    def below(self, name):
        return [other for other in self.subscribed if other.startswith(name + "/")]

    def children(self, name):
        return b"\\HasChildren" if self.below(name) else b"\\HasNoChildren"

    def all_names(self):
        """Those of mailboxes, subscribed names, and all above them."""
        found = {*self.subscribed, *self.gone}
        return found | {name[: end.start()] for name in found for end in re.finditer("/", name)}

    def is_subscribed(self, name):
        return name in self.gone or self.subscribed.get(name, False)


def matches(patterns, name):
    words = {"*": ".*", "%": "[^/]*"}
    for pattern in patterns:
        expression = "".join(words.get(character, re.escape(character)) for character in pattern)
        # INBOX is the same in any case (RFC 3501 5.1).
        if pattern and re.fullmatch(expression, name, re.IGNORECASE if name == "INBOX" else 0):
            return True
    return False


def expected(tree, selection, patterns, returned):
    """RFC 5258 3.3 and 3.5, word by word."""

    def selected(name):
        # Names that do not exist are listed if they are selected, so not without a criterion.
        if name not in tree.subscribed and not selection & {"SUBSCRIBED", "SPECIAL-USE"}:
            return False
        return ("SUBSCRIBED" not in selection or tree.is_subscribed(name)) and (
            "SPECIAL-USE" not in selection or bool(tree.uses.get(name))
        )

    told = {}
    for name in tree.all_names():
        below = [other for other in tree.all_names() if other.startswith(name + "/") and selected(other)]
        recursive = "RECURSIVEMATCH" in selection
        # "... at least one descendant ... that satisfies the criteria and that doesn't match the pattern" (3.3, 2 B).
        wanted = selected(name) or (recursive and any(not matches(patterns, other) for other in below))
        if not matches(patterns, name) or not wanted:
            continue
        attributes = set() if name in tree.subscribed else {b"\\NonExistent"}
        if "SUBSCRIBED" in returned | selection and tree.is_subscribed(name):
            attributes.add(b"\\Subscribed")
        if "CHILDREN" in returned:
            attributes.add(tree.children(name))
        if "SPECIAL-USE" in returned | selection:
            attributes |= tree.uses.get(name, set())
        criteria = {option.encode() for option in selection & {"SUBSCRIBED", "SPECIAL-USE"}}
        told[name] = (attributes, criteria if recursive and below else set())
    return told


def listed(said):
    """The untagged responses as name -> (attributes, criteria of CHILDINFO); each name is told once."""
    told = {}
    lines = said.splitlines()
    assert lines[-1].startswith(b"z OK"), said
    for line in lines[:-1]:
        match = LINE.fullmatch(line)
        assert match, line
        name = match[2].decode()
        assert name not in told
        told[name] = (set(match[1].split()), {word.strip(b'"') for word in (match[3] or b"").split()})
    return told


selections = st.sets(st.sampled_from(["SUBSCRIBED", "SPECIAL-USE", "REMOTE", "RECURSIVEMATCH"])).filter(
    lambda options: "RECURSIVEMATCH" not in options or options & {"SUBSCRIBED", "SPECIAL-USE"}
)
returns = st.sets(st.sampled_from(["SUBSCRIBED", "SPECIAL-USE", "CHILDREN"]))


@MANY
@given(trees, selections, st.lists(patterns, min_size=1, max_size=3), returns)
def test_the_rules_of_the_extended_list(server, wanted, selection, asked, returned):
    talk(server)
    tree = Tree(server, wanted)
    quoted = " ".join(f'"{pattern}"' for pattern in asked)
    line = f'z LIST ({" ".join(selection)}) "" ({quoted}) RETURN ({" ".join(returned)})'
    assert listed(talk(server, line.encode())) == expected(tree, selection, asked, returned)


deep = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3).map("/".join)
left = st.dictionaries(deep, st.tuples(st.sampled_from([GONE, GONE, True, False]), st.just(0)), min_size=2, max_size=6)
levels_of_patterns = st.lists(st.sampled_from(["%", "a", "b", "*"]), min_size=1, max_size=2).map("/".join)


@MANY
@given(left, st.lists(levels_of_patterns, min_size=1, max_size=2), returns)
def test_the_rules_of_the_extended_list_for_names_that_do_not_exist(server, wanted, asked, returned):
    talk(server)
    tree = Tree(server, wanted)
    quoted = " ".join(f'"{pattern}"' for pattern in asked)
    line = f'z LIST (SUBSCRIBED RECURSIVEMATCH) "" ({quoted}) RETURN ({" ".join(returned)})'
    assert listed(talk(server, line.encode())) == expected(tree, {"SUBSCRIBED", "RECURSIVEMATCH"}, asked, returned)


@MANY
@given(trees, patterns)
def test_lsub(server, wanted, pattern):
    """RFC 3501 6.3.9: with "%", a name above subscribed ones that is not subscribed is told as \\Noselect."""
    talk(server)
    tree = Tree(server, wanted)
    told = {}
    for name in filter(tree.is_subscribed, tree.all_names()):
        if matches([pattern], name):
            told[name] = (set() if name in tree.gone else {tree.children(name)} | tree.uses[name], set())
            continue
        parents = [name[: end.start()] for end in re.finditer("/", name)]
        matching = [parent for parent in parents if matches([pattern], parent)]
        if matching and not tree.is_subscribed(matching[-1]):
            told[matching[-1]] = ({b"\\Noselect"}, set())
    assert listed(talk(server, f'z LSUB "" "{pattern}"'.encode())) == told


@MANY
@given(trees, patterns)
def test_the_plain_list(server, wanted, pattern):
    talk(server)
    tree = Tree(server, wanted)
    told = {
        name: ({tree.children(name)} | tree.uses[name], set()) for name in tree.subscribed if matches([pattern], name)
    }
    assert listed(talk(server, f'z LIST "" "{pattern}"'.encode())) == told


def test_a_mailbox_that_goes_before_its_status_is_not_told(server, monkeypatch):
    """RFC 5819 2."""
    talk(server)
    real = server.store.status

    def status(user, name, counted):
        if name == "Sent":
            raise NoSuchMailbox
        return real(user, name, counted)

    monkeypatch.setattr(server.store, "status", status)
    said = talk(server, b'z LIST "" (Sent Trash) RETURN (STATUS (MESSAGES))').splitlines()
    assert said == [b'* LIST () "/" "Trash"', b'* STATUS "Trash" (MESSAGES 0)', b"z OK LIST completed"]


def test_a_status_that_fails_is_left_out(server, monkeypatch):
    """RFC 5819 2: the LIST is no worse for it."""
    talk(server)

    def status(user, name, counted):
        raise StoreUnavailable

    monkeypatch.setattr(server.store, "status", status)
    said = talk(server, b'z LIST "" Sent RETURN (STATUS (MESSAGES))').splitlines()
    assert said == [b'* LIST () "/" "Sent"', b"z OK LIST completed"]


def test_status_counts_only_if_it_must(server, monkeypatch):
    asked = []
    real = server.store.status

    def status(user, name, counted):
        asked.append(counted)
        return real(user, name, counted)

    monkeypatch.setattr(server.store, "status", status)
    for item in (b"MESSAGES", b"UIDNEXT UIDVALIDITY HIGHESTMODSEQ MAILBOXID APPENDLIMIT"):
        assert b"z OK" in talk(server, b"z STATUS INBOX (%s)" % item)
    assert asked == [False, False]
    for item in (b"RECENT", b"UNSEEN", b"DELETED", b"SIZE", b"DELETED-STORAGE MESSAGES"):
        assert b"z OK" in talk(server, b"z STATUS INBOX (%s)" % item)
    assert asked[2:] == [True] * 5


def test_the_storage_of_deleted_messages_is_that_of_the_quota(server):
    server.store.quota = 1 << 20
    talk(server, append(), append(b"x" * 9000, b"(\\Deleted) "), append(b"y", b"(\\Deleted) "))
    before = server.store.used_bytes("anna")
    assert b"(DELETED-STORAGE 16384)" in talk(server, b"z STATUS INBOX (DELETED-STORAGE)")
    talk(server, b"a SELECT INBOX", b"b EXPUNGE")
    assert before - server.store.used_bytes("anna") == 16384
    assert not server.store.open_boxes


@pytest.mark.parametrize(
    ("off", "command"),
    [
        ("list-extended", b'z LIST "" (%)'),
        ("list-extended", b'z LIST "" % RETURN (CHILDREN)'),
        ("list-extended", b'z LIST (SUBSCRIBED) "" %'),
        ("list-status", b'z LIST "" % RETURN (STATUS (MESSAGES))'),
        ("list-extended", b'z LIST "" % RETURN (STATUS (MESSAGES))'),
        ("special-use", b'z LIST "" % RETURN (SPECIAL-USE)'),
        ("special-use", b'z LIST (SPECIAL-USE) "" %'),
        ("create-special-use", b"z CREATE x (USE (\\Sent))"),
        ("special-use", b"z CREATE x (USE (\\Sent))"),
        ("status=size", b"z STATUS INBOX (SIZE)"),
        ("objectid", b"z STATUS INBOX (MAILBOXID)"),
        ("condstore", b"z STATUS INBOX (HIGHESTMODSEQ)"),
        ("appendlimit", b"z STATUS INBOX (APPENDLIMIT)"),
        ("quota", b"z STATUS INBOX (DELETED-STORAGE)"),
        ("quota", b'z GETQUOTA "Mail storage"'),
        ("quota", b"z GETQUOTAROOT INBOX"),
        ("multiappend", b"z APPEND INBOX {1+}\r\na {1+}\r\nb"),
        ("replace", b"z UID REPLACE 1 INBOX {1+}\r\na"),
    ],
)
def test_what_is_switched_off_is_not_taken(server, off, command):
    server.values["imap_capabilities_off"] = off
    said = talk(server, b"s SELECT INBOX", command, b"y NOOP")
    assert b"\r\nz BAD " in said and said.endswith(b"y OK NOOP completed\r\n")
    assert not server.store.status("anna", "INBOX")[0]
    told = talk(server, b"z CAPABILITY").partition(b"\r\n")[0].split()
    assert off.upper().encode() not in {word.partition(b"=")[0] for word in told} | set(told)
    server.values["imap_capabilities_off"] = ""
    assert b"\r\nz BAD " not in talk(server, append(), b"s SELECT INBOX", command, b"y NOOP")


def test_binary_literals_go_with_the_last_that_brings_them(server):
    command = b"z APPEND INBOX ~{1+}\r\na"
    server.values["imap_capabilities_off"] = "utf8=accept"
    assert b"z OK" in talk(server, command)
    server.values["imap_capabilities_off"] = "utf8=accept binary"
    assert talk(server, command, b"y NOOP").splitlines()[0] == b"z BAD Binary literals are not taken"


def test_special_uses_that_are_switched_off_are_not_told(server):
    server.values["imap_capabilities_off"] = "special-use children"
    assert talk(server, b'z LIST "" Sent') == b'* LIST () "/" "Sent"\r\nz OK LIST completed\r\n'
    assert talk(server, b'z LSUB "" Sent') == b'* LSUB () "/" "Sent"\r\nz OK LSUB completed\r\n'


def test_a_hundred_mailboxes_are_told_in_turns(server, monkeypatch):
    """Other sessions get their turn after every few mailboxes."""
    talk(server)
    for number in range(90):
        server.store.create("anna", f"m{number}")
    turns = []

    async def sleep_ms(milliseconds):
        turns.append(milliseconds)

    monkeypatch.setattr("asyncio.sleep_ms", sleep_ms)
    talk(server, b'z LIST "" "*"')
    assert len(turns) >= 90 // list_extended.YIELD_EVERY
    del turns[:]
    talk(server, b'z LIST (SUBSCRIBED) "" "*" RETURN (STATUS (MESSAGES))')
    assert len(turns) >= 90 + 2 * (90 // list_extended.YIELD_EVERY)
