"""CONDSTORE and QRESYNC: what SELECT, FETCH and STORE take beside their own arguments (RFC 7162)."""

from . import capabilities, sequence, wire
from .errors import Bad


def read_modseq(arguments):
    """Reads a modification sequence (RFC 7162 7). Zero is taken everywhere: iOS asks for what has changed since it."""
    number = wire.number64(arguments.atom())
    if number is None:
        raise Bad(b"Not a modification sequence")
    return number


def read_select(session, arguments):
    """Reads the parameters of SELECT and EXAMINE (RFC 4466 2.1). Returns what QRESYNC asks for, or None."""
    request = None
    seen = []
    arguments.open_list()
    while not arguments.close_list():
        word = _next(arguments, seen)
        if word == b"QRESYNC" and session.enabled & capabilities.QRESYNC:
            arguments.space()
            request = _read_request(arguments)
        elif word != b"CONDSTORE" or not capabilities.is_offered(session, b"CONDSTORE"):
            raise Bad(b"Unknown parameter of SELECT")
    _finish(session, arguments, seen)
    return request


def read_fetch(session, command):
    """Reads the modifiers of FETCH (RFC 7162 3.1.4.1 and 3.2.6). Returns (CHANGEDSINCE, whether VANISHED is asked)."""
    arguments = command.arguments
    since = None
    seen = []
    arguments.open_list()
    while not arguments.close_list():
        word = _next(arguments, seen)
        if word == b"CHANGEDSINCE":
            arguments.space()
            since = read_modseq(arguments)
        elif word != b"VANISHED" or not command.uid or not session.enabled & capabilities.QRESYNC:
            raise Bad(b"Unknown modifier of FETCH")
    if since is None:
        raise Bad(b"CHANGEDSINCE is missing")
    _finish(session, arguments, seen)
    return since, b"VANISHED" in seen


def read_store(arguments):
    """Reads the modifier of STORE (RFC 7162 3.1.3), and the space behind it."""
    seen = []
    arguments.open_list()
    if _next(arguments, seen) != b"UNCHANGEDSINCE":
        raise Bad(b"Unknown modifier of STORE")
    arguments.space()
    limit = read_modseq(arguments)
    arguments.expect(b")")
    arguments.depth -= 1
    arguments.space()
    return limit


def _next(arguments, seen):
    """Reads the next word of a list, in upper case; each stands there once."""
    if seen:
        arguments.space()
    word = arguments.attribute()
    if word in seen:
        raise Bad(b"The same parameter twice")
    seen.append(word)
    return word


def _finish(session, arguments, seen):
    if not seen:
        raise Bad(b"An empty list of parameters")
    arguments.end()
    # Whoever uses any of it has said that he understands the rest (RFC 7162 3.1).
    session.enabled |= capabilities.CONDSTORE


class Request:
    """What a client knows of a mailbox: UIDVALIDITY, modification sequence, UIDs, and some of its numbers.

    `known` is a set of UIDs or None; `numbers` and `uids` are sets that belong together, or None.
    """

    def __init__(self, uidvalidity, modseq, known, numbers, uids):
        self.uidvalidity = uidvalidity
        self.modseq = modseq
        self.known = known
        self.numbers = numbers
        self.uids = uids


def _read_request(arguments):
    """Reads the value of QRESYNC: (uidvalidity modseq [known-uids] [(numbers uids)]) (RFC 7162 7, select-param)."""
    known = numbers = uids = None
    arguments.open_list()
    uidvalidity = arguments.number()
    arguments.space()
    modseq = read_modseq(arguments)
    if not arguments.close_list():
        arguments.space()
        if arguments.peek() != 40:
            known = _read_known(arguments)
        if known is None or arguments.peek() == 32:
            if known is not None:
                arguments.space()
            arguments.open_list()
            numbers = _read_known(arguments)
            arguments.space()
            uids = _read_known(arguments)
            if _size(numbers) != _size(uids) or not arguments.close_list():
                raise Bad(b"Numbers and UIDs do not match")
        if not arguments.close_list():
            raise Bad(b"Syntax error in QRESYNC")
    return Request(uidvalidity, modseq, known, numbers, uids)


def _read_known(arguments):
    pairs = sequence.parse(arguments.set_parts(), 0)
    if not pairs[0]:
        raise Bad(b"A client does not know *")
    return pairs


def _size(pairs):
    return sum(pairs[k + 1] - pairs[k] + 1 for k in range(0, len(pairs), 2))
