"""IMAPClient, the Python library that parses answers strictly: mailboxes, letters, searches, moves, quota and IDLE."""

import datetime

import imapclient
import pytest
from imapclient import response_types

from tests.support import letters, mail
from tests.support.simulator import PASSWORDS
from tests.support.trace import assert_same, strip_trace

BOX = "Größe/試験"


def new_client(simulator):
    return imapclient.IMAPClient(simulator.host, simulator.ports["imap"], ssl=False, timeout=mail.PATIENCE)


@pytest.fixture
def client(simulator):
    """A logged-in client, with a mailbox of its own that has three letters."""
    with new_client(simulator) as logged_in:
        logged_in.login("clara", PASSWORDS["clara"])
        if logged_in.folder_exists(BOX):
            logged_in.delete_folder(BOX)
        logged_in.create_folder(BOX)
        for number, letter in enumerate((letters.plain(), letters.html_with_png()), 1):
            logged_in.append(BOX, letter, [imapclient.SEEN] if number == 1 else [], day(number))
        bring_utf8_headers(simulator, logged_in, day(3))
        logged_in.select_folder(BOX)
        yield logged_in


def day(number):
    return datetime.datetime(2026, 3, number, 10, 30, tzinfo=datetime.UTC)


def bring_utf8_headers(simulator, logged_in, date):
    """A letter with 8-bit headers: it takes ENABLE, and then IMAPClient cannot write the name of the mailbox."""
    with new_client(simulator) as other:
        other.login("clara", PASSWORDS["clara"])
        other.enable("UTF8=ACCEPT")
        other.append("Drafts", letters.utf8_headers(), [], date)
    logged_in.select_folder("Drafts")
    logged_in.move([max(logged_in.search())], BOX)


def test_capabilities_id_and_namespace(client):
    assert client.has_capability("IMAP4REV1")
    assert client.has_capability("UIDPLUS")
    namespace = client.namespace()
    assert namespace.personal == (("", "/"),)
    assert (namespace.other, namespace.shared) == (None, None)
    answer = client.id_({"name": "IMAPClient", "version": imapclient.__version__})
    fields = dict(zip(answer[0][::2], answer[0][1::2], strict=True))
    assert fields[b"name"] == b"Postino"
    assert client.noop()[0] == b"NOOP completed"


def test_login_with_sasl_plain(simulator):
    with new_client(simulator) as other:
        other.plain_login("ben", PASSWORDS["ben"])
        assert other.folder_exists("INBOX")
    with new_client(simulator) as other, pytest.raises(imapclient.exceptions.LoginError):
        other.login("ben", "wrong")


def test_special_folders_and_names(client):
    for name in ("Sent", "Drafts", "Trash", "Junk", "Archive"):
        assert client.find_special_folder(b"\\" + name.encode()) == name
    assert client.list_folders(pattern=BOX) == [((b"\\HasNoChildren",), b"/", BOX)]
    assert client.list_folders(directory="Größe/", pattern="%") == [((b"\\HasNoChildren",), b"/", BOX)]
    client.subscribe_folder(BOX)
    assert BOX in [name for _, _, name in client.list_sub_folders()]
    client.unsubscribe_folder(BOX)
    assert BOX not in [name for _, _, name in client.list_sub_folders()]


def test_mailboxes_are_made_renamed_and_deleted(client):
    client.create_folder("Projects/Roof")
    assert client.folder_exists("Projects")
    client.rename_folder("Projects/Roof", "Projects/Dächer & Rinnen")
    assert client.folder_exists("Projects/Dächer & Rinnen")
    client.delete_folder("Projects/Dächer & Rinnen")
    client.delete_folder("Projects")
    assert not client.folder_exists("Projects")
    with pytest.raises(imapclient.exceptions.IMAPClientError):
        client.select_folder("Projects")


def test_status_and_select(client):
    status = client.folder_status(BOX, ["MESSAGES", "UNSEEN", "UIDNEXT", "UIDVALIDITY", "RECENT"])
    assert (status[b"MESSAGES"], status[b"UNSEEN"], status[b"UIDNEXT"]) == (3, 2, 4)
    selected = client.select_folder(BOX, readonly=True)
    assert selected[b"EXISTS"] == 3
    assert selected[b"READ-ONLY"] == [b""]
    assert selected[b"UIDVALIDITY"] == status[b"UIDVALIDITY"]
    with pytest.raises(imapclient.exceptions.IMAPClientError):
        client.add_flags([1], [imapclient.FLAGGED])


