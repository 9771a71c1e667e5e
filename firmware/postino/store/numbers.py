"""The counters of the store that are not those of a mailbox; state.py reads and writes them."""

# What damage in the log may have hidden: so many numbers are never given.
SKIPPED = 256


class Numbers:
    def __init__(self):
        # Transactions up to this one are in it.
        self.sequence = 0
        self.next_letter = 1
        self.next_mailbox = 1
        self.next_uidvalidity = 1
        # One copy is missing, damaged or older: write() again.
        self.stale_copy = False
