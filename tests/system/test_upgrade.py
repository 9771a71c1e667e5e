"""A chip with mail of version 0.1 (tests/data) in this version's simulator: clients see what they saw then."""

import gzip
import json
from pathlib import Path

import pytest

from tests.data.make_format1 import FLASH_SIZE, letter, observe
from tests.support import mail
from tests.support.simulator import Simulator, SimulatorFailed

DATA = Path(__file__).resolve().parents[1] / "data"
BEFORE = json.loads((DATA / "format1.json").read_text())


def with_old_chip(folder: Path, *options: str) -> Simulator:
    """A simulator that will find the old chip."""
    folder.mkdir()
    simulator = Simulator(folder, "--flash-size", FLASH_SIZE, *options)
    simulator.state.mkdir()
    simulator.flash_file.write_bytes(gzip.decompress((DATA / "format1.bin.gz").read_bytes()))
    return simulator


def test_clients_see_the_same(tmp_path: Path) -> None:
    with with_old_chip(tmp_path / "sim") as simulator:
        assert observe(simulator) == BEFORE
        simulator.stop()
        simulator.start()
        assert observe(simulator) == BEFORE
        mail.send(simulator, letter(50, 5000), "anna@office.lan", "ben@office.lan")
        with mail.imap_session(simulator) as imap:
            last = max(row[0] for row in BEFORE["anna"]["imap"]["INBOX"]["letters"])
            assert int(mail.uids(imap)[-1]) > last
            assert mail.fetch(imap, mail.uids(imap)[-1]).endswith(letter(50, 5000))


@pytest.mark.parametrize("writes", [20, 100, 200, 300, 350, 400])
def test_a_power_cut_in_the_upgrade(writes: int, tmp_path: Path) -> None:
    """The settings are written before: the first few do not count."""
    simulator = with_old_chip(tmp_path / "sim", "--power-cut", str(writes))
    with pytest.raises(SimulatorFailed, match="status 99"):
        simulator.start()
    with Simulator(simulator.folder, "--flash-size", FLASH_SIZE) as again:
        assert observe(again) == BEFORE
