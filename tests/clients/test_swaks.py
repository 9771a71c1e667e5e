"""swaks, the postmaster's SMTP tool: every kind of letter goes in, and is read back unchanged."""

import pytest

from tests.support import letters, mail
from tests.support.programs import run
from tests.support.trace import assert_same, with_crlf

KINDS = ("plain", "html", "pdf", "utf8", "dots", "long", "bare")


def swaks(simulator, tmp_path, *options, status=0):
    server = f"{simulator.host}:{simulator.ports['smtp']}"
    return run(
        ["swaks", "--server", server, "--from", mail.SENDER, "--ehlo", "client.office.lan", *options], tmp_path, status
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_letter_is_stored_as_it_was_sent(simulator, configuration, tmp_path, kind):
    mail.empty(simulator)
    letter = letters.kinds(configuration.attachment_size)[kind]
    # swaks sends it as it is: its own repairs would hide bare line feeds and dots. It adds the last CRLF itself.
    content = tmp_path / "letter"
    content.write_bytes(mail.dot_stuffed(letter)[:-2])
    swaks(simulator, tmp_path, "--to", "anna@office.lan", "--data", f"@{content}", "--no-data-fixup")
    [out] = mail.all_letters(simulator)
    assert_same(out, with_crlf(letter))


def test_the_letter_that_swaks_writes_itself(simulator, tmp_path):
    mail.empty(simulator, "ben")
    swaks(simulator, tmp_path, "--to", "Ben+lists@OFFICE.lan", "--header", "Subject: From swaks", "--body", "A line.")
    [out] = mail.all_letters(simulator, "ben")
    assert b"\r\nSubject: From swaks\r\n" in out
    assert b"\r\n\r\nA line.\r\n" in out


def test_several_recipients(simulator, tmp_path):
    for user in ("anna", "ben"):
        mail.empty(simulator, user)
    swaks(simulator, tmp_path, "--to", "anna@office.lan,ben@office.lan", "--body", "For both.")
    for user in ("anna", "ben"):
        assert len(mail.all_letters(simulator, user)) == 1


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
def test_a_scanner_that_logs_in(simulator, tmp_path, method):
    swaks(
        simulator,
        tmp_path,
        "--to",
        "anna@office.lan",
        "--auth",
        method,
        "--auth-user",
        "anna",
        "--auth-password",
        "wide-open-barn",
    )


def test_a_login_gives_no_right_to_send_elsewhere(simulator, tmp_path):
    # swaks ends with 24 when all recipients were refused.
    swaks(
        simulator,
        tmp_path,
        "--to",
        "someone@example.com",
        "--auth",
        "PLAIN",
        "--auth-user",
        "anna",
        "--auth-password",
        "wide-open-barn",
        status=24,
    )


def test_no_relay(simulator, tmp_path):
    done = swaks(simulator, tmp_path, "--to", "someone@example.com", status=24)
    assert b" 550 " in done.stdout