def test_envelope_and_body_structure(client):
    answer = client.fetch([1, 2, 3], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE", "FLAGS"])
    assert sorted(answer) == [1, 2, 3]
    envelope = answer[1][b"ENVELOPE"]
    assert isinstance(envelope, response_types.Envelope)
    assert envelope.subject == b"A plain letter"
    assert str(envelope.from_[0]) == "Clara Example <clara@office.lan>"
    assert envelope.date == datetime.datetime(2026, 11, 24, 12, 0, 1)
    assert envelope.message_id.endswith(b"@tests.office.lan>")
    structure = answer[2][b"BODYSTRUCTURE"]
    assert isinstance(structure, response_types.BodyData)
    assert structure.is_multipart
    assert structure[1].lower() == b"related"
    assert [part[:2] for part in structure[0]] == [(b"text", b"html"), (b"image", b"png")]
    assert imapclient.SEEN in answer[1][b"FLAGS"]
    assert answer[1][b"RFC822.SIZE"] == len(letters.plain())
    client.normalise_times = False
    assert client.fetch(2, "INTERNALDATE")[2][b"INTERNALDATE"] == datetime.datetime(
        2026, 3, 2, 10, 30, tzinfo=datetime.UTC
    )


def test_sections_and_partials(client):
    whole = letters.html_with_png()
    head, _, body = whole.partition(b"\r\n\r\n")
    answer = client.fetch(2, ["BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[TEXT]<10.20>"])[2]
    assert_same(answer[b"BODY[]"], whole, traced=False)
    assert answer[b"BODY[HEADER]"] == head + b"\r\n\r\n"
    assert answer[b"BODY[TEXT]"] == body
    assert answer[b"BODY[TEXT]<10>"] == body[10:30]
    answer = client.fetch(2, ["BODY.PEEK[1]", "BODY.PEEK[2.MIME]", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])[2]
    assert answer[b"BODY[1]"].startswith(b"<html>")
    assert b"Content-Type: image/png" in answer[b"BODY[2.MIME]"]
    assert answer[b"BODY[HEADER.FIELDS (SUBJECT)]"] == b"Subject: HTML with a picture\r\n\r\n"
    assert flags(client.get_flags(2), 2) == set()
    client.fetch(2, ["RFC822.TEXT"])
    assert flags(client.get_flags(2), 2) == {imapclient.SEEN}


@pytest.mark.parametrize(
    ("criteria", "charset", "found"),
    [
        ("ALL", None, [1, 2, 3]),
        (["UNSEEN"], None, [2, 3]),
        (["NOT", ["SUBJECT", "plain"]], None, [2, 3]),
        (["OR", "SUBJECT", "plain", "SUBJECT", "picture"], None, [1, 2]),
        (["SINCE", datetime.date(2026, 3, 2), "BEFORE", datetime.date(2026, 3, 3)], None, [2]),
        (["SUBJECT", "Prüfung"], "UTF-8", [3]),
        (["TEXT", "確認"], "UTF-8", [3]),
        (["BODY", "aus dem Büro"], "UTF-8", [3]),
        (["LARGER", 1000], None, [2]),
        (["UID", "2:*"], None, [2, 3]),
        (["HEADER", "Message-ID", "<3.", "FROM", "clara"], None, []),
    ],
)
def test_search(client, criteria, charset, found):
    assert client.search(criteria, charset) == found


def flags(answer, uid):
    """The flags in an answer, \\Recent apart: which session gets it is not the client's to decide."""
    return set(answer[uid]) - {imapclient.RECENT}


def test_flags_and_keywords(client):
    answer = client.add_flags([1, 2], [imapclient.FLAGGED, "$Important"])
    assert flags(answer, 1) == {imapclient.SEEN, imapclient.FLAGGED, b"$Important"}
    assert flags(answer, 2) == {imapclient.FLAGGED, b"$Important"}
    assert client.search(["KEYWORD", "$Important"]) == [1, 2]
    assert flags(client.remove_flags(1, [imapclient.FLAGGED]), 1) == {imapclient.SEEN, b"$Important"}
    assert flags(client.set_flags(1, [imapclient.ANSWERED]), 1) == {imapclient.ANSWERED}
    assert client.set_flags(1, [], silent=True) is None
    assert flags(client.get_flags(1), 1) == set()


def test_copy_move_and_expunge(client):
    before = client.folder_status("Archive", ["MESSAGES", "UIDNEXT"])
    client.copy([1], "Archive")
    client.move([2], "Archive")
    assert client.search() == [1, 3]
    after = client.folder_status("Archive", ["MESSAGES", "UIDNEXT"])
    assert after[b"MESSAGES"] == before[b"MESSAGES"] + 2
    client.delete_messages([1, 3])
    client.uid_expunge([3])
    assert client.search() == [1]
    _, expunged = client.expunge()
    assert expunged == [(1, b"EXPUNGE")]
    client.select_folder("Archive")
    first = before[b"UIDNEXT"]
    assert_same(client.fetch(first + 1, "BODY.PEEK[]")[first + 1][b"BODY[]"], letters.html_with_png(), traced=False)
    client.delete_messages([first, first + 1])
    client.expunge([first, first + 1])
    assert client.folder_status("Archive", "MESSAGES")[b"MESSAGES"] == before[b"MESSAGES"]


def test_close_and_unselect(client):
    client.delete_messages([1])
    client.unselect_folder()
    client.select_folder(BOX)
    assert client.search() == [1, 2, 3]
    client.close_folder()
    client.select_folder(BOX)
    assert client.search() == [2, 3]


def test_idle_tells_of_new_mail(simulator, client):
    client.select_folder("INBOX")
    known = client.search()
    client.idle()
    letter = letters.text_letter(7, 3000)
    mail.send(simulator, letter, "clara@office.lan")
    told = client.idle_check(timeout=mail.PATIENCE)
    assert (len(known) + 1, b"EXISTS") in told
    client.idle_done()
    [new] = set(client.search()) - set(known)
    assert strip_trace(client.fetch(new, "BODY.PEEK[]")[new][b"BODY[]"]) == letter


def test_a_letter_that_came_before_idle_is_told_in_idle(simulator, client):
    # It takes the first line after IDLE for the continuation: what has happened before is told after that.
    client.select_folder("INBOX")
    known = len(client.search())
    mail.send(simulator, letters.text_letter(8, 3000), "clara@office.lan")
    client.idle()
    _, told = client.idle_done()
    assert (known + 1, b"EXISTS") in told


def test_a_large_letter_there_and_back(client, configuration):
    letter = letters.pdf_attachment(configuration.attachment_size)
    answer = client.append(BOX, letter, [imapclient.DRAFT, "$Forwarded"])
    assert b"APPENDUID" in answer
    client.noop()
    got = client.fetch(4, ["BODY.PEEK[]", "FLAGS"])[4]
    assert_same(got[b"BODY[]"], letter, traced=False)
    assert set(got[b"FLAGS"]) >= {imapclient.DRAFT, b"$Forwarded"}
