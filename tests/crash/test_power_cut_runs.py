"""Power cuts at many points of one run: what was acknowledged is there, whole and once, and nothing by half.

The README of this folder says how to choose the number of cuts, or one cut.
"""

import hashlib
import imaplib
import os
import poplib
import random
import shutil
import smtplib
from concurrent.futures import ThreadPoolExecutor

import pytest

from postino_tools.flash_file import read_partitions
from postino_tools.flash_layout import MAIL, find_partition
from tests.crash import workload
from tests.support.simulator import Simulator, SimulatorFailed

RUNS = int(os.environ.get("POSTINO_CRASH_RUNS", "60"))
CUTS = os.environ.get("POSTINO_CRASH_CUTS", "")
SEED = 20261124
# Two at a time, for two cores.
WORKERS = 2
# Every so many cuts the recovery is cut, too.
SECOND_CUT_EVERY = 6
POWER_CUT = 99

# What a client sees when its server loses power.
GONE = (OSError, EOFError, imaplib.IMAP4.error, poplib.error_proto, smtplib.SMTPException)


class Run:
    """One flash file on its way through a power cut; `users` are given when it is not known that they are stored."""

    def __init__(self, folder, flash=None):
        self.folder = folder
        self.folder.mkdir()
        self.uids = workload.Uids()
        self.model = workload.new_model()
        self.pending = None
        self.users = workload.USERS
        if flash is not None:
            (folder / "state").mkdir()
            shutil.copyfile(flash, folder / "state" / "flash.bin")
            self.users = {}

    def simulator(self, *options):
        return Simulator(self.folder, *options, users=self.users)

    def work(self, simulator):
        """Does the steps until the power goes; what was acknowledged is in the model then. True if all were done."""
        for step in workload.STEPS:
            self.pending = step
            try:
                step.perform(simulator, self.uids)
            except GONE:
                return False
            step.apply(self.model)
            self.pending = None
            if isinstance(step, workload.Deliver):
                try:
                    step.observe(simulator, self.uids)
                except GONE:
                    return False
        return True

    def cut(self, number):
        """Runs with a power cut after `number` operations. False if that many never happened."""
        simulator = self.simulator("--power-cut", str(number))
        try:
            simulator.start()
        except SimulatorFailed as error:
            assert f"status {POWER_CUT}" in str(error), error
            return True
        if not self.work(simulator) or not simulator.alive():
            assert simulator.wait() == POWER_CUT
            return True
        # Idle work may come to the number yet; an end by the signal is as good.
        try:
            simulator.stop()
        except SimulatorFailed as error:
            assert f"status {POWER_CUT}" in str(error), error
            return True
        return False

    def cut_recovery(self, number):
        """The power goes again while the server starts, or while it is idle."""
        simulator = self.simulator("--power-cut", str(number))
        try:
            with simulator:
                pass
        except SimulatorFailed as error:
            assert f"status {POWER_CUT}" in str(error), error

    def check(self):
        """Starts without a cut, compares everything with the model, and sees that the store still works."""
        with self.simulator() as simulator:
            self.compare(self.read(simulator))
            self.deliver_one_more(simulator)

    def read(self, simulator):
        """All mailboxes as (user, mailbox) -> {letter: flags}; every letter is compared with what was sent."""
        found = {}
        for user in workload.USERS:
            client = workload.imap(simulator, user)
            names = [line.rpartition(b'"/" ')[2].strip(b'"').decode() for line in workload.done(client.list())]
            for box in names:
                validity, content = workload.mailbox_now(client, box)
                self.uids.learn(user, box, validity, content)
                letters = found.setdefault((user, box), {})
                for flags, text in content.values():
                    letter = workload.letter_name(text)
                    assert letter not in letters, f"{letter} is twice in {box} of {user}"
                    assert text.endswith(workload.letter_text(letter)), f"{letter} in {box} of {user} is not whole"
                    letters[letter] = flags
            client.logout()
        return found

    def compare(self, found):
        found = {
            key: letters for key, letters in found.items() if letters or key in self.model or key[1] == workload.REMADE
        }
        allowed = [self.model]
        if self.pending is not None:
            allowed.append(workload.copied(self.model))
            self.pending.apply(allowed[1])
        assert found in allowed, f"during {self.pending}:\nfound    {found}\nexpected {self.model}"

    def deliver_one_more(self, simulator):
        """A new letter to all gets a UID that nothing has had before."""
        workload.Deliver("last-800", workload.ALL).perform(simulator, self.uids)
        for user in workload.USERS:
            client = workload.imap(simulator, user)
            validity, content = workload.mailbox_now(client, "INBOX")
            client.logout()
            new = [uid for uid, (_, text) in content.items() if workload.letter_name(text) == "last-800"]
            assert len(new) == 1 and new[0] > self.uids.highest(user, "INBOX", validity), (user, new)
            self.uids.learn(user, "INBOX", validity, content)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A formatted flash file, the operations of the first start that made it, and those of the whole run on it."""
    folder = tmp_path_factory.mktemp("measured")
    first = Run(folder / "first")
    with first.simulator() as simulator:
        pass
    first_operations = simulator.last_stats()["operations"]
    formatted = folder / "formatted.bin"
    shutil.copyfile(simulator.flash_file, formatted)
    whole = Run(folder / "whole", formatted)
    with whole.simulator() as simulator:
        assert whole.work(simulator), f"{whole.pending} failed without any power cut"
    operations = simulator.last_stats()["operations"]
    whole.check()
    return formatted, first_operations, operations


def chosen_cuts(first_operations, operations):
    """(phase, N) pairs: `first` cuts the first start on a blank chip, `mail` the run on a formatted one."""
    if CUTS:
        return [(phase, int(number)) for phase, _, number in (text.partition(":") for text in CUTS.split(","))]
    choice = random.Random(SEED)
    first = list(range(1, first_operations + 1))
    mail = list(range(1, operations + 1))
    first = sorted(choice.sample(first, min(len(first), RUNS // 4)))
    mail = sorted(choice.sample(mail, min(len(mail), RUNS - len(first))))
    return [("first", number) for number in first] + [("mail", number) for number in mail]


def run_cut(folder, formatted, index, phase, number):
    """One cut from beginning to end; returns what went wrong, or None."""
    run = Run(folder / f"{phase}{number}", formatted if phase == "mail" else None)
    try:
        run.cut(number)
        if index % SECOND_CUT_EVERY == SECOND_CUT_EVERY - 1:
            run.cut_recovery(index // SECOND_CUT_EVERY % 12 + 1)
        run.check()
    except Exception as error:
        return f"{phase}:{number}: {type(error).__name__}: {error}"
    # The flash file of a failed run is kept, for whoever looks into it.
    shutil.rmtree(run.folder)
    return None


@pytest.mark.timeout(1200)
def test_power_cuts(measured, tmp_path):
    formatted, first_operations, operations = measured
    cuts = chosen_cuts(first_operations, operations)
    with ThreadPoolExecutor(WORKERS) as pool:
        results = pool.map(lambda each: run_cut(tmp_path, formatted, each[0], *each[1]), enumerate(cuts))
        failures = [failure for failure in results if failure]
    assert not failures, f"{len(failures)} of {len(cuts)} cuts failed\n" + "\n".join(failures[:10])


@pytest.mark.parametrize("noise_seed", range(3))
def test_damaged_superblock_is_refused_and_not_touched(measured, tmp_path, noise_seed):
    """Both copies of the superblock of `mail` are noise: one line, exit 1, and not a bit of the flash changes."""
    run = Run(tmp_path / "damaged", measured[0])
    flash_file = run.folder / "state" / "flash.bin"
    with run.simulator() as simulator:
        workload.Deliver("a1-1000", ("anna",)).perform(simulator, run.uids)
    mail = find_partition(read_partitions(flash_file, flash_file.stat().st_size), MAIL)
    with open(flash_file, "r+b") as file:
        file.seek(mail.offset)
        file.write(random.Random(noise_seed).randbytes(8192))
    before = hashlib.sha256(flash_file.read_bytes()).digest()
    (run.folder / "simulator.log").unlink()
    with pytest.raises(SimulatorFailed, match="status 1:") as failure:
        run.simulator().start()
    assert len(str(failure.value).strip().splitlines()) == 2, failure.value
    assert "Traceback" not in str(failure.value)
    assert hashlib.sha256(flash_file.read_bytes()).digest() == before
