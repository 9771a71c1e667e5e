"""curl by smtp://, pop3:// and imap://."""

import pytest

from tests.support import letters, mail
from tests.support.programs import run
from tests.support.simulator import PASSWORDS
from tests.support.trace import assert_same, with_crlf


def url(simulator, service, rest=""):
    return f"{service}://{simulator.host}:{simulator.ports[service]}/{rest}"


def curl(home, *arguments, **options):
    return run(["curl", "--silent", "--show-error", "--disable", *arguments], home, **options).stdout


def login(user="anna"):
    return ["--user", f"{user}:{PASSWORDS[user]}"]


def send(simulator, home, letter, *options, **keywords):
    path = home / "letter.eml"
    path.write_bytes(letter)
    return curl(
        home,
        url(simulator, "smtp", "client.office.lan"),
        "--mail-from",
        mail.SENDER,
        "--mail-rcpt",
        "anna@office.lan",
        "--upload-file",
        str(path),
        *options,
        **keywords,
    )


@pytest.mark.parametrize("kind", ["plain", "html", "pdf", "utf8", "dots", "long"])
def test_smtp_in_and_pop3_and_imap_out(simulator, configuration, tmp_path, kind):
    mail.empty(simulator)
    letter = letters.kinds(configuration.attachment_size)[kind]
    send(simulator, tmp_path, letter)
    assert_same(curl(tmp_path, *login(), url(simulator, "imap", "INBOX;MAILINDEX=1")), letter)
    assert_same(curl(tmp_path, *login(), url(simulator, "pop3", "1")), letter)


def test_smtp_with_a_login(simulator, tmp_path):
    mail.empty(simulator)
    send(simulator, tmp_path, letters.plain(), *login())
    [out] = mail.all_letters(simulator)
    assert_same(out, letters.plain())


def test_smtp_with_a_wrong_password(simulator, tmp_path):
    # curl ends with 67 when the login was refused.
    send(simulator, tmp_path, letters.plain(), "--user", "anna:wrong", status=67)


def test_pop3_list_and_delete(simulator, tmp_path):
    mail.empty(simulator)
    for number in (1, 2):
        mail.send(simulator, letters.text_letter(number, 2000))
    assert len(curl(tmp_path, *login(), url(simulator, "pop3")).splitlines()) == 2
    curl(tmp_path, *login(), "--request", "DELE", "--head", url(simulator, "pop3", "1"))
    [out] = mail.all_letters(simulator)
    assert_same(out, letters.text_letter(2, 2000))


def test_imap_append_search_and_store(simulator, configuration, tmp_path):
    mail.empty(simulator, mailbox="Drafts")
    letter = with_crlf(letters.pdf_attachment(configuration.attachment_size))
    path = tmp_path / "draft.eml"
    path.write_bytes(letter)
    curl(tmp_path, *login(), "--upload-file", str(path), url(simulator, "imap", "Drafts"))
    out = curl(tmp_path, *login(), url(simulator, "imap", "Drafts;MAILINDEX=1"))
    assert_same(out, letter, traced=False)
    found = curl(tmp_path, *login(), url(simulator, "imap", "Drafts?SUBJECT%20attachment"))
    assert found.split() == [b"*", b"SEARCH", b"1"]
    listed = curl(tmp_path, *login(), url(simulator, "imap"))
    assert b"Drafts" in listed


def test_imap_with_a_password_full_of_specials(simulator, tmp_path):
    name, password = "ben", PASSWORDS["ben"]
    assert b"INBOX" in curl(tmp_path, "--user", f"{name}:{password}", url(simulator, "imap"))


@pytest.mark.parametrize("options", [[], ["--login-options", "AUTH=PLAIN"], ["--sasl-ir"]], ids="".join)
def test_imap_logins(simulator, tmp_path, options):
    assert b"INBOX" in curl(tmp_path, *login(), *options, url(simulator, "imap"))
    wrong = ["--user", "anna:wrong"]
    # curl ends with 67 when the login was refused.
    curl(tmp_path, *wrong, *options, url(simulator, "imap"), status=67)


