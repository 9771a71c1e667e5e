"""What is made equal before two answers are compared: one function for each, and nothing else.

Each function takes a parsed response and gives it back without one thing that may differ. NORMALISATIONS has them all
with the reason; docs/clients.md lists them by these names.
"""

from dataclasses import replace

from tests.differential.wire import Answer, Atom, Literal, Quoted, Response

# What stands in the place of a value that may differ.
SOME = Atom(b"*")

_FLAG_LISTS = (b"FLAGS", b"PERMANENTFLAGS")
_MAILBOX_RESPONSES = (b"LIST", b"LSUB", b"STATUS")
_MODSEQ_NAMES = (b"HIGHESTMODSEQ", b"MODSEQ")
_OBJECT_ID_NAMES = (b"MAILBOXID", b"EMAILID", b"THREADID")


class Text(bytes):
    """A string, whatever its form was."""

    def __repr__(self) -> str:
        return bytes.__repr__(self)[1:]


def tags(response: Response) -> Response:
    """The tag in an ESEARCH response; that of the tagged response is no part of what is compared."""
    if response.name == b"ESEARCH" and response.values and isinstance(response.values[0], list):
        return replace(response, values=[[Atom(b"TAG"), SOME], *response.values[1:]])
    return response


def human_text(response: Response) -> Response:
    """What stands behind a status and its code is for people (RFC 3501 7.1)."""
    return replace(response, text=b"")


def uidvalidity(response: Response) -> Response:
    """UIDVALIDITY is the server's choice (RFC 3501 2.3.1.1): in SELECT, STATUS, APPENDUID and COPYUID."""
    code = list(response.code)
    if code and code[0] in (b"UIDVALIDITY", b"APPENDUID", b"COPYUID"):
        code[1] = SOME
    return _with_attributes(replace(response, code=code), (b"UIDVALIDITY",))


def modification_sequences(response: Response) -> Response:
    """Values of modification sequences are the server's choice (RFC 7162 3): only their presence is compared."""
    code = list(response.code)
    if code and code[0] == b"HIGHESTMODSEQ":
        code[1] = SOME
    return _with_attributes(replace(response, code=code), _MODSEQ_NAMES)


def object_ids(response: Response) -> Response:
    """Object ids are the server's choice (RFC 8474 4); in the answer to CREATE they are left out."""
    code = list(response.code)
    if code and code[0] == b"MAILBOXID":
        code[1] = SOME
    return _with_attributes(replace(response, code=code), _OBJECT_ID_NAMES)


def order_of_flags(response: Response) -> Response:
    """Flags and mailbox attributes are sets, told in any order (RFC 3501 2.3.2, 7.2.2)."""
    code = list(response.code)
    if code and code[0] in _FLAG_LISTS:
        code[1] = sorted(code[1])
    values = list(response.values)
    if response.name in (b"FLAGS", b"LIST", b"LSUB"):
        values[0] = sorted(values[0])
    elif response.name == b"FETCH":
        items = values[0]
        # The list begins behind its name.
        values[0] = [
            sorted(item) if i and items[i - 1] == b"FLAGS" and isinstance(item, list) else item
            for i, item in enumerate(items)
        ]
    return replace(response, code=code, values=values)


def order_of_items(response: Response) -> Response:
    """The items of FETCH, STATUS and ESEARCH stand in any order (RFC 3501 7.4.2, 7.2.4; RFC 4466 2.6.2)."""
    values = list(response.values)
    if response.name == b"ESEARCH":
        # Behind the tag, and UID where it stands.
        start = 2 if b"UID" in values[1:2] else 1
        values[start:] = _sorted_pairs(values[start:])
    elif response.name in (b"FETCH", b"STATUS"):
        place = 0 if response.name == b"FETCH" else 1
        values[place] = _sorted_pairs(values[place])
    return replace(response, values=values)


def _sorted_pairs(items: list) -> list:
    pairs = sorted(zip(items[::2], items[1::2], strict=True), key=lambda pair: pair[0])
    return [part for pair in pairs for part in pair]


def string_form(response: Response) -> Response:
    """A string is quoted or a literal, an astring also an atom, as the server likes (RFC 3501 4.3, 9)."""
    values = list(response.values)
    if response.name in _MAILBOX_RESPONSES:
        at = 0 if response.name == b"STATUS" else 2
        name = values[at]
        values[at] = Quoted(b"NIL" if name is None else b"%d" % name if isinstance(name, int) else name)
    return replace(response, values=texts(values), code=texts(response.code))


def order_of_responses(responses: list[Response]) -> list[Response]:
    """Untagged responses stand in any order (RFC 3501 7); EXPUNGE changes the numbers of those that follow it.

    Numbers are made those that the letters had before; then all are sorted.
    """
    gone: list[int] = []
    out = []
    for response in responses:
        if response.name in (b"EXPUNGE", b"FETCH") and response.number is not None:
            before = response.number
            for number in sorted(gone):
                before += number <= before
            if response.name == b"EXPUNGE":
                gone.append(before)
            response = replace(response, number=before)
        out.append(response)
    return in_order(out)


def in_order(responses: list[Response]) -> list[Response]:
    """The responses sorted: by name, by number, and then by all that they say."""
    return sorted(responses, key=lambda response: (response.name, response.number or 0, repr(response)))


def texts(value):
    """A value with every string made a Text."""
    if isinstance(value, list):
        return [texts(each) for each in value]
    return Text(value) if isinstance(value, Quoted | Literal) else value


def _with_attributes(response: Response, names: tuple[bytes, ...]) -> Response:
    """Puts SOME in the place of what follows these names in FETCH, STATUS, SEARCH and ESEARCH."""
    if response.name not in (b"FETCH", b"STATUS", b"SEARCH", b"ESEARCH", b"SORT"):
        return response
    return replace(response, values=_without_values(response.values, names))


def _without_values(values: list, names: tuple[bytes, ...]) -> list:
    out = []
    for i, value in enumerate(values):
        if i and isinstance(values[i - 1], Atom) and values[i - 1] in names:
            out.append(SOME)
        elif isinstance(value, list) and len(value) >= 2 and isinstance(value[0], Atom):
            out.append(_without_values(value, names))
        else:
            out.append(value)
    return out


# In the order in which they are applied.
OF_ONE = (
    tags,
    human_text,
    uidvalidity,
    modification_sequences,
    object_ids,
    order_of_flags,
    order_of_items,
    string_form,
)
NORMALISATIONS = (*OF_ONE, order_of_responses)


def normalise(answer: Answer) -> list[Response]:
    """The untagged responses and, as the last one, the tagged one, with everything equal that may differ."""
    untagged = [_one(response) for response in answer.untagged]
    tells_id = answer.command.startswith(b"CREATE") and answer.code[:1] == [b"MAILBOXID"]
    tagged = _one(Response(answer.status, code=[] if tells_id else answer.code, text=answer.text))
    return [*order_of_responses(untagged), tagged]


def _one(response: Response) -> Response:
    for function in OF_ONE:
        response = function(response)
    return response
