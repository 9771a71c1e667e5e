"""fetchmail by IMAP: with and without leaving a copy, from several folders, and waiting in IDLE."""

import re

from tests.clients.background import Background
from tests.clients.delivery_agent import DeliveryAgent
from tests.support import letters, mail
from tests.support.programs import run
from tests.support.simulator import PASSWORDS
from tests.support.trace import digest, strip_trace, with_crlf

# What fetchmail ends with when there is no new mail.
NO_MAIL = 1

# It must not add its own Received field, and not change addresses; the delivery agent gets each letter as it is.
SETTINGS = """
set no syslog
set invisible
poll {host} protocol IMAP service {port} auth password no dns
  user "anna" password "{password}" sslproto ""
  no rewrite {options}
  mda "{agent}"
"""
# A line of its protocol output.
IDLE = re.compile(rb"IMAP> A\d+ IDLE")


class Fetchmail:
    """A home with settings and a delivery agent."""

    def __init__(self, simulator, home, options):
        home.mkdir()
        self.home = home
        self.agent = DeliveryAgent(home / "delivered")
        settings = home / "fetchmailrc"
        settings.write_text(
            SETTINGS.format(
                host=simulator.host,
                port=simulator.ports["imap"],
                password=PASSWORDS["anna"],
                options=options,
                agent=self.agent.path,
            )
        )
        settings.chmod(0o600)
        self.arguments = ["fetchmail", "--fetchmailrc", str(settings), "--pidfile", str(home / "fetchmail.pid")]

    def poll(self, status=0):
        """One run; returns the letters that came."""
        run(self.arguments, self.home, status)
        return self.agent.new()


def deliver_all(simulator, configuration):
    """One letter of each kind; returns their digests."""
    mail.empty(simulator)
    sent = list(letters.kinds(configuration.attachment_size).values())
    for letter in sent:
        mail.send(simulator, letter)
    return sorted(digest(with_crlf(letter)) for letter in sent)


def test_leaving_a_copy_marks_it_seen(simulator, configuration, tmp_path):
    sent = deliver_all(simulator, configuration)
    fetchmail = Fetchmail(simulator, tmp_path / "home", "keep")
    assert fetchmail.poll() == sent
    with mail.imap_session(simulator) as imap:
        assert len(mail.uids(imap, "SEEN")) == len(sent)
    assert fetchmail.poll(NO_MAIL) == []
    mail.send(simulator, letters.text_letter(50, 2000))
    assert fetchmail.poll() == [digest(letters.text_letter(50, 2000))]


def test_without_leaving_a_copy(simulator, configuration, tmp_path):
    sent = deliver_all(simulator, configuration)
    fetchmail = Fetchmail(simulator, tmp_path / "home", "fetchall no keep expunge 3")
    assert fetchmail.poll() == sent
    assert mail.all_letters(simulator) == []
    assert fetchmail.poll(NO_MAIL) == []


def test_several_folders(simulator, tmp_path):
    for name in ("INBOX", "Archive", "Junk"):
        mail.empty(simulator, mailbox=name)
    mail.send(simulator, letters.text_letter(1, 2000))
    with mail.imap_session(simulator, mailbox=None) as imap:
        mail.ok(imap.append("Archive", None, None, letters.text_letter(2, 2000)))
        # One that was read before stays where it is.
        mail.ok(imap.append("Junk", r"(\Seen)", None, letters.text_letter(3, 2000)))
        mail.ok(imap.append("Junk", None, None, letters.text_letter(4, 2000)))
    fetchmail = Fetchmail(simulator, tmp_path / "home", 'folder "INBOX", "Archive", "Junk" no keep')
    assert fetchmail.poll() == sorted(digest(letters.text_letter(number, 2000)) for number in (1, 2, 4))
    assert mail.all_letters(simulator) == mail.all_letters(simulator, mailbox="Archive") == []
    assert mail.all_letters(simulator, mailbox="Junk") == [letters.text_letter(3, 2000)]


def test_a_letter_over_the_limit_stays(simulator, tmp_path):
    mail.empty(simulator)
    small, large = letters.text_letter(1, 2000), letters.text_letter(2, 20000)
    for letter in (large, small):
        mail.send(simulator, letter)
    fetchmail = Fetchmail(simulator, tmp_path / "home", "limit 10000 no keep")
    assert fetchmail.poll() == [digest(small)]
    [left] = mail.all_letters(simulator)
    assert strip_trace(left) == large


def test_new_mail_while_it_waits_in_idle(simulator, tmp_path):
    mail.empty(simulator)
    mail.send(simulator, letters.text_letter(1, 2000))
    fetchmail = Fetchmail(simulator, tmp_path / "home", "idle keep")
    came = []
    with Background([*fetchmail.arguments, "-vv"], fetchmail.home) as program:
        for number in (1, 2, 3):
            if number > 1:
                mail.send(simulator, letters.text_letter(number, 2000))

            def came_and_idles(number=number):
                # Before the next is sent it waits again.
                came.extend(fetchmail.agent.new())
                return len(came) == number and len(IDLE.findall(program.output())) >= number

            program.wait_for(f"letter {number}, then IDLE", came_and_idles)
        program.stop()
    assert came == [digest(letters.text_letter(number, 2000)) for number in (1, 2, 3)]
