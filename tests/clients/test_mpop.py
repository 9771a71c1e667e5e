"""mpop, a POP3 client: with and without leaving a copy; in a second run nothing comes again."""

from tests.support import letters, mail
from tests.support.programs import run
from tests.support.simulator import PASSWORDS
from tests.support.trace import digest, strip_trace, with_crlf


def write_settings(simulator, home, keep):
    home.mkdir()
    for folder in ("cur", "new", "tmp"):
        (home / "Maildir" / folder).mkdir(parents=True)
    settings = home / "mpoprc"
    settings.write_text(
        "\n".join(
            (
                "account office",
                f"host {simulator.host}",
                f"port {simulator.ports['pop3']}",
                "user anna",
                f"password {PASSWORDS['anna']}",
                "auth user",
                "tls off",
                f"keep {'on' if keep else 'off'}",
                f"uidls_file {home}/uidls",
                "received_header off",
                f"delivery maildir {home}/Maildir",
                "account default : office",
                "",
            )
        )
    )
    settings.chmod(0o600)


def fetch_mail(home):
    """Runs mpop; returns the letters that came now, by digest of what was sent."""
    new = home / "Maildir" / "new"
    before = set(new.iterdir())
    run(["mpop", f"--file={home}/mpoprc"], home)
    return sorted(digest(strip_trace(with_crlf(path.read_bytes()))) for path in set(new.iterdir()) - before)


def deliver_all(simulator, configuration):
    """One letter of each kind; returns their digests."""
    mail.empty(simulator)
    sent = list(letters.kinds(configuration.attachment_size).values())
    for letter in sent:
        mail.send(simulator, letter)
    return sorted(digest(with_crlf(letter)) for letter in sent)


def test_without_leaving_a_copy(simulator, configuration, tmp_path):
    sent = deliver_all(simulator, configuration)
    home = tmp_path / "home"
    write_settings(simulator, home, keep=False)
    assert fetch_mail(home) == sent
    assert mail.all_letters(simulator) == []
    assert fetch_mail(home) == []


def test_leaving_a_copy(simulator, configuration, tmp_path):
    sent = deliver_all(simulator, configuration)
    home = tmp_path / "home"
    write_settings(simulator, home, keep=True)
    assert fetch_mail(home) == sent
    assert fetch_mail(home) == []
    assert len(mail.all_letters(simulator)) == len(sent)
    mail.send(simulator, letters.text_letter(50, 2000))
    assert fetch_mail(home) == [digest(letters.text_letter(50, 2000))]


def test_a_copy_left_is_known_again_after_a_restart(simulator, configuration, tmp_path):
    mail.empty(simulator)
    mail.send(simulator, letters.plain())
    home = tmp_path / "home"
    write_settings(simulator, home, keep=True)
    assert len(fetch_mail(home)) == 1
    simulator.stop()
    simulator.start()
    mail.send(simulator, letters.text_letter(51, 2000))
    settings = home / "mpoprc"
    text = settings.read_text().splitlines()
    settings.write_text(
        "\n".join(f"port {simulator.ports['pop3']}" if line.startswith("port ") else line for line in text) + "\n"
    )
    assert fetch_mail(home) == [digest(letters.text_letter(51, 2000))]
