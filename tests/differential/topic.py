"""A topic: a conversation of one or two connections that both servers are led through, written as a script.

One step per line; leading and trailing blanks do not count:

    # text              a comment
    A: command          connection A sends a command, without its tag; B: and so on for others, which open by themselves
    @load Box one two   connection A appends these letters to a mailbox
    @letters            connection A is that of `reader`, with the mailbox of all letters open, and changes nothing
    @keep v UIDVALIDITY keeps the number that the server told last under this name (UIDVALIDITY, or HIGHESTMODSEQ, also
                        of MODSEQ in FETCH), for ${v} in a later command: each server is asked with its own number

In a command, <<text>> is sent as a literal, and <<>> as an empty one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One conversation. `needs` are the capabilities without which it makes no sense."""

    name: str
    script: str
    # A topic that looks at all mailboxes of an account has one of its own.
    user: str = "worker"
    needs: tuple[str, ...] = ()
