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
