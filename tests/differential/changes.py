"""Changes that make two answers equal but for one difference: what the lists of differences are made of."""

from collections.abc import Callable
from dataclasses import replace

from tests.differential import structures
from tests.differential.difference import Change, Responses
from tests.differential.letters import BY_NAME
from tests.differential.normalise import SOME, Text
from tests.differential.postino_says import ADDRESSES
from tests.differential.wire import Atom

ItemChange = Callable[[bytes, object, object], tuple[object, object]]


# ---- what the changes are made from ----


def items(change: ItemChange) -> Change:
    """A Change of the values of FETCH items, from a function of the item's name, our value and theirs."""

    def whole(ours: Responses, theirs: Responses) -> tuple[Responses, Responses]:
        out: tuple[Responses, Responses] = ([], [])
        if [response.name for response in ours] != [response.name for response in theirs]:
            return ours, theirs
        for one, other in zip(ours, theirs, strict=True):
            if one.name == b"FETCH" and len(one.values[0]) == len(other.values[0]):
                values = [list(one.values[0]), list(other.values[0])]
                for at in range(1, len(values[0]), 2):
                    values[0][at], values[1][at] = change(values[0][at - 1], values[0][at], values[1][at])
                one, other = replace(one, values=[values[0]]), replace(other, values=[values[1]])
            out[0].append(one)
            out[1].append(other)
        return out

    return whole


def strings(change: Callable[[Text, Text], tuple[object, object]]) -> Change:
    """A Change of the values that are strings on both sides."""

    def of_item(_, ours, theirs):
        return change(ours, theirs) if isinstance(ours, Text) and isinstance(theirs, Text) else (ours, theirs)

    return items(of_item)


def parts(change: Callable[[list], list]) -> Change:
    """A Change of all parts in both structures."""

    def of_item(name, ours, theirs):
        if name not in structures.STRUCTURES or not isinstance(ours, list):
            return ours, theirs
        return structures.each_part(ours, change), structures.each_part(theirs, change)

    return items(of_item)


def envelopes(change: Callable[[list], list]) -> Change:
    """A Change of the address lists in the envelope of Dovecot."""

    def of_item(name, ours, theirs):
        return ours, structures.addresses(theirs, change) if name == b"ENVELOPE" else theirs

    return items(of_item)


def each(change: Callable[[Responses], Responses]) -> Change:
    """A Change that does the same to both answers."""
    return lambda ours, theirs: (change(ours), change(theirs))


def of_dovecot(change: Callable[[Responses], Responses]) -> Change:
    return lambda ours, theirs: (ours, change(theirs))


def of_postino(change: Callable[[Responses], Responses]) -> Change:
    return lambda ours, theirs: (change(ours), theirs)


def whole_answer(status: bytes) -> Change:
    """A Change that leaves nothing of both, where Postino says just this status."""

    def change(ours, theirs):
        return ([], []) if [response.name for response in ours] == [status] else (ours, theirs)

    return change


# ---- letters ----


def any_value(*_) -> tuple[object, object]:
    return SOME, SOME


def labels_in_upper_case(responses: Responses) -> Responses:
    """The names of all FETCH items in upper case."""
    out = []
    for response in responses:
        if response.name == b"FETCH":
            values = list(response.values[0])
            values[::2] = [Atom(name.upper()) for name in values[::2]]
            response = replace(response, values=[values])
        out.append(response)
    return out


def nothing_for_text(_, ours, theirs):
    """Ours is NIL, theirs a string."""
    return (SOME, SOME) if ours is None and isinstance(theirs, Text) else (ours, theirs)


def line_ends(name, ours, theirs):
    """Ours ends its lines in CRLF, theirs in LF; so the sizes differ, too."""
    if name.startswith(b"BINARY.SIZE"):
        return (SOME, SOME) if ours > theirs else (ours, theirs)
    return ours, Text(theirs.replace(b"\n", b"\r\n"))


def padded_day(name, ours, theirs):
    """Ours begins with a blank, theirs with a zero."""
    if name == b"INTERNALDATE" and ours.startswith(b" ") and theirs.startswith(b"0"):
        return Text(ours[1:]), Text(theirs[1:])
    return ours, theirs


def more_line_ends(ours, theirs):
    """What theirs has more at its end is nothing but line ends, or the beginning of them."""
    more = theirs[len(ours) :]
    return (ours, ours) if theirs.startswith(ours) and more and b"\r\n\r\n".startswith(more) else (ours, theirs)


