"""IMAPClient with the extensions that it knows: quota, MULTIAPPEND, ENABLE, SORT, CONDSTORE, SEARCH by modification."""

import datetime

import imapclient
import pytest

from tests.support import letters, mail
from tests.support.simulator import PASSWORDS

BOX = "Extensions"


@pytest.fixture
def client(simulator):
    """A logged-in client with a mailbox of its own that is empty, and selected."""
    with imapclient.IMAPClient(simulator.host, simulator.ports["imap"], ssl=False, timeout=mail.PATIENCE) as logged_in:
        logged_in.login("ben", PASSWORDS["ben"])
        if logged_in.folder_exists(BOX):
            logged_in.delete_folder(BOX)
        logged_in.create_folder(BOX)
        logged_in.select_folder(BOX)
        yield logged_in


def used(client):
    """Units of 1,024 octets."""
    return next(quota.usage for quota in client.get_quota(BOX) if quota.resource == "STORAGE")


def test_quota(client):
    # The first letter takes room for the mailbox too.
    client.append(BOX, letters.text_letter(0, 1000))
    roots, quotas = client.get_quota_root(BOX)
    assert roots.mailbox == BOX
    [root] = roots.quota_roots
    [storage] = [quota for quota in quotas if quota.resource == "STORAGE"]
    assert storage.quota_root == root
    assert storage.usage == used(client)
    client.append(BOX, letters.text_letter(1, 40_000))
    # Whole blocks of the flash.
    assert 40 <= used(client) - storage.usage <= 48
    assert storage.limit > used(client)


def test_multiappend(client):
    three = [letters.text_letter(number, 2000) for number in range(3)]
    day = datetime.datetime(2026, 2, 3, 10, 30, tzinfo=datetime.UTC)
    client.multiappend(BOX, [three[0], {"msg": three[1], "flags": [imapclient.SEEN], "date": day}, {"msg": three[2]}])
    client.noop()
    answer = client.fetch([1, 2, 3], ["BODY.PEEK[]", "FLAGS", "INTERNALDATE"])
    assert [answer[uid][b"BODY[]"] for uid in (1, 2, 3)] == three
    assert [imapclient.SEEN in answer[uid][b"FLAGS"] for uid in (1, 2, 3)] == [False, True, False]
    client.normalise_times = False
    assert client.fetch(2, "INTERNALDATE")[2][b"INTERNALDATE"] == day


def test_enable_utf8(client):
    client.unselect_folder()
    assert client.enable("UTF8=ACCEPT") == [b"UTF8=ACCEPT"]
    # The client leaves UTF-8 in names to its caller; those in ASCII are as before.
    assert client.folder_exists(BOX)
    assert client.select_folder(BOX)[b"EXISTS"] == 0


def test_sort(client):
    subjects = ["Re: Beta", "alpha", "Gamma", "[list] Alpha"]
    for number, subject in enumerate(subjects):
        letter = letters.text_letter(number, 1000 * (4 - number)).replace(
            b"Subject: Letter %d" % number, b"Subject: " + subject.encode()
        )
        client.append(BOX, letter, (), datetime.datetime(2026, 1, 10 - number, tzinfo=datetime.UTC))
    client.noop()
    assert client.sort("ARRIVAL") == [4, 3, 2, 1]
    assert client.sort("SIZE") == [4, 3, 2, 1]
    assert client.sort("REVERSE SIZE") == [1, 2, 3, 4]
    # By base subject (RFC 5256): without "Re:" and "[list]", then by number.
    assert client.sort("SUBJECT") == [2, 4, 1, 3]
    assert client.sort(["REVERSE DATE"]) == [4, 3, 2, 1]
    assert client.sort("SUBJECT", ["SUBJECT", "alpha"]) == [2, 4]


def test_condstore(client):
    for number in range(3):
        client.append(BOX, letters.text_letter(number, 1000))
    client.unselect_folder()
    client.enable("CONDSTORE")
    selected = client.select_folder(BOX)
    highest = selected[b"HIGHESTMODSEQ"]
    highest = highest[0] if isinstance(highest, list) else highest
    assert client.fetch([1, 2, 3], "FLAGS", modifiers=[f"CHANGEDSINCE {highest}"]) == {}
    client.add_flags(2, [imapclient.FLAGGED])
    changed = client.fetch([1, 2, 3], ["FLAGS"], modifiers=[f"CHANGEDSINCE {highest}"])
    assert list(changed) == [2]
    [modseq] = changed[2][b"MODSEQ"]
    assert modseq > highest
    found = client.search(["MODSEQ", str(modseq)])
    assert list(found) == [2]
    assert found.modseq == modseq
    assert client.folder_status(BOX, ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"] == modseq
