"""`postino sim` as its users and the other tests rely on it: options, files, signals, exit statuses."""

import hashlib
import json
import os
import poplib
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from postino_tools import cli, flash_file, flash_layout, partition_table, sim
from postino_tools.runtime import RuntimeMissing, find_runtime
from postino_tools.vm import firmware_command
from tests.support.simulator import ROOT, SimulatorFailed, command, wait_until

SECTOR = 4096
COUNTERS = {"reads", "read_bytes", "progs", "prog_bytes", "erases", "max_block_erases"}
# Seconds by the design: to stop, and for the VM to die with `postino`.
STOP_BOUND = 5
DEATH_BOUND = 1


def run_sim(*options: object, patience: float = 60) -> subprocess.CompletedProcess:
    """Runs `postino sim` to its end."""
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "host_tools"))
    arguments = [*command(), "sim", *map(str, options)]
    return subprocess.run(
        arguments,
        env=environment,
        capture_output=True,
        text=True,
        timeout=patience,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def free_ports() -> list[str]:
    return ["--smtp-port", "0", "--pop3-port", "0", "--imap-port", "0"]


def one_line(result: subprocess.CompletedProcess, status: int) -> str:
    """Checks exit status and that there is one line of error and no traceback; returns the line."""
    assert result.returncode == status, result
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("postino: ")
    assert "Traceback" not in result.stdout
    return lines[0]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def vm_of(pid: int) -> int:
    """The process id of the VM."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def deliver(simulator, recipients=("anna",), text="hello"):
    with smtplib.SMTP(simulator.host, simulator.ports["smtp"], timeout=20) as smtp:
        addresses = [f"{name}@office.lan" for name in recipients]
        smtp.sendmail("ben@office.lan", addresses, f"Subject: test\r\n\r\n{text}\r\n")


def count_letters(simulator, user, password):
    pop3 = poplib.POP3(simulator.host, simulator.ports["pop3"], timeout=20)
    pop3.user(user)
    pop3.pass_(password)
    count = pop3.stat()[0]
    pop3.quit()
    return count


# The chip ---------------------------------------------------------------------------------------------------------


def test_the_chip_is_made_whole_and_kept(start_simulator):
    simulator = start_simulator()
    flash = simulator.flash_file.read_bytes()
    assert len(flash) == 16 << 20
    table = flash[partition_table.TABLE_OFFSET :][: partition_table.TABLE_LENGTH]
    assert partition_table.parse_table(table) == flash_layout.layout(16 << 20)
    deliver(simulator)
    simulator.stop()
    simulator.start()
    assert count_letters(simulator, "anna", "wide-open-barn") == 1


@pytest.mark.parametrize(("size", "megabytes"), [("4M", 4), ("8M", 8)])
def test_other_chips(start_simulator, size, megabytes):
    simulator = start_simulator("--flash-size", size)
    assert simulator.flash_file.stat().st_size == megabytes << 20
    deliver(simulator)


def test_a_chip_of_another_size_is_refused(start_simulator):
    simulator = start_simulator("--flash-size", "4M")
    simulator.stop()
    before = digest(simulator.flash_file)
    line = one_line(run_sim("--state", simulator.state, *free_ports()), 1)
    assert "4M" in line and "16M" in line
    assert digest(simulator.flash_file) == before


def test_a_damaged_partition_table_is_refused(start_simulator):
    simulator = start_simulator()
    simulator.stop()
    with open(simulator.flash_file, "r+b") as file:
        file.seek(partition_table.TABLE_OFFSET + 5)
        file.write(b"\x55")
    before = digest(simulator.flash_file)
    assert "damaged" in one_line(run_sim("--state", simulator.state, *free_ports()), 1)
    assert digest(simulator.flash_file) == before


@pytest.mark.parametrize("damage", [b"\0" * 64, b"\xff" * SECTOR, b"\x5a" * SECTOR], ids=["zeros", "erased", "noise"])
def test_a_damaged_superblock_is_refused_and_nothing_written(start_simulator, damage):
    simulator = start_simulator()
    deliver(simulator)
    simulator.stop()
    mail = flash_layout.find_partition(flash_layout.layout(16 << 20), "mail")
    with open(simulator.flash_file, "r+b") as file:
        for block in (0, 1):
            file.seek(mail.offset + block * SECTOR)
            file.write(damage)
    before = digest(simulator.flash_file)
    line = one_line(run_sim("--state", simulator.state, *free_ports()), 1)
    assert "mail" in line
    assert digest(simulator.flash_file) == before


def test_a_damaged_settings_partition_is_refused_and_nothing_written(start_simulator):
    simulator = start_simulator()
    simulator.stop()
    vfs = flash_layout.find_partition(flash_layout.layout(16 << 20), "vfs")
    with open(simulator.flash_file, "r+b") as file:
        file.seek(vfs.offset)
        file.write(b"\0" * 2 * SECTOR)
    before = digest(simulator.flash_file)
    assert "settings" in one_line(run_sim("--state", simulator.state, *free_ports()), 1)
    assert digest(simulator.flash_file) == before


# Ready file and stats file ----------------------------------------------------------------------------------------


def test_ready_file(start_simulator):
    simulator = start_simulator()
    ready = json.loads((simulator.folder / "ready.json").read_text())
    assert ready == {"pid": simulator.process.pid, "host": "127.0.0.1", "ports": simulator.ports}
    assert list(ready["ports"]) == ["smtp", "pop3", "imap"]
    for number in ready["ports"].values():
        socket.create_connection((ready["host"], number), timeout=5).close()
    simulator.stop()
    assert not (simulator.folder / "ready.json").exists()


def test_an_old_ready_file_is_removed_at_start(tmp_path):
    ready = tmp_path / "ready"
    ready.write_text("old")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        options = ["--smtp-port", busy.getsockname()[1], "--pop3-port", 0, "--imap-port", 0]
        one_line(run_sim("--state", tmp_path / "state", "--ready-file", ready, *options), 1)
    assert not ready.exists()


def test_stats_file(start_simulator):
    simulator = start_simulator()
    first = simulator.stats()
    assert first["delivered"] == 0
    assert set(first["flash"]) >= COUNTERS | {"vfs", "mail"}
    assert set(first["flash"]["mail"]) == COUNTERS
    assert first["ledger_free_min"] is None
    deliver(simulator, ("anna", "ben"))
    wait_until("session to end", lambda: simulator.stats()["sessions_open"] == 0, 15)
    second = simulator.stats()
    assert second["sequence"] > first["sequence"]
    assert (second["delivered"], second["sessions_total"]) == (1, 1)
    assert 0 < second["heap_free"] < 112 << 10
    assert 0 < second["heap_peak_used"] < 112 << 10
    for name in ("progs", "prog_bytes", "erases"):
        assert second["flash"]["mail"][name] > first["flash"]["mail"][name]
        partitions = [second["flash"][label][name] for label in ("vfs", "mail")]
        assert second["flash"][name] == sum(partitions)
    simulator.stop()
    last = simulator.last_stats()
    assert last["sequence"] > second["sequence"]
    assert last["sessions_open"] == 0


def test_counters_start_with_the_process(start_simulator):
    simulator = start_simulator()
    deliver(simulator)
    simulator.stop()
    simulator.start()
    assert simulator.stats()["delivered"] == 0


# State directory and ports ----------------------------------------------------------------------------------------


def test_a_second_simulator_on_the_state_is_refused(start_simulator):
    simulator = start_simulator()
    line = one_line(run_sim("--state", simulator.state, *free_ports()), 1)
    assert "in use" in line
    assert simulator.alive()


def test_a_killed_simulator_leaves_the_state_free(start_simulator):
    simulator = start_simulator()
    deliver(simulator)
    simulator.kill()
    simulator.start()
    assert count_letters(simulator, "anna", "wide-open-barn") == 1


def test_a_port_in_use_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        number = busy.getsockname()[1]
        options = ["--smtp-port", 0, "--pop3-port", 0, "--imap-port", number]
        line = one_line(run_sim("--state", tmp_path / "state", *options), 1)
    assert str(number) in line and "imap" in line


def test_a_state_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    one_line(run_sim("--state", tmp_path / "file", *free_ports()), 1)


def test_a_missing_runtime_is_said(tmp_path, monkeypatch, capsys):
    def missing():
        raise RuntimeMissing("no runtime: run `make runtime`")

    monkeypatch.setattr(sim, "find_runtime", missing)
    assert cli.main(["sim", "--state", str(tmp_path / "state")]) == 1
    assert capsys.readouterr().err == "postino: no runtime: run `make runtime`\n"


# Users and settings -----------------------------------------------------------------------------------------------


def test_users_are_kept_and_get_new_passwords(tmp_path, start_simulator):
    simulator = start_simulator(users={"anna": "one:two", "ben": "b"})
    deliver(simulator)
    assert count_letters(simulator, "anna", "one:two") == 1
    simulator.stop()
    simulator.options = [option if option != "anna:one:two" else "anna:new" for option in simulator.options]
    simulator.start()
    assert count_letters(simulator, "anna", "new") == 1
    assert count_letters(simulator, "ben", "b") == 0
    with pytest.raises(poplib.error_proto):
        count_letters(simulator, "anna", "one:two")


def test_settings_are_kept(start_simulator):
    option = "max_message_size=20000"
    simulator = start_simulator("--set", option)
    simulator.restart_without("--set", option)
    with smtplib.SMTP(simulator.host, simulator.ports["smtp"], timeout=20) as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features["size"] == "20000"


def test_what_demo_prints(tmp_path):
    process = subprocess.Popen(
        [*command(), "sim", "--demo", "--state", str(tmp_path / "state"), *free_ports()],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT / "host_tools")),
    )
    assert process.stdout is not None
    printed = ""
    while "Ctrl-C" not in printed:
        line = process.stdout.readline()
        assert line, printed
        printed += line
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_BOUND) == 0
    assert "users: anna, ben, clara" in printed
    assert re.search(r"SMTP \d+, POP3 \d+, IMAP \d+", printed)
    assert re.search(r"swaks --server 127\.0\.0\.1:\d+ .*--to anna@office\.lan", printed)
    assert "anna-demo" in printed


# Signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_good_order(start_simulator, number):
    simulator = start_simulator()
    with socket.create_connection((simulator.host, simulator.ports["imap"]), timeout=STOP_BOUND) as idle:
        assert idle.recv(1000).startswith(b"* OK")
        begin = time.monotonic()
        simulator.process.send_signal(number)
        # The session is told.
        assert b"BYE" in idle.recv(1000)
        assert simulator.wait(STOP_BOUND) == 0
        assert time.monotonic() - begin < STOP_BOUND


def test_two_signals_stop_it_once(start_simulator):
    simulator = start_simulator()
    simulator.process.send_signal(signal.SIGTERM)
    simulator.process.send_signal(signal.SIGINT)
    assert simulator.wait(STOP_BOUND) == 0


def test_a_signal_during_the_start_stops_it_too(tmp_path):
    process = subprocess.Popen(
        [*command(), "sim", "--state", str(tmp_path / "state"), *free_ports()],
        stdout=subprocess.DEVNULL,
        env=dict(os.environ, PYTHONPATH=str(ROOT / "host_tools")),
    )
    # The lock file is made when the signal handlers are about to be there; the flash file is just being written.
    wait_until("books", (tmp_path / "state" / "books.bin").exists, 20)
    time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOP_BOUND) == 0


def test_the_vm_dies_with_its_host_and_writes_nothing_more(start_simulator):
    simulator = start_simulator()
    vm = vm_of(simulator.process.pid)
    with smtplib.SMTP(simulator.host, simulator.ports["smtp"], timeout=20) as smtp:
        smtp.ehlo("test")
        smtp.mail("ben@office.lan")
        smtp.rcpt("anna@office.lan")
        smtp.docmd("DATA")
        smtp.send(b"Subject: half\r\n\r\n" + b"x" * 70 + b"\r\n")
        simulator.kill()
        wait_until("end of the VM", lambda: not lives(vm), DEATH_BOUND)
        before = digest(simulator.flash_file)
        time.sleep(0.3)
        assert digest(simulator.flash_file) == before
        smtp.close()
    simulator.start()
    assert count_letters(simulator, "anna", "wide-open-barn") == 0


def test_a_vm_that_is_killed_is_said(start_simulator):
    simulator = start_simulator()
    os.kill(vm_of(simulator.process.pid), signal.SIGKILL)
    assert simulator.wait() == 1
    assert "signal 9" in simulator.output()
    assert not (simulator.folder / "ready.json").exists()
    assert simulator.last_stats()["sequence"] == 1


# Power cuts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3, 5, 8, 9, 12, 20])
def test_a_power_cut_ends_it_with_99_and_it_starts_again(tmp_path, start_simulator, number):
    simulator = start_simulator()
    total = simulator.stats()["operations"]
    simulator.stop()
    folder = tmp_path / "cut"
    stats = tmp_path / "cut.json"
    options = ["--state", folder, *free_ports(), "--user", "anna:x", "--user", "ben:y"]
    assert number < total
    result = run_sim(*options, "--power-cut", number, "--stats-file", stats)
    assert result.returncode == 99, result
    assert result.stderr == ""
    figures = json.loads(stats.read_text())
    assert figures["operations"] == number
    assert figures["flash"]["progs"] + figures["flash"]["erases"] == number
    again = run_until_ready(tmp_path, *options)
    assert set(again["ports"]) == {"smtp", "pop3", "imap"}


def run_until_ready(folder: Path, *options: object) -> dict:
    """Starts a simulator, stops it as soon as it is ready, returns its ready file."""
    ready = folder / "until_ready.json"
    process = subprocess.Popen(
        [*command(), "sim", *map(str, options), "--ready-file", str(ready)],
        stdout=subprocess.DEVNULL,
        env=dict(os.environ, PYTHONPATH=str(ROOT / "host_tools")),
    )
    wait_until("ready", lambda: ready.exists() or process.poll() is not None, 60)
    if process.poll() is not None:
        raise SimulatorFailed(f"ended with {process.returncode}")
    content = json.loads(ready.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOP_BOUND) == 0
    return content


def test_a_power_cut_that_never_comes(start_simulator):
    simulator = start_simulator("--power-cut", "1000000")
    deliver(simulator)
    simulator.stop()


# Boards -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("board", "megabytes", "ledger"), [("olimex_esp32_poe", 4, 96 << 10), ("waveshare_esp32_s3_eth", 16, 200 << 10)]
)
def test_a_board_gives_chip_heap_and_ledger(start_simulator, board, megabytes, ledger):
    simulator = start_simulator(board=board)
    assert simulator.flash_file.stat().st_size == megabytes << 20
    deliver(simulator)
    figures = simulator.stats()
    assert 0 < figures["ledger_free_min"] <= ledger - 4 * 1024


def test_explicit_options_win_over_the_board(start_simulator):
    simulator = start_simulator("--flash-size", "8M", "--heap", "1m", board="waveshare_esp32_s3_eth")
    assert simulator.flash_file.stat().st_size == 8 << 20
    assert 500 << 10 < simulator.stats()["heap_free"] < 1 << 20


def test_a_program_that_sets_a_bit_is_reported_with_its_address(tmp_path, monkeypatch, capfd):
    script = "from postino.board import port as p; p.start(); p._partition('mail').writeblocks(1, b'\\xff', 5)"

    def misuse(runtime, heap, folder):
        correct = firmware_command(runtime, heap, folder)
        return replace(correct, arguments=[*correct.arguments[:-1], script])

    state = tmp_path / "state"
    mail = flash_layout.find_partition(flash_layout.layout(4 << 20), "mail")
    state.mkdir()
    flash_file.create_flash(state / "flash.bin", 4 << 20)
    with open(state / "flash.bin", "r+b") as file:
        file.seek(mail.offset + SECTOR + 5)
        file.write(b"\xfe")
    monkeypatch.setattr(sim, "firmware_command", misuse)
    assert cli.main(["sim", "--state", str(state), "--flash-size", "4M", *free_ports()]) == 98
    assert capfd.readouterr().err.splitlines() == [
        f"postino: a program would set a cleared bit at address {mail.offset + SECTOR + 5:#x}"
    ]


def test_firmware_that_is_not_frozen_runs_too(tmp_path, monkeypatch):
    runtime = find_runtime()
    command = firmware_command(replace(runtime, frozen=False), 1 << 20, tmp_path)
    script = command.arguments[-1].replace("import main", "import postino.app; print(postino.__path__)")
    arguments = [*command.arguments[:-1], script]
    result = subprocess.run(
        arguments, env=command.environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip().endswith("firmware/postino")


def test_real_flash_takes_its_time(tmp_path):
    options = ["--state", tmp_path / "state", *free_ports(), "--flash-timing", "nor", "--power-cut", "8"]
    begin = time.monotonic()
    assert run_sim(*options).returncode == 99
    # An erase takes 45 ms, and there is one in two of the first operations.
    assert time.monotonic() - begin > 0.15


def test_the_command_runs_as_a_module(tmp_path):
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "host_tools"))
    result = subprocess.run(
        [sys.executable, "-m", "postino_tools", "sim", "--tls"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (2, "postino: --tls is not available in this version\n")