def test_imap_sections_and_partials_by_uid(simulator, tmp_path):
    mail.empty(simulator)
    letter = letters.html_with_png()
    mail.send(simulator, letter)
    with mail.imap_session(simulator) as imap:
        [uid] = mail.uids(imap)
        whole = mail.fetch(imap, uid)
    one = f"INBOX;UID={uid.decode()}"

    def section(name, partial=""):
        return curl(tmp_path, *login(), url(simulator, "imap", f"{one};SECTION={name}{partial}"))

    head, _, body = whole.partition(b"\r\n\r\n")
    assert section("") == whole
    assert section("HEADER") == head + b"\r\n\r\n"
    assert section("TEXT") == body
    assert section("HEADER.FIELDS%20(SUBJECT)") == b"Subject: HTML with a picture\r\n\r\n"
    assert section("1").startswith(b"<html>")
    assert b"Content-Type: image/png" in section("2.MIME")
    assert section("TEXT", ";PARTIAL=5.30") == body[5:35]
    # The wrong UIDVALIDITY in an address is an error of its own: the letter may be another one.
    curl(tmp_path, *login(), url(simulator, "imap", f"INBOX;UIDVALIDITY=1;UID={uid.decode()}"), status=78)


def test_imap_commands_of_its_own(simulator, tmp_path):
    for name in ("INBOX", "Archive"):
        mail.empty(simulator, mailbox=name)
    for number in (1, 2, 3):
        mail.send(simulator, letters.text_letter(number, 1500))

    def ask(command, mailbox="", status=0):
        arguments = [*login(), "--request", command, url(simulator, "imap", mailbox)]
        return curl(tmp_path, *arguments, status=status)

    assert ask("STATUS INBOX (MESSAGES UNSEEN)") == b'* STATUS "INBOX" (MESSAGES 3 UNSEEN 3)\r\n'
    assert b"* 3 EXISTS" in ask("EXAMINE INBOX")
    ask('CREATE "Old plans"')
    assert b'"Old plans"' in ask('LIST "" "Old*"')
    ask('RENAME "Old plans" "New plans"')
    assert b'"New plans"' in ask('LSUB "" "*"')
    assert ask("UID SEARCH SUBJECT 2", "INBOX").startswith(b"* SEARCH ")
    assert b"* 2 FETCH (FLAGS (\\Flagged" in ask("STORE 2 +FLAGS (\\Flagged)", "INBOX")
    envelopes = ask("FETCH 1:3 (ENVELOPE)", "INBOX")
    assert [envelopes.count(b'"Letter %d"' % number) for number in (1, 2, 3)] == [1, 1, 1]
    ask('COPY 1 "New plans"', "INBOX")
    # curl ends with 21 when the server answers NO.
    ask("COPY 1 Missing", "INBOX", status=21)
    assert ask('STATUS "New plans" (MESSAGES)') == b'* STATUS "New plans" (MESSAGES 1)\r\n'
    ask("MOVE 1 Archive", "INBOX")
    ask("STORE 1 +FLAGS (\\Deleted)", "INBOX")
    assert ask("EXPUNGE", "INBOX") == b"* 1 EXPUNGE\r\n"
    ask('DELETE "New plans"')
    [moved] = mail.all_letters(simulator, mailbox="Archive")
    assert_same(moved, letters.text_letter(1, 1500))


def test_imap_upload_into_a_mailbox_with_a_name_of_its_own(simulator, tmp_path):
    with mail.imap_session(simulator, mailbox=None) as imap:
        mail.ok(imap.create('"Gr&APYA3w-e &- more"'))
    letter = letters.html_with_png()
    path = tmp_path / "letter.eml"
    path.write_bytes(letter)
    name = "Gr%26APYA3w-e%20%26-%20more"
    curl(tmp_path, *login(), "--upload-file", str(path), url(simulator, "imap", name))
    assert_same(curl(tmp_path, *login(), url(simulator, "imap", f"{name};MAILINDEX=1")), letter, traced=False)
