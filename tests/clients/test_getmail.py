"""getmail by IMAP: a copy is left or moved to another mailbox, all mailboxes are read, and it waits in IDLE."""

from tests.clients.background import Background
from tests.clients.delivery_agent import DeliveryAgent
from tests.support import letters, mail
from tests.support.programs import run
from tests.support.simulator import PASSWORDS
from tests.support.trace import digest, strip_trace, with_crlf

# It must not add fields of its own.
SETTINGS = """
[retriever]
type = SimpleIMAPRetriever
server = {host}
port = {port}
username = anna
password = {password}
{retriever}

[destination]
type = MDA_external
path = {agent}
allow_root_commands = true

[options]
delivered_to = false
received = false
{options}
"""


class Getmail:
    """A home with settings and a delivery agent."""

    def __init__(self, simulator, home, retriever, options):
        (home / "getmail").mkdir(parents=True)
        self.home = home
        self.agent = DeliveryAgent(home / "delivered")
        (home / "getmail" / "getmailrc").write_text(
            SETTINGS.format(
                host=simulator.host,
                port=simulator.ports["imap"],
                password=PASSWORDS["anna"],
                agent=self.agent.path,
                retriever=retriever,
                options=options,
            )
        )
        self.arguments = ["getmail", f"--getmaildir={home}/getmail"]

    def get(self):
        """One run; returns the letters that came."""
        run(self.arguments, self.home)
        return self.agent.new()


def deliver_all(simulator, configuration):
    """One letter of each kind; returns their digests."""
    mail.empty(simulator)
    sent = list(letters.kinds(configuration.attachment_size).values())
    for letter in sent:
        mail.send(simulator, letter)
    return sorted(digest(with_crlf(letter)) for letter in sent)


def test_leaving_a_copy(simulator, configuration, tmp_path):
    sent = deliver_all(simulator, configuration)
    getmail = Getmail(simulator, tmp_path / "home", "use_peek = true", "read_all = false\ndelete = false")
    assert getmail.get() == sent
    with mail.imap_session(simulator) as imap:
        assert mail.uids(imap, "SEEN") == []
    assert getmail.get() == []
    mail.send(simulator, letters.text_letter(50, 2000))
    assert getmail.get() == [digest(letters.text_letter(50, 2000))]


def test_a_copy_left_is_known_again_after_a_restart(simulator, tmp_path):
    mail.empty(simulator)
    mail.send(simulator, letters.plain())
    home = tmp_path / "home"
    getmail = Getmail(simulator, home, "", "read_all = false\ndelete = false")
    assert len(getmail.get()) == 1
    # It keeps the UIDs by server and port.
    port = simulator.ports["imap"]
    simulator.stop()
    simulator.start()
    settings = home / "getmail" / "getmailrc"
    settings.write_text(settings.read_text().replace(f"port = {port}", f"port = {simulator.ports['imap']}"))
    for seen in (home / "getmail").glob("oldmail-*"):
        seen.rename(seen.with_name(seen.name.replace(str(port), str(simulator.ports["imap"]))))
    mail.send(simulator, letters.text_letter(51, 2000))
    assert getmail.get() == [digest(letters.text_letter(51, 2000))]


def test_a_copy_moved_to_the_archive(simulator, configuration, tmp_path):
    mail.empty(simulator, mailbox="Archive")
    sent = deliver_all(simulator, configuration)
    getmail = Getmail(simulator, tmp_path / "home", "move_on_delete = Archive", "delete = true")
    assert getmail.get() == sent
    assert mail.all_letters(simulator) == []
    assert sorted(digest(strip_trace(out)) for out in mail.all_letters(simulator, mailbox="Archive")) == sent
    assert getmail.get() == []


def test_every_mailbox(simulator, tmp_path):
    with mail.imap_session(simulator, mailbox=None) as imap:
        mail.ok(imap.create('"Garden plans"'))
    names = ("INBOX", "Archive", "Drafts", "Sent", "Junk", "Trash", '"Garden plans"')
    for number, name in enumerate(names):
        mail.empty(simulator, mailbox=name)
        with mail.imap_session(simulator, mailbox=None) as imap:
            mail.ok(imap.append(name, None, None, letters.text_letter(number, 2000)))
    getmail = Getmail(simulator, tmp_path / "home", "mailboxes = ALL", "delete = true")
    assert getmail.get() == sorted(digest(letters.text_letter(number, 2000)) for number in range(len(names)))
    for name in names:
        assert mail.all_letters(simulator, mailbox=name) == []


def test_new_mail_while_it_waits_in_idle(simulator, tmp_path):
    mail.empty(simulator)
    mail.send(simulator, letters.text_letter(1, 2000))
    getmail = Getmail(simulator, tmp_path / "home", "", "read_all = false\ndelete = true\nverbose = 2")
    getmail.arguments += ["--idle", "INBOX", "--trace"]
    came = []
    with Background(getmail.arguments, getmail.home, {"PYTHONUNBUFFERED": "1"}) as program:
        for number in (1, 2):
            if number > 1:
                mail.send(simulator, letters.text_letter(number, 2000))

            def came_and_idles(number=number):
                came.extend(getmail.agent.new())
                return len(came) == number and program.output().count(b"Entering IDLE mode") == number

            program.wait_for(f"letter {number}, then IDLE", came_and_idles)
        # It leaves IDLE, and logs out.
        assert program.stop() == 0
    assert came == [digest(letters.text_letter(number, 2000)) for number in (1, 2)]
