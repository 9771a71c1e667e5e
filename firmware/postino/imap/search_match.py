"""What a search asks for, and whether a letter matches it: yes, no, or not known without reading the letter.

What the mailbox's table answers is asked first. A search is a tree of nodes, which are tuples. Their kinds, and what
they hold behind their kind:
- "and", "or": nodes; "not": a node; "all";
- "flag": mask, wanted; "recent": wanted; "uids": pairs; "modseq": the lowest;
- "day", "saved" (days since 1970), "date" (seconds), "size" (octets): the lowest, and the first that is too high;
- those that need the letter have a slot number, under which its answer is kept, and then "header": field, text;
  "body", "text": text; "emailid": id; "sent": days like "day".
"""

from .. import dates
from . import sequence

NO = 0
YES = 1
UNKNOWN = 2

CONTENT = ("header", "sent", "body", "text", "emailid")


class Query:
    """A search: the tree, its nodes that need the letter in the order of their slots, and the charset of their texts.

    `modseq` says that modification sequences are asked for, `numbered` that message numbers are among the keys.
    """

    def __init__(self, root, content, charset, modseq, numbered):
        self.root = root
        self.content = content
        self.charset = charset
        self.modseq = modseq
        self.numbered = numbered

    def pairs(self):
        """Returns a set of UIDs that has all letters that can match."""
        for node in self.root[1]:
            if node[0] == "uids":
                return node[1]
        return sequence.everything()


class Facts:
    """One letter: where it is in the table, and the answers of the keys that need the letter itself."""

    def __init__(self, session, slots):
        self.view = session.view
        self.zone = session.server.tz_minutes()
        self.answers = bytearray(slots)
        self.uid = self.row = 0

    def take(self, uid, row):
        """Turns to another letter."""
        self.uid = uid
        self.row = row
        for slot in range(len(self.answers)):
            self.answers[slot] = UNKNOWN

    def find(self):
        """After other sessions had their turn: it may be elsewhere in the table now. False if it is gone."""
        self.row = self.view.box.index_of(self.uid)
        return self.row >= 0


def evaluate(node, facts):
    """Returns YES, NO or UNKNOWN for a letter. May raise StoreUnavailable."""
    kind = node[0]
    if kind == "and":
        return _all(node[1], facts, NO)
    if kind == "or":
        return _all(node[1], facts, YES)
    if kind == "not":
        answer = evaluate(node[1], facts)
        return answer if answer == UNKNOWN else 1 - answer
    if kind in CONTENT:
        return facts.answers[node[1]]
    return YES if _from_table(kind, node, facts) else NO


def _all(nodes, facts, decisive):
    result = 1 - decisive
    for node in nodes:
        answer = evaluate(node, facts)
        if answer == decisive:
            return answer
        if answer == UNKNOWN:
            result = UNKNOWN
    return result


def _from_table(kind, node, facts):
    if kind == "all":
        return True
    if kind == "recent":
        return facts.view.is_recent(facts.uid) == node[1]
    if kind == "uids":
        return bool(node[1]) and sequence.contains(node[1], facts.uid)
    box = facts.view.box
    if kind == "flag":
        return bool(box.flags(facts.row) & node[1]) == node[2]
    if kind == "modseq":
        return box.changed_since(facts.row, node[1] - 1)
    return node[1] <= _value(kind, box, facts) < node[2]


def _value(kind, box, facts):
    row = facts.row
    if kind == "size":
        return box.size(row)
    if kind == "date":
        return box.date(row)
    # One whose date of saving is not known counts by its internal date (RFC 8514 4.3).
    seconds = box.date(row) if kind == "day" else box.saved(row) or box.date(row)
    return dates.day_of(seconds, facts.zone)
