"""Dates of mail: Unix seconds in RFC 5322 and IMAP forms, with civil-date arithmetic of our own.

The `time` module counts from 1970 on some ports and from 2000 on others; nothing here uses it.
"""

_DAYS = (b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed")
_NAMES = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


def civil_from_days(days: int):
    """(year, month, day)."""
    days += 719468
    era = days // 146097
    day_of_era = days % 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    month = march_month + 3 if march_month < 10 else march_month - 9
    year = era * 400 + year_of_era + (1 if month <= 2 else 0)
    return year, month, day_of_year - (153 * march_month + 2) // 5 + 1


def day_of(seconds: int, tz_minutes: int) -> int:
    """The day (since 1970) that it is at that moment in that zone."""
    return (seconds + tz_minutes * 60) // 86400


def rfc5322(seconds: int, tz_minutes: int) -> bytes:
    """`Tue, 24 Nov 2026 12:06:59 +0000`."""
    year, month, day, clock = _parts(seconds, tz_minutes)
    name = _DAYS[day_of(seconds, tz_minutes) % 7]
    return b"%s, %d %s %04d %s %s" % (name, day, _NAMES[month - 1], year, clock, zone(tz_minutes))


def imap(seconds: int, tz_minutes: int) -> bytes:
    """`24-Nov-2026 12:06:59 +0000`, the day padded with a blank (RFC 3501 9, date-time), without the quotes."""
    year, month, day, clock = _parts(seconds, tz_minutes)
    return b"%2d-%s-%04d %s %s" % (day, _NAMES[month - 1], year, clock, zone(tz_minutes))


def log_stamp(seconds: int) -> str:
    """`2026-11-24 12:06:59` (UTC), for the log."""
    year, month, day = civil_from_days(seconds // 86400)
    clock = seconds % 86400
    return "%04d-%02d-%02d %02d:%02d:%02d" % (
        year,
        month,
        day,
        clock // 3600,
        clock // 60 % 60,
        clock % 60,
    )


def zone(tz_minutes: int) -> bytes:
    """Minutes east of Greenwich as `+0100`."""
    minutes = abs(tz_minutes)
    return b"%s%02d%02d" % (b"-" if tz_minutes < 0 else b"+", minutes // 60, minutes % 60)


def _parts(seconds, tz_minutes):
    year, month, day = civil_from_days(day_of(seconds, tz_minutes))
    rest = (seconds + tz_minutes * 60) % 86400
    return year, month, day, b"%02d:%02d:%02d" % (rest // 3600, rest // 60 % 60, rest % 60)
