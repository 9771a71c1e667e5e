"""Plays every golden transcript of this folder, each on a fresh simulator; the syntax is in `player.py`."""

import shutil
from pathlib import Path

import pytest

from tests.dialogs.player import Player, read_dialog
from tests.support.simulator import Simulator

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*/*.dialog"))
PASSWORD = "horse battery 7"
USERS = {"anna": PASSWORD, "bob": PASSWORD, "carol": PASSWORD}


@pytest.fixture(scope="module")
def formatted(tmp_path_factory):
    """A flash file with a fresh store and the users in it, so that every dialog starts from it at once."""
    with Simulator(tmp_path_factory.mktemp("formatted"), users=USERS) as simulator:
        pass
    return simulator.flash_file


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.stem}" for path in FILES])
def test_dialog(path, formatted, tmp_path):
    (tmp_path / "state").mkdir()
    shutil.copyfile(formatted, tmp_path / "state" / "flash.bin")
    with Simulator(tmp_path, *read_dialog(path)[1], users={}) as simulator:

        def restart():
            simulator.stop()
            return simulator.start().ports

        Player(path, simulator.ports, simulator.host, restart, {"password": PASSWORD}).play()
        assert "Traceback" not in simulator.output(), simulator.output()


@pytest.mark.parametrize(("service", "least"), [("smtp", 12), ("pop3", 10), ("imap", 30)])
def test_there_are_dialogs_for_every_protocol(service, least):
    assert sum(path.parent.name == service for path in FILES) >= least
