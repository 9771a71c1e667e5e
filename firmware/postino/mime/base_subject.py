"""What SORT compares of Subject and From (RFC 5256 2.1 and 3): the base subject, and the first mailbox."""

from postino.mime import address, collation, encoded_words

# Octets looked at of a field's value.
VALUE_LIMIT = 2048


def subject_key(value, limit=collation.KEY_LIMIT) -> bytes:
    """The sort key of a Subject field's value (None if there is no such field)."""
    return collation.key(base_subject(value), limit)


def mailbox_key(value, limit=collation.KEY_LIMIT) -> bytes:
    """The sort key of an address field's value (or None): the local part of its first address.

    The name of a group counts where the field begins with one, as in an ENVELOPE (RFC 5256 3, FROM).
    """
    for entry in address.addresses(value[:VALUE_LIMIT] if value else b""):
        return collation.key(encoded_words.to_text(entry[2] or b"", b"utf-8"), limit)
    return b""


def base_subject(value) -> str:
    """The subject without what replies, forwarding and mailing lists put around it (RFC 5256 2.1)."""
    text = encoded_words.decode(value[:VALUE_LIMIT] if value else b"")
    # Step 1: runs of blanks are one blank.
    octets = b" ".join(text.encode().split())
    folded = octets.upper()
    start, end = 0, len(octets)
    while True:
        end = _strip_trailers(folded, start, end)
        start = _strip_leaders(folded, start, end)
        # Step 6.
        if folded[start : start + 5] != b"[FWD:" or folded[end - 1 : end] != b"]" or end - start < 6:
            return octets[start:end].decode()
        start += 5
        end -= 1


def _strip_trailers(folded, start, end):
    """Step 2: "(fwd)" and blanks at the end."""
    while end > start:
        if folded[end - 1] == 0x20:
            end -= 1
        elif end - start >= 5 and folded[end - 5 : end] == b"(FWD)":
            end -= 5
        else:
            break
    return end


def _strip_leaders(folded, start, end):
    """Steps 3 to 5: blanks, "Re:" and the like, and blobs in brackets, as long as something is left."""
    while start < end:
        after = _leader_end(folded, start, end)
        if after == start:
            after = _blob_end(folded, start, end)
            if after == end:
                break
        if after == start:
            break
        start = after
    return start


def _leader_end(folded, start, end):
    """Where the leader ends that begins at `start`; there if there is none (RFC 5256 5, subj-leader)."""
    if folded[start] == 0x20:
        return start + 1
    at = start
    while True:
        after = _blob_end(folded, at, end)
        if after == at:
            break
        at = after
    word = 2 if folded[at : at + 2] == b"RE" else 0
    if folded[at : at + 2] == b"FW":
        word = 3 if folded[at + 2 : at + 3] == b"D" else 2
    if not word:
        return start
    at = _skip_blanks(folded, at + word, end)
    at = _blob_end(folded, at, end)
    return at + 1 if at < end and folded[at] == 0x3A else start


def _blob_end(folded, at, end):
    """Where the blob, "[" up to "]" with no bracket inside, and the blanks behind it end; `at` if there is none."""
    if at >= end or folded[at] != 0x5B:
        return at
    close = folded.find(b"]", at, end)
    again = folded.find(b"[", at + 1, end)
    if close < 0 or 0 <= again < close:
        return at
    return _skip_blanks(folded, close + 1, end)


def _skip_blanks(folded, at, end):
    while at < end and folded[at] == 0x20:
        at += 1
    return at
