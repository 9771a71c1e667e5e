"""One table of settings: name, type, range, default, meaning. `docs/settings.md` is generated from it.

Values that differ from the default are kept as JSON in the settings file system, written whole under a new name and
renamed, so that a power cut leaves the old file or the new one.
"""

import json
import os

# Longest text value, in characters.
MAX_TEXT = 128
# Longest host name and user name, in characters.
MAX_NAME = 32
# What a file that was replaced is called, and the error number of a file that is not there.
OLD = ".old"
ENOENT = 2
# Largest message size that can be asked for, in bytes.
MESSAGE_SIZE_LIMIT = 10 * 1024 * 1024

# Connections that no board goes beyond: its network stack is built for so many.
MOST_CONNECTIONS = 40

# Where a cleartext login is taken: nowhere, from local networks (loopback counts as one), or from anywhere.
CLEARTEXT_CHOICES = ("never", "lan", "always")
LOG_CHOICES = ("error", "warn", "info", "debug")

# Name, kind, range, default, meaning. Kinds: "int" with (least, most), "choice" with its choices, and with None
# "domain", "name", "user", "zone", "address", "words" and "host". A default of None is computed at start (see the
# meaning).
TABLE = (
    ("domain", "domain", None, "office.lan", "The mail domain: addresses are user@domain."),
    ("hostname", "name", None, "postino", "Name of this machine, without a domain: DHCP, greetings, trace fields."),
    ("postmaster", "user", None, "", "User who gets mail for postmaster; empty: the first user."),
    ("timezone", "zone", None, "+0000", "Offset of local time from UTC, as +hhmm or -hhmm."),
    (
        "max_message_size",
        "int",
        (1024, MESSAGE_SIZE_LIMIT),
        None,
        "Largest message in bytes; by default a third of the mail partition, at most 10 MB.",
    ),
    (
        "user_quota",
        "int",
        (0, 0x3FFFFFFF),
        0,
        "Bytes that one user's mail may take, in blocks of 4 KiB, copies counted again; 0: no limit but the flash.",
    ),
    ("max_recipients", "int", (1, 500), 100, "Recipients of one message."),
    (
        "max_connections",
        "int",
        (4, MOST_CONNECTIONS),
        None,
        "Connections served at once, all services; by default as many as the heap bears (about 12 at 112 KB).",
    ),
    (
        "max_connections_per_address",
        "int",
        (1, MOST_CONNECTIONS),
        None,
        "Connections served at once from one address; by default two less than in all.",
    ),
    (
        "max_connections_per_user",
        "int",
        (1, MOST_CONNECTIONS),
        10,
        "POP3 and IMAP connections served at once for one user.",
    ),
    ("cleartext_smtp", "choice", CLEARTEXT_CHOICES, "lan", "From where SMTP takes a password without TLS."),
    ("cleartext_pop3", "choice", CLEARTEXT_CHOICES, "lan", "From where POP3 takes a password without TLS."),
    ("cleartext_imap", "choice", CLEARTEXT_CHOICES, "lan", "From where IMAP takes a password without TLS."),
    ("login_timeout", "int", (1, 600), 60, "Seconds from connecting to a successful POP3 or IMAP login."),
    ("smtp_command_timeout", "int", (1, 3600), 300, "Seconds an SMTP client may take for a command."),
    ("smtp_data_timeout", "int", (1, 3600), 180, "Seconds an SMTP client may take for a block of message data."),
    ("pop3_timeout", "int", (1, 3600), 600, "Seconds a POP3 client may be silent after login (RFC 1939: 600)."),
    ("imap_timeout", "int", (1, 7200), 1800, "Seconds an IMAP client may be silent after login (RFC 3501: 1800)."),
    ("idle_notify", "int", (1, 1740), 120, "Seconds between signs of life while an IMAP client waits in IDLE."),
    (
        "imap_capabilities_off",
        "words",
        None,
        "",
        "IMAP capabilities that are not offered: words such as condstore (to nobody) or anna:condstore (not to anna).",
    ),
    ("address", "address", None, "", "Fixed IPv4 address as address/prefix/gateway; empty: DHCP."),
    ("ntp_server", "host", None, "pool.ntp.org", "Time server; empty: none."),
    ("log_level", "choice", LOG_CHOICES, "info", "Least important lines that are logged."),
)


class SettingError(ValueError):
    """No such setting, or a value that it cannot have. The text says which, for the user."""


def _entry(name):
    for entry in TABLE:
        if entry[0] == name:
            return entry
    raise SettingError("there is no setting %r" % name)


def _is_number(text):
    # Not isdigit(): on the host, which checks by this table too, that takes digits that int() does not.
    return bool(text) and all("0" <= character <= "9" for character in text)


