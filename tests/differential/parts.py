"""The part numbers of a letter, from its BODYSTRUCTURE (RFC 3501 6.4.5)."""


def paths(structure: list) -> list[str]:
    """All of them, in order: 1, 2, 2.1 and so on; those of an attached letter's parts, too."""
    if is_multipart(structure):
        return _of_multipart(structure, "")
    # A letter that is no multipart has itself as part 1.
    return ["1", *_inside(structure, "1")]


def is_multipart(structure: list) -> bool:
    return isinstance(structure[0], list)


def _of_multipart(structure: list, prefix: str) -> list[str]:
    out = []
    parts = [part for part in structure if isinstance(part, list) and is_body(part)]
    for number, part in enumerate(parts, 1):
        path = f"{prefix}{number}"
        out += [path, *(_of_multipart(part, path + ".") if is_multipart(part) else _inside(part, path))]
    return out


def is_body(value: list) -> bool:
    """A part among the elements of a multipart: parameters and languages stand behind the subtype."""
    return isinstance(value[0], list) or (len(value) >= 7 and isinstance(value[6], int))


def _inside(structure: list, path: str) -> list[str]:
    """The parts of an attached letter; none of anything else."""
    if (structure[0].lower(), structure[1].lower()) != (b"message", b"rfc822"):
        return []
    letter = structure[8]
    if is_multipart(letter):
        return _of_multipart(letter, path + ".")
    return [path + ".1", *_inside(letter, path + ".1")]