def crlf_line_ends(name, ours, theirs):
    """Theirs is ours with CRLF for every line end. A piece begins in another place, and is not compared."""
    if name == b"RFC822.SIZE" or b"<" in name:
        return SOME, SOME
    if isinstance(ours, Text) and isinstance(theirs, Text):
        return Text(ours.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")), theirs
    return ours, theirs


# What Dovecot puts where an address has nothing.
_INVENTED = (b"MISSING_MAILBOX", b"MISSING_DOMAIN", b"SYNTAX_ERROR")
_NOBODY = [None, None, b"MISSING_MAILBOX", b"MISSING_DOMAIN"]


def without_invented(addresses):
    """Address lists with an empty string for what Dovecot invents."""
    if addresses is None:
        return None
    return [[Text(b"") if part in _INVENTED else part for part in address] for address in addresses]


def without_nobody(addresses):
    """Address lists without the addresses that have no part at all."""
    return [address for address in addresses if address != _NOBODY] or None if addresses else addresses


def as_postino_says(letter: str) -> Change:
    """A Change that leaves out the address lists that are what is listed for this letter."""
    listed = ADDRESSES[letter]

    def of_item(name, ours, theirs):
        if name != b"ENVELOPE":
            return ours, theirs
        ours, theirs = list(ours), list(theirs)
        for field, place in structures.ADDRESS_FIELDS.items():
            # Without a sender or an address for replies of their own, they are the author.
            key = "from" if field in ("sender", "reply-to") and field not in listed else field
            if key in listed and ours[place] == listed[key]:
                ours[place] = theirs[place] = SOME
        return ours, theirs

    return items(of_item)


# ---- topics ----


def untagged_code(code: bytes) -> Change:
    """A Change that leaves out this code of both, where ours is untagged and theirs tagged."""

    def change(ours, theirs):
        if theirs[-1].code[:1] != [code]:
            return ours, theirs
        return unasked_code(code)(ours, [*theirs[:-1], replace(theirs[-1], code=[])])

    return change


def without_blanks(_, ours, theirs):
    """Both without their blanks."""
    if isinstance(ours, Text) and isinstance(theirs, Text):
        return Text(ours.replace(b" ", b"")), Text(theirs.replace(b" ", b""))
    return ours, theirs


def unasked_code(code: bytes) -> Change:
    """A Change that leaves out the untagged OK with this code of ours, where theirs have none."""

    def change(ours, theirs):
        if any(response.code[:1] == [code] for response in theirs):
            return ours, theirs
        return [response for response in ours if response.code[:1] != [code]], theirs

    return change


def without(name: bytes) -> Callable[[Responses], Responses]:
    """Answers without the untagged responses of that name."""
    return lambda responses: [response for response in responses if response.name != name]


def without_code(*codes: bytes) -> Callable[[Responses], Responses]:
    """Answers whose tagged response has none of these codes."""

    def change(responses):
        last = responses[-1]
        return [*responses[:-1], replace(last, code=[]) if last.code and last.code[0] in codes else last]

    return change


def without_attributes(*names: bytes) -> Callable[[Responses], Responses]:
    """Answers without these attributes of mailboxes in LIST and LSUB."""

    def change(responses):
        return [
            replace(response, values=[[each for each in response.values[0] if each not in names], *response.values[1:]])
            if response.name in (b"LIST", b"LSUB")
            else response
            for response in responses
        ]

    return change


def unasked_uids(ours: Responses, theirs: Responses) -> tuple[Responses, Responses]:
    """Ours without the UID in FETCH responses that theirs have without; of two that become the same one is left."""
    without_uid = {response.number for response in theirs if response.name == b"FETCH" and not _has_uid(response)}
    out: Responses = []
    for response in ours:
        if response.name == b"FETCH" and response.number in without_uid and _has_uid(response):
            values = response.values[0]
            at = values.index(b"UID")
            response = replace(response, values=[values[:at] + values[at + 2 :]])
        if response not in out:
            out.append(response)
    return out, theirs


def _has_uid(response) -> bool:
    return b"UID" in response.values[0][::2]


def unchanged_flags(ours: Responses, theirs: Responses) -> tuple[Responses, Responses]:
    """Ours without the FETCH responses of letters of which theirs say nothing."""
    told = {response.number for response in theirs if response.name == b"FETCH"}
    return [each for each in ours if each.name != b"FETCH" or each.number in told], theirs


def unasked_recent(ours: Responses, theirs: Responses) -> tuple[Responses, Responses]:
    """Both without the number of recent letters, where only one of them tells it."""
    told = [any(response.name == b"RECENT" for response in answer) for answer in (ours, theirs)]
    return (ours, theirs) if all(told) else each(without(b"RECENT"))(ours, theirs)


def without_recent_in_status(responses: Responses) -> Responses:
    """Answers without RECENT in STATUS."""
    out = []
    for response in responses:
        if response.name == b"STATUS" and b"RECENT" in response.values[1]:
            name, values = response.values
            at = values.index(b"RECENT")
            response = replace(response, values=[name, values[:at] + values[at + 2 :]])
        out.append(response)
    return out


def without_letters(*names: str) -> Change:
    """A Change that leaves these letters out of what SEARCH or SORT found in the mailbox of all letters."""
    numbers = {BY_NAME[name].number for name in names}

    def change(responses):
        return [
            replace(found, values=[value for value in found.values if value not in numbers])
            if found.name in (b"SEARCH", b"SORT")
            else found
            for found in responses
        ]

    return each(change)


def only_in(name: bytes) -> Change:
    """A Change that leaves out the numbers that one of both has more in a response of this name, as SEARCH."""

    def change(ours, theirs):
        found = [{value for each in answer if each.name == name for value in each.values} for answer in (ours, theirs)]
        common = found[0] & found[1]

        def without_others(responses):
            return [
                replace(each, values=[value for value in each.values if value in common]) if each.name == name else each
                for each in responses
            ]

        return without_others(ours), without_others(theirs)

    return change
