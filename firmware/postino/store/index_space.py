"""How many blocks the index takes: the snapshots, as computed from their entries, and both states."""

from postino.store import snapshot
from postino.store.catalogue import ENTRIES, INFO_COUNTERS, INFO_NAME, INFO_USER
from postino.store.space import blocks_of

# Snapshots whose names, or contents, fit into a pair of metadata blocks.
_NAMES_IN_PAIR = 16

# Octets of the state beside its slots and mailboxes, and of a mailbox in it beside its names.
_STATE_OCTETS = 128
_STATE_MAILBOX = 40


def index_blocks(infos: list, names: list, slots: int):
    """(blocks of all snapshots and of both states, those of the largest snapshot)"""
    total = largest = 0
    octets = _STATE_OCTETS + slots
    for name in names:
        octets += 1 + len(name)
    for info in infos:
        octets += _STATE_MAILBOX + len(info[INFO_USER]) + len(info[INFO_NAME])
        entries = info[INFO_COUNTERS][ENTRIES]
        if entries:
            blocks = blocks_of(snapshot.octets_for(entries))
            total += blocks
            largest = max(largest, blocks)
    # An empty one lies within its directory; the directory takes a pair of blocks for a few names.
    total += (len(infos) + _NAMES_IN_PAIR - 1) // _NAMES_IN_PAIR * 2
    return total + 2 * blocks_of(octets), largest
