"""Dates of mail that are read: RFC 5322 and IMAP forms, as Unix seconds or days."""

from .dates import civil_from_days

_MONTHS = b"janfebmaraprmayjunjulaugsepoctnovdec"

# Zones by name, in hours (RFC 5322 4.3); single letters and unknown names mean +0000 there.
_ZONES = {b"EDT": -4, b"EST": -5, b"CDT": -5, b"CST": -6, b"MDT": -6, b"MST": -7, b"PDT": -7, b"PST": -8}
# Not in the RFC, but seen in European mail.
_ZONES_SEEN = {b"CET": 1, b"CEST": 2, b"MET": 1, b"MEST": 2, b"BST": 1, b"EET": 2, b"EEST": 3}

# The store keeps dates as unsigned 32-bit seconds.
_LAST_SECOND = 0xFFFFFFFF

# Octets of a Date field that are looked at.
_FIELD_LIMIT = 128


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar."""
    if month <= 2:
        year -= 1
    # The year begins in March here, so that the leap day is its last one.
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + day_of_year - 719468


def parse_zone(value: bytes) -> int:
    """`+0100` as minutes east; ValueError if it is anything else."""
    if len(value) != 5 or value[:1] not in (b"+", b"-"):
        raise ValueError("zone")
    hours = _number(value[1:3])
    minutes = _number(value[3:5])
    if hours > 14 or minutes > 59:
        raise ValueError("zone")
    return (hours * 60 + minutes) * (-1 if value[:1] == b"-" else 1)


def parse_imap(value: bytes) -> int:
    """Seconds of a date-time as IMAP clients send it, kept within what the store can hold; ValueError."""
    value = value.strip()
    words = value.split(b" ")
    if len(words) != 3:
        raise ValueError("date-time")
    seconds = parse_imap_day(words[0]) * 86400 + _clock(words[1]) - parse_zone(words[2]) * 60
    return min(max(seconds, 0), _LAST_SECOND)


def parse_imap_day(value: bytes) -> int:
    """Days since 1970 of a date like `24-Nov-2026` (RFC 3501 9, date); ValueError."""
    parts = value.strip(b'" ').split(b"-")
    if len(parts) != 3 or len(parts[2]) != 4:
        raise ValueError("date")
    return _day(_number(parts[2]), _month(parts[1]), _number(parts[0]))


def parse_rfc5322(value: bytes):
    """Seconds of a Date field, however old its form (RFC 5322 3.3 and 4.3); None if it is no date."""
    found = _read(value)
    return None if found is None else found[0] * 86400 + found[1] - found[2] * 60


def parse_rfc5322_day(value: bytes):
    """The day it names, whatever the time and zone, as SENTON and its kin compare it (RFC 3501 6.4.4), or None."""
    found = _read(value)
    return None if found is None else found[0]


def _number(digits):
    # int() alone would take blanks, signs and underscores, too.
    if not digits.isdigit():
        raise ValueError("number")
    return int(digits)


def _month(name):
    at = _MONTHS.find(name.lower()) if len(name) == 3 else -1
    if at < 0 or at % 3:
        raise ValueError("month")
    return at // 3 + 1


def _day(year, month, day):
    days = days_from_civil(year, month, day)
    if day < 1 or civil_from_days(days) != (year, month, day):
        raise ValueError("day")
    return days


def _clock(value):
    """Seconds of `12:06` or `12:06:59`; a leap second is let pass."""
    parts = value.split(b":")
    if len(parts) == 2:
        parts.append(b"0")
    if len(parts) != 3:
        raise ValueError("time")
    hour, minute, second = [_number(part) for part in parts]
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("time")
    return hour * 3600 + minute * 60 + second


def _year(digits):
    """RFC 5322 4.3: two digits mean 1950 to 2049, three count from 1900."""
    year = _number(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _zone(word):
    """Minutes east; a name nobody knows is +0000 (RFC 5322 4.3)."""
    try:
        return parse_zone(word)
    except ValueError:
        word = word.upper()
        return 60 * _ZONES.get(word, _ZONES_SEEN.get(word, 0))


def _read(value):
    """(days, seconds of the day, zone) of a Date field, or None."""
    try:
        return _read_words(_words(value))
    except (ValueError, IndexError):
        return None


def _words(value):
    """The words of the field: comments left out, commas and hyphens between date parts taken as blanks."""
    out = bytearray()
    depth = 0
    for octet in value[:_FIELD_LIMIT]:
        if octet == 0x28:
            depth += 1
        elif octet == 0x29:
            depth = max(depth - 1, 0)
        elif not depth:
            out.append(0x20 if octet == 0x2C else octet)
    return bytes(out).split()


def _read_words(words):
    if not words[0][:1].isdigit():
        words = words[1:]
    if not words[0][:1].isdigit():
        return _read_asctime(words)
    if words[0].count(b"-") == 2:
        # `24-Nov-26`, as old programs write it.
        words = words[0].split(b"-") + words[1:]
    clock = _clock(words[3]) if len(words) > 3 else 0
    minutes = _zone(words[4]) if len(words) > 4 else 0
    return _day(_year(words[2]), _month(words[1]), _number(words[0])), clock, minutes


def _read_asctime(words):
    """`Nov 24 12:06:59 2026`, what C programs without a mail library send."""
    if b":" not in words[2]:
        raise ValueError("date")
    # A zone may stand before the year.
    year = words[-1] if words[-1].isdigit() else words[3]
    minutes = _zone(words[3]) if len(words) > 4 else 0
    return _day(_year(year), _month(words[0]), _number(words[1])), _clock(words[2]), minutes