def _check_int(name, limits, value):
    text = str(value)
    if not _is_number(text) or len(text) > 10 or not limits[0] <= int(text) <= limits[1]:
        raise SettingError("%s takes a whole number from %d to %d" % (name, limits[0], limits[1]))
    return int(text)


def _check_choice(name, choices, value):
    if value not in choices:
        raise SettingError("%s takes one of %s" % (name, ", ".join(choices)))
    return value


def is_word(text, more=""):
    """True if `text` has only a-z, 0-9 and the characters in `more`."""
    for character in text:
        if not ("a" <= character <= "z" or "0" <= character <= "9" or character in more):
            return False
    return True


def _check_zone(name, value):
    if len(value) != 5 or value[0] not in "+-" or not _is_number(value[1:]):
        raise SettingError("%s takes an offset such as +0100" % name)
    if int(value[1:3]) > 14 or int(value[3:]) > 59:
        raise SettingError("%s takes an offset from -1459 to +1459" % name)
    return value


def _check_address(name, value):
    if not value:
        return value
    parts = value.split("/")
    good = len(parts) == 3 and _is_number(parts[1]) and len(parts[1]) < 3 and int(parts[1]) <= 32
    if not (good and _is_ipv4(parts[0]) and _is_ipv4(parts[2])):
        raise SettingError("%s takes address/prefix/gateway, such as 192.168.1.20/24/192.168.1.1" % name)
    return value


def _is_ipv4(text):
    octets = text.split(".")
    return len(octets) == 4 and all(_is_number(octet) and len(octet) < 4 and int(octet) < 256 for octet in octets)


def _check_text(name, kind, value):
    value = value.lower()
    if kind == "domain" and value and is_word(value, "-.") and value[0] not in "-." and ".." not in value:
        return value.rstrip(".")
    if kind == "words" and is_word(value, "._-=: "):
        return value
    if kind == "host" and is_word(value, "-."):
        return value
    if kind == "name" and value and len(value) <= MAX_NAME and is_word(value, "-") and value[0] != "-":
        return value
    if kind == "user" and len(value) <= MAX_NAME and is_word(value, "._-"):
        return value
    raise SettingError("%s cannot be %r" % (name, value[:40]))


def check(name, value):
    """Returns `value` (text, or a number for numbers) in the setting's own type. Raises SettingError."""
    _, kind, limits, _, _ = _entry(name)
    if kind == "int":
        return _check_int(name, limits, value)
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise SettingError("%s takes a text of at most %d characters" % (name, MAX_TEXT))
    if kind == "choice":
        return _check_choice(name, limits, value)
    if kind == "zone":
        return _check_zone(name, value)
    if kind == "address":
        return _check_address(name, value)
    return _check_text(name, kind, value)


def read_json(path):
    """Returns (object, damaged) of a JSON file: of the file, else of the one that it replaced, else None.

    The file system keeps no checksum over a file's data: `damaged` tells that the newest file could not be read.
    """
    damaged = False
    for name in (path, path + OLD):
        try:
            with open(name) as file:
                return json.load(file), damaged
        except OSError as error:
            damaged = damaged or error.args[0] != ENOENT
        except ValueError:
            damaged = True
    return None, damaged


def write_json(path, value):
    """Replaces a JSON file and keeps the one before: whatever cuts this short, one of them is read. Raises OSError."""
    new = path + ".new"
    with open(new, "w") as file:
        json.dump(value, file)
    try:
        os.rename(path, path + OLD)
    except OSError as error:
        if error.args[0] != ENOENT:
            raise
    os.rename(new, path)


class Settings:
    """The settings in force: what was set, else the default."""

    def __init__(self, path):
        self._path = path
        self._computed = {}
        # `damaged`: the newest file could not be read; the one before it, or the defaults, are in force.
        stored, self.damaged = read_json(path)
        self._values = stored if isinstance(stored, dict) else {}

    def set_default(self, name, value):
        """Gives the default of a setting that is computed at start."""
        self._computed[name] = value

    def get(self, name):
        """Returns a setting's value: int or str. A stored value that is no longer valid counts as not set."""
        if name in self._values:
            try:
                return check(name, self._values[name])
            except SettingError:
                pass
        if name in self._computed:
            return self._computed[name]
        return _entry(name)[3]

    def set(self, changes):
        """Stores several settings, all or none. `changes` maps names to values. Raises SettingError, OSError."""
        checked = {name: check(name, value) for name, value in changes.items()}
        values = dict(self._values)
        values.update(checked)
        if values != self._values:
            write_json(self._path, values)
            self._values = values
