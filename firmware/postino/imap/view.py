"""What one session knows of its selected mailbox, so that its sequence numbers stay right (RFC 3501 2.3.1.2, 7.4.1).

The table of letters is shared and always current. A session's view differs from it in three ways only, all bounded:
letters it has not been told of (UIDs from `uidnext` on), letters that are gone and that it has not been told about
("ghosts", which still count in its sequence numbers), and letters whose flags it has not been told.
"""

from array import array

from . import sequence

# Runs of ghosts that are remembered between two commands of a session that does not listen; beyond, it must go.
MAX_GHOST_RUNS = 128
# Ranges of UIDs with changed flags; beyond, they become one range, and some flags are told for nothing.
MAX_CHANGED_RANGES = 32
# Ranges of UIDs that are \Recent in this session; beyond, the lowest stop being so.
MAX_RECENT_RANGES = 8
# No set of UIDs: most sessions have none to remember most of the time.
NOTHING = ()


class View:
    """A session's view of an open mailbox. It is the listener that the store tells of changes (`on_...`)."""

    def __init__(self, conn, read_only, exact):
        self._conn = conn
        self.read_only = read_only
        # Ghosts are told by UID (RFC 7162 3.2.10.2): each run is of UIDs without a gap.
        self.exact = exact
        # A modification sequence after which something was held back from the client, or else 0; see known_modseq().
        self.held = 0
        self.box = None
        # UIDs below it have been announced by EXISTS, unless they were gone by then.
        self.uidnext = 1
        # Runs of ghosts in UID order, three numbers each: lowest UID, highest UID, count. No live letter lies within.
        self._ghosts = NOTHING
        self._changed = NOTHING
        self._recent = NOTHING
        # Keywords of the mailbox that the client has been told of.
        self.keywords_told = 0
        # While the session itself works: it reports its own flag changes, and its expunges are never too many.
        self.working = False
        # The mailbox is gone, or this view can no longer tell what happened.
        self.lost = False

    def attach(self, box):
        """Takes the opened mailbox; nothing is announced yet."""
        self.box = box

    # What the store tells: short, no waiting, no exception ------------------------------------------------------

    def on_added(self, box):
        self._conn.wake()

    def on_expunged(self, uid):
        if self.box is None or uid >= self.uidnext:
            return
        try:
            if self.exact and not self.held:
                # Its own modification sequence is that of the mailbox by now.
                self.held = self.box.highest_modseq - 1
            self._add_ghost(uid)
        except MemoryError:
            self.lost = True
        self._conn.wake()

    def on_flags(self, uid):
        if self.working or uid >= self.uidnext:
            return
        try:
            pairs = self._changed or array("I")
            pairs.append(uid)
            pairs.append(uid)
            if len(pairs) > 2:
                pairs = sequence.merge(pairs)
            if len(pairs) > 2 * MAX_CHANGED_RANGES:
                pairs = array("I", (pairs[0], pairs[len(pairs) - 1]))
            self._changed = pairs
        except MemoryError:
            self.lost = True
        self._conn.wake()

    def on_lost(self):
        self.lost = True
        self._conn.wake()

    # Ghosts -----------------------------------------------------------------------------------------------------

    def _neighbours(self, uid):
        """Returns the UIDs of the live letters before and behind `uid`; 0 and 2**32 stand for none."""
        box = self.box
        row = box.lower_bound(uid)
        before = box.uid(row - 1) if row else 0
        if row < len(box) and box.uid(row) == uid:
            row += 1
        return before, (box.uid(row) if row < len(box) else 1 << 32)

    def _add_ghost(self, uid):
        runs = self._ghosts
        # What lies within these is one run with it.
        before, behind = (uid - 2, uid + 2) if self.exact else self._neighbours(uid)
        low, high, count = uid, uid, 1
        kept = array("I")
        placed = False
        for k in range(0, len(runs), 3):
            if runs[k + 1] <= before or runs[k] >= behind:
                if runs[k] > uid and not placed:
                    kept.extend(array("I", (low, high, count)))
                    placed = True
                kept.extend(runs[k : k + 3])
            else:
                # No live letter lies between the two: they are one run.
                low, high, count = min(low, runs[k]), max(high, runs[k + 1]), count + runs[k + 2]
        if not placed:
            kept.extend(array("I", (low, high, count)))
        self._ghosts = kept
        # A session that works expunges by itself: its runs are told at the end of its command.
        if len(kept) > 3 * MAX_GHOST_RUNS and not self.working:
            self.lost = True

    def has_ghosts(self):
        """True if letters are gone that the client still counts."""
        return bool(self._ghosts)

    def ghosts(self):
        """Returns how many letters are gone that the client still counts."""
        return sum(self._ghosts[k] for k in range(2, len(self._ghosts), 3))

    def pop_ghosts(self):
        """Takes the first run of ghosts and returns (sequence number of the first, count), or None.

        As each EXPUNGE moves the rest down, all of a run are told under the same number (RFC 3501 7.4.1).
        """
        if not self._ghosts:
            return None
        low, count = self._ghosts[0], self._ghosts[2]
        self._ghosts = self._ghosts[3:] or NOTHING
        return self.box.lower_bound(low) + 1, count

    def take_ghosts(self):
        """Takes all runs of ghosts: an array of lowest UID, highest UID and count of each, in UID order."""
        runs = self._ghosts
        self._ghosts = NOTHING
        return runs

    # Sequence numbers -------------------------------------------------------------------------------------------

    def rows(self):
        """Returns how many letters of the table have been announced: rows 0 to rows()-1."""
        return self.box.lower_bound(self.uidnext)

    def count(self):
        """Returns the number of messages in the client's eyes."""
        return self.rows() + self.ghosts()

    def number_of(self, uid):
        """Returns the sequence number of a live letter."""
        number = self.box.lower_bound(uid) + 1
        for k in range(0, len(self._ghosts), 3):
            if self._ghosts[k] > uid:
                break
            number += self._ghosts[k + 2]
        return number

    def _uid_at(self, number, upper):
        """Returns the UID at a sequence number; inside a run of ghosts, the run's highest or lowest UID."""
        runs = self._ghosts
        passed = 0
        for k in range(0, len(runs), 3):
            first = self.box.lower_bound(runs[k]) + passed + 1
            if number < first:
                break
            passed += runs[k + 2]
            if number < first + runs[k + 2]:
                return runs[k + 1] if upper else runs[k]
        return self.box.uid(number - 1 - passed)

    def largest_uid(self):
        """Returns the UID that `*` stands for in a UID set: the highest announced, 0 in an empty mailbox."""
        rows = self.rows()
        return self.box.uid(rows - 1) if rows else 0

    def next_counted(self, uid):
        """Returns the lowest UID from `uid` on of a letter that is there, or that the client still counts; or 2**32."""
        row = self.box.lower_bound(uid)
        result = self.box.uid(row) if row < len(self.box) else 1 << 32
        for k in range(0, len(self._ghosts), 3):
            if uid <= self._ghosts[k + 1]:
                return min(result, max(uid, self._ghosts[k]))
        return result

    def uids_of_numbers(self, pairs):
        """Turns a set of sequence numbers into UIDs; numbers beyond the last are left out. Returns pairs."""
        count = self.count()
        result = array("I")
        for k in range(0, len(pairs), 2):
            if pairs[k] > count:
                break
            # Number 0 is `*` in an empty mailbox.
            low, high = max(pairs[k], 1), min(pairs[k + 1], count)
            if low <= high:
                result.append(self._uid_at(low, False))
                result.append(self._uid_at(high, True))
        return sequence.merge(result)

    def has_ghosts_in(self, pairs):
        """True if letters with UIDs in the set are gone without the client knowing (RFC 2180 4)."""
        for k in range(0, len(self._ghosts), 3):
            if sequence.contains(pairs, self._ghosts[k]):
                return True
        return False

    def uids(self, pairs):
        """Yields the announced live UIDs in the set. The table may change between two of them."""
        limit = self.uidnext
        box = self.box
        for k in range(0, len(pairs), 2):
            uid = pairs[k]
            while uid <= pairs[k + 1] and not self.lost:
                row = box.lower_bound(uid)
                if row >= len(box):
                    return
                uid = box.uid(row)
                if uid >= limit:
                    return
                if uid > pairs[k + 1]:
                    break
                yield uid
                uid += 1

    # How far the client's knowledge goes ------------------------------------------------------------------------

    def hold(self, modseq):
        """What changed after `modseq` may not have been told: the client must not believe that it was."""
        if (self._ghosts or self._changed) and not self.held:
            self.held = modseq

    def known_modseq(self):
        """Returns the modification sequence up to which the client knows everything (RFC 7162 6).

        It takes the highest that it sees, and would never hear of what was held back, were it not told otherwise.
        """
        if self.held and (self._ghosts or self._changed):
            return self.held
        self.held = 0
        return self.box.highest_modseq

    # Updates ----------------------------------------------------------------------------------------------------

    def pending(self):
        """True if there is anything the client has not been told."""
        return bool(self.lost or self._ghosts or self._changed or self.box.uidnext > self.uidnext)

    def take_new(self, recents=True):
        """Counts new letters in, and claims their \\Recent if `recents`. True if the client must be told EXISTS."""
        box = self.box
        if box.uidnext <= self.uidnext:
            return False
        before = self.rows()
        self.uidnext = box.uidnext
        if recents:
            self.claim_recent()
        return self.rows() > before

    def take_changed(self):
        """Takes the set of UIDs whose flags changed; empty if there are none."""
        pairs = self._changed
        if pairs:
            self._changed = NOTHING
        return pairs

    def claim_recent(self):
        """Letters that no session has seen yet are \\Recent in this one (RFC 3501 2.3.2); EXAMINE claims nothing."""
        box = self.box
        first = box.recent_from if self.read_only else box.claim_recent()
        if first >= box.uidnext:
            return
        pairs = self._recent or array("I")
        pairs.append(first)
        pairs.append(box.uidnext - 1)
        self._recent = sequence.merge(pairs)
        if len(self._recent) > 2 * MAX_RECENT_RANGES:
            self._recent = self._recent[2:]

    def is_recent(self, uid):
        return bool(self._recent) and sequence.contains(self._recent, uid)

    def recent(self):
        """Returns the number of messages that are \\Recent in this session."""
        pairs = self._recent
        count = 0
        for k in range(0, len(pairs), 2):
            count += self.box.lower_bound(pairs[k + 1] + 1) - self.box.lower_bound(pairs[k])
        return count
