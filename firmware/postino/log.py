"""The log: one line an event, with time and level. Lines never hold a secret and never a control character."""

import time

# Longest line written, in characters: a peer chooses part of the text.
MAX_LINE = 300

_LEVELS = ("error", "warn", "info", "debug")
_threshold = 2
_clock = None


def configure(clock, level="info"):
    """Sets the clock (a function giving Unix seconds, 0 while unset) and the least important level that is written."""
    global _clock, _threshold
    _clock = clock
    _threshold = _LEVELS.index(level)


def _stamp():
    now = _clock() if _clock is not None else 0
    if not now:
        # The clock is unset: seconds since start.
        return "+%d" % (time.ticks_ms() // 1000)  # type: ignore[attr-defined]
    from .dates import log_stamp

    return log_stamp(now)


def printable(value):
    """Returns `value` (str, bytes or number) as text without control characters, for a log line."""
    if isinstance(value, (bytes, bytearray)):
        value = "".join(chr(octet) if 32 <= octet < 127 else "?" for octet in value[:MAX_LINE])
    if isinstance(value, str):
        for character in value:
            if not 32 <= ord(character) != 127:
                return "".join(c if 32 <= ord(c) != 127 else "?" for c in value)
    return value


def _write(level, text, values):
    if level > _threshold:
        return
    try:
        line = text % tuple(printable(value) for value in values) if values else text
        print(_stamp(), _LEVELS[level], line[:MAX_LINE])
    except MemoryError:
        # A line that does not fit is not worth a session.
        pass


def error(text, *values):
    """Something is broken: mail or settings are at risk, or the code is wrong."""
    _write(0, text, values)


def warn(text, *values):
    """Something was refused or is short."""
    _write(1, text, values)


def info(text, *values):
    """Something happened that the admin may ask about later."""
    _write(2, text, values)


def debug(text, *values):
    """Detail for the developer; off unless the setting `log_level` says otherwise."""
    _write(3, text, values)
