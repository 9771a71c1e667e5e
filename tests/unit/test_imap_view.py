"""A session's view of a shared mailbox, against a client that believes what it is told, and nothing else."""

from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st

from postino.imap import sequence
from postino.imap import view as views
from postino.imap.view import View


class Box:
    """The table of an open mailbox, as far as a view asks."""

    def __init__(self):
        self.uids = []
        self.uidnext = 1
        self.recent_from = 1
        self.highest_modseq = 1
        self.listeners = []

    def __len__(self):
        return len(self.uids)

    def uid(self, row):
        return self.uids[row]

    def lower_bound(self, uid):
        return bisect_left(self.uids, uid)

    def claim_recent(self):
        first, self.recent_from = self.recent_from, self.uidnext
        return first

    def add(self):
        self.uids.append(self.uidnext)
        self.uidnext += 1
        self.highest_modseq += 1
        for listener in self.listeners:
            listener.on_added(self)

    def expunge(self, uids):
        self.highest_modseq += 1
        for uid in uids:
            self.uids.remove(uid)
            for listener in self.listeners:
                listener.on_expunged(uid)


class Connection:
    """As much of a connection as a view needs."""

    def wake(self):
        pass


def open_view(box, read_only=False, exact=False):
    view = View(Connection(), read_only, exact)
    view.attach(box)
    box.listeners.append(view)
    view.take_new()
    return view


class Client:
    """Keeps UIDs in the order of their numbers, as a client does from EXISTS and EXPUNGE."""

    def __init__(self, view):
        self.view = view
        self.uids = list(view.box.uids)

    def hear(self, expunges):
        if expunges and self.view.exact:
            runs = self.view.take_ghosts()
            for k in range(0, len(runs), 3):
                told = range(runs[k], runs[k + 1] + 1)
                # Exactly those that were there, each once.
                assert len(told) == runs[k + 2] and set(told) <= set(self.uids)
                self.uids = [uid for uid in self.uids if uid not in told]
        while expunges:
            run = self.view.pop_ghosts()
            if run is None:
                break
            for _ in range(run[1]):
                del self.uids[run[0] - 1]
        before = self.view.uidnext
        if self.view.take_new():
            self.uids += [uid for uid in self.view.box.uids if before <= uid < self.view.uidnext]

    def check(self):
        view = self.view
        live = [uid for uid in self.uids if uid in view.box.uids]
        assert view.count() == len(self.uids)
        assert view.ghosts() == len(self.uids) - len(live)
        for uid in live:
            assert self.uids[view.number_of(uid) - 1] == uid
        for number in range(1, len(self.uids) + 1):
            pairs = view.uids_of_numbers(sequence.parse([b"%d" % number], view.count()))
            found = list(view.uids(pairs))
            assert found == [uid for uid in [self.uids[number - 1]] if uid in live]
            assert view.has_ghosts_in(pairs) == (not found)
        assert list(view.uids(sequence.parse([b"1:4294967295"], 1))) == live
        assert view.largest_uid() == (live[-1] if live else 0)
        for uid in range(1, view.uidnext) if view.exact else ():
            counted = [each for each in self.uids + view.box.uids if each >= uid]
            assert view.next_counted(uid) == min(counted, default=1 << 32)


step = st.one_of(
    st.just("add"),
    st.just("hear"),
    st.just("hear, no expunges"),
    st.lists(st.integers(0, 40), min_size=1, max_size=8).map(tuple),
)


@settings(deadline=None)
@given(st.integers(0, 20), st.lists(step, max_size=25), st.booleans())
def test_numbers_are_those_the_client_knows(count, steps, exact):
    box = Box()
    for _ in range(count):
        box.add()
    client = Client(open_view(box, exact=exact))
    for each in steps:
        if each == "add":
            box.add()
        elif isinstance(each, tuple):
            chosen = {box.uids[k % len(box.uids)] for k in each} if box.uids else set()
            box.expunge(sorted(chosen))
        else:
            client.hear(each == "hear")
        client.check()
    client.hear(True)
    assert client.uids == box.uids
    assert not client.view.pending()


def test_a_block_of_expunged_letters_is_one_run():
    box = Box()
    for _ in range(5000):
        box.add()
    view = open_view(box)
    box.expunge(range(11, 4990))
    assert not view.lost
    assert view.pop_ghosts() == (11, 4979)
    assert view.pop_ghosts() is None


def test_too_many_runs_end_the_session():
    box = Box()
    for _ in range(4 * views.MAX_GHOST_RUNS):
        box.add()
    view = open_view(box)
    box.expunge(range(1, 2 * views.MAX_GHOST_RUNS, 2))
    assert not view.lost
    box.expunge([2 * views.MAX_GHOST_RUNS + 1])
    assert view.lost


def test_expunged_letters_are_told_by_uid_without_those_that_went_before():
    box = Box()
    for _ in range(9):
        box.add()
    box.expunge([4, 5])
    view = open_view(box, exact=True)
    box.expunge([3, 6, 8])
    assert list(view.take_ghosts()) == [3, 3, 1, 6, 6, 1, 8, 8, 1]
    box.expunge([2, 1])
    assert list(view.take_ghosts()) == [1, 2, 2]
    assert not view.has_ghosts()


def test_what_is_held_back_is_not_said_to_be_known():
    box = Box()
    for _ in range(4):
        box.add()
    view = open_view(box, exact=True)
    assert view.known_modseq() == box.highest_modseq and not view.held
    before = box.highest_modseq
    box.expunge([2])
    box.expunge([3])
    assert view.known_modseq() == before
    view.take_ghosts()
    assert view.known_modseq() == box.highest_modseq and not view.held
    # Flags that could not be told in time.
    view.on_flags(1)
    view.hold(5)
    assert view.known_modseq() == 5
    view.take_changed()
    assert view.known_modseq() == box.highest_modseq
    view.hold(5)
    assert view.known_modseq() == box.highest_modseq


@given(st.lists(st.integers(1, 200), max_size=120))
def test_no_changed_flag_is_forgotten(uids):
    box = Box()
    for _ in range(200):
        box.add()
    view = open_view(box)
    for uid in uids:
        view.on_flags(uid)
    pairs = view.take_changed()
    assert len(pairs) <= 2 * views.MAX_CHANGED_RANGES
    assert all(sequence.contains(pairs, uid) for uid in uids)
    assert not view.take_changed()


def test_own_changes_are_not_told_twice():
    box = Box()
    box.add()
    view = open_view(box)
    view.working = True
    view.on_flags(1)
    assert not view.pending()


def test_recent_is_for_the_first_session_only():
    box = Box()
    box.add()
    looker = open_view(box, read_only=True)
    first = open_view(box)
    second = open_view(box)
    assert [view.recent() for view in (looker, first, second)] == [1, 1, 0]
    box.add()
    second.take_new()
    first.take_new()
    assert second.is_recent(2) and not first.is_recent(2)
