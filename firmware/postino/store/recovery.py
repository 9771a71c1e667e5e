"""What happens at open(): the state is read, the log's later records are applied, and what a cut left is removed."""

from postino.store import catalogue, files, nonexistent, records, snapshot, state
from postino.store.catalogue import (
    BLOCKS,
    ENTRIES,
    FIRST_SECTOR,
    INFO_COUNTERS,
    INFO_ID,
    INFO_UIDVALIDITY,
    LOG_OCTETS,
    UIDNEXT,
    set_modseq,
)
from postino.store.errors import NotAStore
from postino.store.numbers import SKIPPED
from postino.store.slots import NO_SLOT

# What a format that was cut can have left; the first copy of the state comes last and makes it a store.
_CUT_FORMAT = ("index", "log")
_CUT_INDEX = ("state.new", "state.2", "state.2.new")

_STATE = "/index/state"


def is_blank_or_cut_format(root: str) -> bool:
    if files.size_of(root + _STATE):
        return False
    names = files.names_in(root)
    for name in names:
        if name not in _CUT_FORMAT:
            return False
    if "index" in names:
        for name in files.names_in(root + "/index"):
            if name not in _CUT_INDEX:
                return False
    return True


def recover(store):
    """Nothing is written before the state and the log have been read and found to be ours."""
    old = files.size_of(store.root + "/journal")
    try:
        store.state, infos, names = state.read(store.root, store.slots, store.report)
    except NotAStore:
        if not old:
            raise
        from postino.store.upgrade import upgrade

        upgrade(store.root, store.log, store.report, store.now())
        store.state, infos, names = state.read(store.root, store.slots, store.report)
    store.catalogue.install((infos, {info[0]: info for info in infos}, names))
    sector = store.log.load(store.state.sequence)
    # Nothing is logged before the replay is through.
    store.log.ready = False
    if not sector:
        # An older copy of the state, and the log has gone on without it.
        store.log.damage(store.log.tail, 0)
    replay = _Replay(store)
    replay.run()
    _look_for_lost_end(store)
    store.keeper.state_sector = min(sector or store.log.tail, replay.state_sector or store.log.sector)
    _settle(store, replay)
    if old:
        from postino.store.remains import remove_remains

        remove_remains(store.root)


def _look_for_lost_end(store):
    """Tells the end of a log that was damaged from one that was cut, if what was made of the log has more than it."""
    log = store.log
    last = max(store.state.sequence, _last_in_snapshots(store))
    if last > log.sequence:
        log.damage(log.sector, log.position)
        log.sequence = last
        log.dirty = True


def _last_in_snapshots(store) -> int:
    """The highest transaction in the snapshots that concern letters whose record the log lacks."""
    last = 0
    if store.log.dirty:
        for slot in store.slots.pending():
            for mailbox in store.letters.trailer_of(slot)[1]:
                info = store.catalogue.get(mailbox)
                if info is not None:
                    reader = snapshot.Reader(snapshot.path_of(store.root, mailbox), mailbox, info[INFO_UIDVALIDITY])
                    reader.close()
                    last = max(last, reader.contents.sequence)
    return last


def _settle(store, replay):
    """After the replay: numbers that damage may have hidden are passed over; files of pending slots go."""
    log = store.log
    if log.damaged:
        store.pass_over_numbers()
        store.keeper.note_damage()
        store.state.stale_copy = True
    log.distrust(SKIPPED)
    store.letters.doubtful = log.dirty or log.damaged
    store.keeper.release()
    store.ready = log.ready = True
    # After damage a letter that is whole may be one whose record was lost: the repair decides.
    store.letters.redo(log.damaged)
    if replay.dropped:
        # Imported for this alone: an upgrade needs the memory.
        from postino.store import fold

        for mailbox in replay.dropped:
            fold.remove(store, mailbox)


