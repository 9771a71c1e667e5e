"""How a verb fails: each exception carries the one line that the user sees, and the exit status."""


class CommandError(Exception):
    """Something in the surroundings prevents the work (a port in use, a locked state): exit status 1."""

    status = 1


class UsageError(CommandError):
    """A wrong option or value: exit status 2."""

    status = 2
