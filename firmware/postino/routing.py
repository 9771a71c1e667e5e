"""Which user's mailbox an address means: the domain is ours, the user exists, a +detail is cut off.

Local parts compare without regard to case (RFC 5321 2.4 leaves that to the receiving host).
"""

# Longest local part and domain that are looked at (RFC 5321 4.5.3.1).
MAX_LOCAL_PART = 64
MAX_DOMAIN = 255


class Router:
    """Resolves addresses against the users and the settings."""

    def __init__(self, settings, users):
        self._settings = settings
        self._users = users
        # This host's own address, for address literals (RFC 5321 4.1.3); the board sets it.
        self.address = ""

    def is_local_domain(self, domain):
        """True if mail for this domain (bytes) stays here: the mail domain, this host's names, or its address."""
        try:
            name = bytes(domain).decode().lower()
        except (UnicodeError, ValueError):
            return False
        mail_domain = self._settings.get("domain")
        hostname = self._settings.get("hostname")
        if name.endswith("."):
            name = name[:-1]
        if name == "[" + self.address + "]":
            return True
        return name in (mail_domain, hostname, hostname + "." + mail_domain, hostname + ".local")

    def resolve(self, address):
        """Returns (user, detail) for an address (bytes, without <>), or None if nobody here has it.

        An address without a domain means a local user (RFC 5321 4.1.1.3 asks it for postmaster; devices send others).
        """
        at = address.rfind(b"@")
        local_part = address if at < 0 else address[:at]
        domain = b"" if at < 0 else address[at + 1 :]
        if at >= 0 and (len(domain) > MAX_DOMAIN or not self.is_local_domain(domain)):
            return None
        if not local_part or len(local_part) > MAX_LOCAL_PART:
            return None
        try:
            name = bytes(local_part).decode().lower()
        except (UnicodeError, ValueError):
            return None
        name, _, detail = name.partition("+")
        if self._users.exists(name):
            return name, detail
        if name == "postmaster":
            return self._postmaster()
        return None

    def _postmaster(self):
        name = self._settings.get("postmaster")
        if not self._users.exists(name):
            name = self._users.first()
        return (name, "") if name else None