class _Replay:
    """Applies the log's records to the references, the counters and the catalogue."""

    def __init__(self, store):
        self._store = store
        self._slots = store.slots
        self._state = store.state
        self._since = store.state.sequence
        # The sector with the first record that the state lacks.
        self.state_sector = 0
        # Mailboxes whose snapshot may still be there.
        self.dropped = []
        # Mailbox -> sequence number of the last record that names it.
        self._last = {}

    def run(self):
        reader = self._store.log.reader()
        while reader.next():
            later = reader.sequence > self._since
            if later and not self.state_sector:
                self.state_sector = reader.sector
            self._apply(reader, later)
            self._note(reader)

    def _apply(self, reader, later: bool):
        kind = reader.kind
        if not later:
            return
        if kind == records.ADD:
            self._add(reader)
        elif kind == records.ENTRIES:
            self._entries(reader)
        elif kind == records.EXPUNGE:
            self._expunge(reader)
        elif kind == records.MAILBOX:
            self._mailbox(reader)
        elif kind == records.DROP:
            self._store.catalogue.install(self._store.catalogue.changed([], (reader.mailbox,)))
            self.dropped.append(reader.mailbox)
        elif kind == records.UNSUBSCRIBED:
            self._store.catalogue.names = nonexistent.without(self._store.catalogue.names, reader.payload())
        elif kind == records.SLOTS:
            self._set_slots(reader)
        elif kind == records.REFERENCES:
            self._references(reader)
        elif kind == records.FLAGS or kind == records.KEYWORD:
            info = self._store.catalogue.any(reader.mailbox)
            if info is not None:
                set_modseq(info[INFO_COUNTERS], reader.sequence)

    def _note(self, reader):
        """Which mailboxes have records that their snapshots may lack, and how many."""
        kind = reader.kind
        if kind == records.ADD:
            for at in range(records.ADD_HEAD, reader.length, records.ADD_TARGET):
                self._touch(reader, reader.word(at), 2 * records.ADD_TARGET)
        elif kind == records.FOLDED:
            info = self._store.catalogue.any(reader.mailbox)
            if info is not None and self._folded_last(info, reader.word(0)):
                info[INFO_COUNTERS][FIRST_SECTOR] = info[INFO_COUNTERS][LOG_OCTETS] = 0
        elif reader.mailbox:
            self._touch(reader, reader.mailbox, reader.length + records.RECORD_HEAD + records.CRC_SIZE)

    def _folded_last(self, info, sequence: int) -> bool:
        """No record of the mailbox came between the fold's last transaction and its end."""
        return self._last.get(info[INFO_ID], 0) <= sequence

    def _touch(self, reader, mailbox: int, octets: int):
        info = self._store.catalogue.any(mailbox)
        if info is None:
            return
        counters = info[INFO_COUNTERS]
        if not counters[FIRST_SECTOR]:
            counters[FIRST_SECTOR] = reader.sector
        counters[LOG_OCTETS] += octets
        self._last[mailbox] = reader.sequence

    def _enter(self, reader, mailbox: int, uid: int, slot: int, blocks: int):
        if self._slots.raise_(slot) == 1:
            self._slots.blocks += blocks
        info = self._store.catalogue.any(mailbox)
        if info is not None:
            counters = info[INFO_COUNTERS]
            counters[UIDNEXT] = max(counters[UIDNEXT], uid + 1)
            counters[ENTRIES] += 1
            counters[BLOCKS] += blocks
            set_modseq(counters, reader.sequence)

    def _add(self, reader):
        self._state.next_letter = max(self._state.next_letter, reader.word(4) + 1)
        for at in range(records.ADD_HEAD, reader.length, records.ADD_TARGET):
            self._enter(reader, reader.word(at), reader.word(at + 4), reader.half(0), reader.half(2))

    def _entries(self, reader):
        for at in range(records.ENTRIES_HEAD, reader.length, records.ENTRY_SIZE):
            self._enter(reader, reader.mailbox, reader.word(at), reader.half(at + 20), reader.half(at + 22))

    def _expunge(self, reader):
        info = self._store.catalogue.any(reader.mailbox)
        for at in range(0, reader.length, records.EXPUNGE_ITEM):
            blocks = reader.half(at + 6)
            if self._slots.lower(reader.half(at + 4)):
                self._slots.blocks -= min(blocks, self._slots.blocks)
            if info is not None:
                counters = info[INFO_COUNTERS]
                counters[ENTRIES] -= min(1, counters[ENTRIES])
                counters[BLOCKS] -= min(blocks, counters[BLOCKS])
                set_modseq(counters, reader.sequence)

    def _mailbox(self, reader):
        known = self._store.catalogue.any(reader.mailbox)
        counters = catalogue.new_counters() if known is None else known[INFO_COUNTERS]
        info = catalogue.read_record(reader, counters)
        names = nonexistent.replayed(self._store.catalogue.names, known, info, catalogue.marks_of(reader))
        self._store.catalogue.install(self._store.catalogue.changed([info], (), names))
        if catalogue.is_created(reader):
            self._state.next_mailbox = max(self._state.next_mailbox, reader.mailbox + 1)
            self._state.next_uidvalidity = max(self._state.next_uidvalidity, reader.word(0) + 1)
            set_modseq(counters, reader.sequence)

    def _set_slots(self, reader):
        for at in range(2, reader.length, 2):
            self._slots.free(reader.half(at))
        slot = reader.half(0)
        if slot == NO_SLOT:
            return
        if self._slots.is_used(slot):
            # An EXPUNGE is missing: who has got the letter before must not see the one that comes.
            self._store.letters.withhold(slot)
        self._slots.intend(slot)

    def _references(self, reader):
        for at in range(0, reader.length, 6):
            slot = reader.half(at)
            before = self._slots.get(slot)
            after = reader.half(at + 4)
            self._slots.set(slot, after)
            blocks = reader.half(at + 2)
            self._slots.blocks += (blocks if 0 < after < 255 else 0) - (blocks if 0 < before < 255 else 0)
