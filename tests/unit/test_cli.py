"""The command line of `postino`: what is refused, in one line and with status 2, before anything is touched."""

import pytest

from postino_tools import cli, sim_options
from postino_tools.errors import UsageError

WRONG = {
    "no verb": ([], "VERB"),
    "unknown verb": (["fly"], "fly"),
    "unknown option": (["sim", "--bogus"], "--bogus"),
    "abbreviated option": (["sim", "--stat", "x"], "--stat"),
    "argument too many": (["sim", "x"], "x"),
    "missing value": (["sim", "--heap"], "--heap"),
    "no size": (["sim", "--heap", "1x"], "1x"),
    "heap too small": (["sim", "--heap", "3k"], "3k"),
    "heap too large": (["sim", "--heap", "99999m"], "99999m"),
    "heap beyond the board": (["sim", "--board", "olimex_esp32_poe", "--heap", "512k"], "olimex_esp32_poe"),
    "flash size": (["sim", "--flash-size", "5M"], "5M"),
    "board": (["sim", "--board", "toaster"], "toaster"),
    "host": (["sim", "--host", "no.such.host.invalid"], "--host"),
    "port no number": (["sim", "--smtp-port", "smtp"], "--smtp-port"),
    "port negative": (["sim", "--smtp-port=-1"], "--smtp-port"),
    "port too large": (["sim", "--imap-port", "65536"], "65536"),
    "same port twice": (["sim", "--smtp-port", "2110"], "same port"),
    "submission": (["sim", "--submission-port", "2587"], "not available in this version"),
    "smtps": (["sim", "--smtps-port", "465"], "not available in this version"),
    "pop3s": (["sim", "--pop3s-port", "995"], "not available in this version"),
    "imaps": (["sim", "--imaps-port", "993"], "not available in this version"),
    "http": (["sim", "--http-port", "80"], "not available in this version"),
    "bad off port": (["sim", "--http-port", "off"], "--http-port"),
    "tls": (["sim", "--tls"], "not available in this version"),
    "user without password": (["sim", "--user", "anna"], "NAME:PASSWORD"),
    "empty password": (["sim", "--user", "anna:"], "empty"),
    "user in capitals": (["sim", "--user", "Anna:x"], "Anna"),
    "user name too long": (["sim", "--user", "a" * 33 + ":x"], "32"),
    "control character": (["sim", "--user", "anna:a\nb"], "control"),
    "unstable password": (["sim", "--user", "anna:\ufb01sh"], "another form"),
    "setting unknown": (["sim", "--set", "colour=red"], "colour"),
    "setting without value": (["sim", "--set", "timezone"], "KEY=VALUE"),
    "setting wrong": (["sim", "--set", "timezone=noon"], "timezone"),
    "domain": (["sim", "--domain", "a..b"], "domain"),
    "cut at 0": (["sim", "--power-cut", "0"], "--power-cut"),
    "cut at nothing": (["sim", "--power-cut", "x"], "--power-cut"),
    "timing": (["sim", "--flash-timing", "slow"], "slow"),
    "faults without count": (["sim", "--fail-allocations", "smtp"], "--fail-allocations"),
    "faults of no service": (["sim", "--fail-allocations", "ftp:3"], "--fail-allocations"),
    "fsck without image": (["fsck"], "IMAGE"),
    "export without folder": (["export", "image"], "DIR"),
    "ready file in nowhere": (["sim", "--ready-file", "/no/such/folder/ready"], "--ready-file"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_arguments_cost_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("postino: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert list(tmp_path.iterdir()) == []


def read(*arguments):
    return sim_options.read(cli.build_parser().parse_args(["sim", *arguments]))


def test_defaults():
    options = read()
    assert options.ports == {"smtp": 2525, "pop3": 2110, "imap": 2143}
    assert (options.flash_size, options.heap, options.sockets) == (16 << 20, 112 << 10, 32)
    assert (options.host, options.board, options.power_cut, options.nor_timing) == ("127.0.0.1", None, 0, False)


def test_ports_that_are_off_may_be_given():
    options = read("--smtp-port", "0", "--submission-port", "0", "--http-port", "0")
    assert options.ports == {"smtp": 0, "pop3": 2110, "imap": 2143}


def test_a_board_sets_sizes_and_explicit_options_win():
    options = read("--board", "olimex_esp32_poe")
    assert (options.flash_size, options.heap) == (4 << 20, 112 << 10)
    options = read("--board", "olimex_esp32_poe", "--flash-size", "16m", "--heap", "96K")
    assert (options.flash_size, options.heap) == (16 << 20, 96 << 10)


def test_passwords_are_all_after_the_first_colon():
    options = read("--user", "anna:a:b c", "--user", "ben:x", "--user", "anna:new")
    assert options.users == {"anna": "new", "ben": "x"}


def test_settings_and_domain():
    options = read("--domain", "example.org", "--set", "max_recipients=5", "--set", "timezone=+0100")
    assert options.settings == {"domain": "example.org", "max_recipients": "5", "timezone": "+0100"}


def test_names_are_resolved():
    assert read("--host", "localhost").host == "127.0.0.1"
    with pytest.raises(UsageError):
        read("--host", "::1")
