"""Changes of ENVELOPE, BODY and BODYSTRUCTURE values, for the list of differences."""

from tests.differential.normalise import SOME, Text
from tests.differential.parts import is_body, is_multipart

# Fields of an envelope that are lists of addresses.
ADDRESS_FIELDS = {"from": 2, "sender": 3, "reply-to": 4, "to": 5, "cc": 6, "bcc": 7}

STRUCTURES = (b"BODY", b"BODYSTRUCTURE")


def each_part(structure: list, change) -> list:
    """The structure with change(part) in the place of every part that is no multipart; the inner ones come first."""
    if is_multipart(structure):
        return [each_part(part, change) if isinstance(part, list) and is_body(part) else part for part in structure]
    part = list(structure)
    if is_letter(part):
        part[8] = each_part(part[8], change)
    return change(part)


def is_letter(part: list) -> bool:
    return (part[0].lower(), part[1].lower()) == (b"message", b"rfc822")


def without(*places: int):
    """A change of a part that leaves these elements out."""
    return lambda part: [SOME if place in places else value for place, value in enumerate(part)]


def without_disposition_parameters(part: list) -> list:
    return [
        [value[0], SOME] if place >= 8 and isinstance(value, list) and not _is_languages(value) else value
        for place, value in enumerate(part)
    ]


def _is_languages(value: list) -> bool:
    """Not a disposition, whose second element is a list or NIL."""
    return all(isinstance(each, Text) for each in value)


def without_type(part: list) -> list:
    """A text has a number of lines that nothing else has."""
    lines = 1 if part[0].lower() == b"text" else 0
    return [SOME, SOME, SOME, *part[3:7], *part[7 + lines :]]


def lower_case(part: list) -> list:
    """Type, parameters and encoding in lower case."""
    out = list(part)
    for place in (0, 1, 5):
        out[place] = Text(out[place].lower())
    out[2] = out[2] and [Text(each.lower()) for each in out[2]]
    return out


def without_blank_before_location(part: list) -> list:
    return [*part[:-1], Text(part[-1].lstrip())] if part[-1] else part


def addresses(envelope: list, change) -> list:
    """The envelope with change(addresses) in the place of every list of addresses."""
    out = list(envelope)
    for place in ADDRESS_FIELDS.values():
        out[place] = change(out[place])
    return out
