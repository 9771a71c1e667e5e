"""The accounts: names and credential records, and who a login and password belong to.

A login is checked one at a time; what was right is remembered in RAM, keyed with a secret of this boot, so that a
client that polls costs one HMAC. Unknown names take as long as wrong passwords.
"""

import asyncio
import os

from . import credentials
from .settings import MAX_NAME, is_word, read_json, write_json

# Users on one device.
MAX_USERS = 32
# Longest password looked at, in octets.
MAX_PASSWORD = 256
# Right passwords remembered, over all users: a few devices each.
CACHE_SIZE = 24

# Stands in for the record of a user that does not exist.
_NOBODY = "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$%s:%s"
_NO_KEY = "A" * 43 + "="


def is_name(name):
    """True if `name` (str) can be a user's name."""
    return 1 <= len(name) <= MAX_NAME and is_word(name, "._-")


def _no_domain(domain) -> bool:
    return False


class Users:
    """The accounts in a JSON file: {name: credential record}, in the order in which they were made."""

    def __init__(self, path):
        self._path = path
        # `damaged`: the newest file could not be read; the one before it, or nobody, is in force.
        stored, self.damaged = read_json(path)
        # A list keeps the order, which a dict does not on this VM.
        self._records = [pair for pair in stored if len(pair) == 2] if isinstance(stored, list) else []
        self._secret = os.urandom(16)
        self._cache = []
        self._one_at_a_time = asyncio.Lock()
        # Which domains a login may carry; the composition root puts the router's rule here.
        self.is_local_domain = _no_domain

    def names(self):
        """All user names, oldest first."""
        return [record[0] for record in self._records]

    def first(self):
        """The name of the first user, or None."""
        return self._records[0][0] if self._records else None

    def exists(self, name):
        return self._record(name) is not None

    def _record(self, name):
        for record in self._records:
            if record[0] == name:
                return record[1]
        return None

    def set(self, records):
        """Adds users or replaces their credentials, all or none. `records` is a list of (name, RFC 5803 record).

        Raises ValueError if a name or record cannot be, OSError if it cannot be stored.
        """
        kept = list(self._records)
        for name, record in records:
            if not is_name(name):
                raise ValueError("a user name has 1 to %d of a-z 0-9 . _ -" % MAX_NAME)
            credentials.parse_record(record)
            places = [index for index, pair in enumerate(kept) if pair[0] == name]
            if places:
                kept[places[0]] = [name, record]
            else:
                kept.append([name, record])
        if len(kept) > MAX_USERS:
            raise ValueError("there can be %d users" % MAX_USERS)
        write_json(self._path, kept)
        self._records = kept
        self._cache = []

    def _canonical(self, login):
        try:
            name = bytes(login).decode().lower()
        except (UnicodeError, ValueError):
            return None
        name, at, domain = name.partition("@")
        if at and not self.is_local_domain(domain.encode()):
            return None
        return name

    async def verify(self, login, password):
        """Returns the name of the user whom `login` and `password` (bytes) belong to, or None.

        The login may be the name in any case, or name@domain with a domain of ours.
        """
        if len(login) > MAX_NAME + 256 or not 0 < len(password) <= MAX_PASSWORD:
            return None
        name = self._canonical(login)
        record = self._record(name)
        proof = credentials.hmac_sha256(self._secret, b"%s\0%s" % (bytes(login).lower(), bytes(password)))
        if record is not None and (name, proof) in self._cache:
            return name
        async with self._one_at_a_time:
            right = await credentials.matches(record or _NOBODY % (_NO_KEY, _NO_KEY), bytes(password))
        # A password that was changed while the old one was checked is not remembered.
        if record is None or not right or self._record(name) != record:
            return None
        self._cache.append((name, proof))
        del self._cache[:-CACHE_SIZE]
        return name
