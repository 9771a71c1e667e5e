"""The simulated flash chip and the heap instruments, used from scripts in the runtime.

Each script runs in a process of its own, because the chip ends the process when flash is misused or loses power.
"""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from postino_tools.books import BLOCK_SIZE, Books
from postino_tools.runtime import find_runtime

CHIP_SIZE = 64 * BLOCK_SIZE
OPEN_CHIP = "import simchip\nsimchip.open('flash', 'books')\n"
NOR_VIOLATION = 98
POWER_CUT = 99


class Chip:
    """A flash file and its books in a folder, and scripts run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flash = folder / "flash"
        self.flash.write_bytes(b"\xff" * CHIP_SIZE)
        self.books = Books.create(folder / "books", CHIP_SIZE)

    def command(self, script: str, opening: str = OPEN_CHIP) -> list[str]:
        """Return the command line that runs the script with the chip open."""
        return [str(find_runtime().path), "-X", "heapsize=112k", "-c", opening + textwrap.dedent(script)]

    def run(self, script: str, status: int = 0, opening: str = OPEN_CHIP) -> str:
        """Run a script, check its exit status, return what it printed. Counters start anew, as in a new process."""
        run = subprocess.run(
            self.command(script, opening), cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == status, run.stderr
        return run.stdout


@pytest.fixture
def chip(tmp_path: Path) -> Chip:
    return Chip(tmp_path)


def test_open_gives_the_size_and_a_partition_its_geometry(chip: Chip) -> None:
    out = chip.run(
        """
        p = simchip.Partition(4096, 8 * 4096)
        print([p.ioctl(op, 0) for op in (1, 2, 3, 4, 5)])
        """,
        opening="import simchip\nprint(simchip.open('flash', 'books'))\n",
    )
    assert out.split("\n")[:2] == [str(CHIP_SIZE), "[0, 0, 0, 8, 4096]"]


def test_bytes_land_at_the_offset_of_the_partition(chip: Chip) -> None:
    out = chip.run(
        """
        p = simchip.Partition(8192, 4 * 4096)
        print(p.writeblocks(1, b'letter', 100))
        buf = bytearray(6)
        print(p.readblocks(1, buf, 100), bytes(buf))
        """
    )
    assert out == "0\n0 b'letter'\n"
    start = 8192 + 4096 + 100
    assert chip.flash.read_bytes()[start : start + 6] == b"letter"


def test_a_program_clears_bits_and_an_erase_sets_the_block(chip: Chip) -> None:
    chip.run(
        """
        p = simchip.Partition(0, 4 * 4096)
        p.writeblocks(0, b'\\xf0\\x0f', 0)
        p.writeblocks(0, b'\\x30\\x0f', 0)
        p.writeblocks(1, b'\\x00', 7)
        p.ioctl(6, 1)
        """
    )
    flash = chip.flash.read_bytes()
    assert flash[:2] == b"\x30\x0f"
    assert flash[BLOCK_SIZE:] == b"\xff" * (CHIP_SIZE - BLOCK_SIZE)


def test_a_program_that_would_set_a_bit_ends_the_process_and_writes_nothing(chip: Chip) -> None:
    chip.run(
        """
        p = simchip.Partition(4096, 4 * 4096)
        p.writeblocks(0, b'\\x00', 5)
        p.writeblocks(0, b'\\x00\\x01\\x00', 3)
        p.writeblocks(0, b'\\x00\\x00\\x01', 3)
        """,
        status=NOR_VIOLATION,
    )
    assert chip.books.fault_address == 4096 + 5
    assert chip.books.operations == 2
    assert chip.flash.read_bytes()[4096 + 3 : 4096 + 7] == b"\x00\x01\x00\xff"


def test_a_whole_block_write_is_an_erase_and_a_program_each(chip: Chip) -> None:
    chip.run(
        """
        p = simchip.Partition(0, 8 * 4096)
        p.writeblocks(2, bytes(2 * 4096))
        p.writeblocks(2, b'\\x55' * 4096)
        """
    )
    assert chip.flash.read_bytes()[2 * BLOCK_SIZE : 4 * BLOCK_SIZE] == b"\x55" * BLOCK_SIZE + bytes(BLOCK_SIZE)
    totals = chip.books.totals()
    assert (totals["erases"], totals["progs"], totals["max_block_erases"]) == (3, 3, 2)
    assert chip.books.operations == 6


def test_operations_are_counted_where_they_start_and_bytes_where_they_lie(chip: Chip) -> None:
    chip.run(
        """
        p = simchip.Partition(0, 8 * 4096)
        p.writeblocks(1, bytes(100), 4096 - 40)
        p.readblocks(1, bytearray(2 * 4096))
        p.readblocks(2, bytearray(10), 0)
        p.ioctl(6, 5)
        """
    )
    assert chip.books.totals(BLOCK_SIZE, 2 * BLOCK_SIZE) == {
        "reads": 1, "read_bytes": 4096, "progs": 1, "prog_bytes": 40, "erases": 0, "max_block_erases": 0,
    }  # fmt: skip
    assert chip.books.totals(2 * BLOCK_SIZE, 3 * BLOCK_SIZE) == {
        "reads": 1, "read_bytes": 4106, "progs": 0, "prog_bytes": 60, "erases": 0, "max_block_erases": 0,
    }  # fmt: skip
    assert chip.books.totals(5 * BLOCK_SIZE, 6 * BLOCK_SIZE)["erases"] == 1
    assert chip.books.operations == 2


@pytest.mark.parametrize(
    "call",
    [
        "p.readblocks(4, bytearray(1), 0)",
        "p.readblocks(3, bytearray(2), 4095)",
        "p.readblocks(-1, bytearray(1), 0)",
        "p.readblocks(0, bytearray(1), -1)",
        "p.readblocks(1 << 29, bytearray(1), 0)",
        "p.readblocks(0, b'read-only')",
        "p.writeblocks(4, b'x', 0)",
        "p.writeblocks(3, bytes(2), 4095)",
        "p.writeblocks(0, bytes(100))",
        "p.writeblocks('0', bytes(1), 0)",
        "p.writeblocks(0, None, 0)",
        "p.ioctl(6, 4)",
        "p.ioctl(6, -1)",
        "p.ioctl(99, 0)",
    ],
)
def test_a_wrong_call_returns_an_error_and_touches_nothing(chip: Chip, call: str) -> None:
    assert chip.run(f"p = simchip.Partition(0, 4 * 4096)\nprint({call})") == f"{-errno.EINVAL}\n"
    assert chip.flash.read_bytes() == b"\xff" * CHIP_SIZE
    assert set(chip.books.totals().values()) == {0}


@pytest.mark.parametrize(
    "window", ["1, 4096", "0, 100", "0, 0", "-4096, 4096", f"{CHIP_SIZE}, 4096", f"4096, {CHIP_SIZE}"]
)
def test_a_partition_off_the_chip_is_refused(chip: Chip, window: str) -> None:
    out = chip.run(f"try:\n    simchip.Partition({window})\nexcept ValueError:\n    print('refused')\n")
    assert out == "refused\n"


@pytest.mark.parametrize("cut", [1, 2, 5, 6])
def test_a_power_cut_completes_its_operation_and_nothing_after_it(chip: Chip, cut: int) -> None:
    """Six operations, an erase and a program in turn, with a finaliser and an open file that must not get to write."""
    chip.run(
        f"""
        simchip.power_cut({cut})
        p = simchip.Partition(0, 8 * 4096)
        log = open('log', 'w')
        log.write('buffered')
        try:
            for n in range(3):
                p.ioctl(6, n)
                p.writeblocks(n, b'\\x00', 0)
        finally:
            log.write('finally')
        """,
        status=POWER_CUT,
    )
    assert chip.books.operations == cut
    written = [chip.flash.read_bytes()[n * BLOCK_SIZE] == 0 for n in range(3)]
    assert written == [cut >= 2, cut >= 4, cut >= 6]
    assert "finally" not in (chip.folder / "log").read_text()


def test_a_cut_that_is_never_reached_changes_nothing(chip: Chip) -> None:
    chip.run("simchip.power_cut(2)\nsimchip.Partition(0, 4096).ioctl(6, 0)\nprint('end')\n")
    assert chip.books.operations == 1


def test_littlefs_lives_on_a_partition_and_finds_its_files_again(chip: Chip) -> None:
    mount = """
        import vfs
        p = simchip.Partition(8 * 4096, 40 * 4096)
        def mounted(): return vfs.VfsLfs2(p, readsize=32, progsize=32, lookahead=512, mtime=False)
        """
    chip.run(
        mount
        + """
        vfs.VfsLfs2.mkfs(p, readsize=32, progsize=32, lookahead=512)
        vfs.mount(mounted(), '/mail')
        with open('/mail/letter', 'wb') as f:
            for n in range(40):
                f.write(bytes([n]) * 512)
        vfs.umount('/mail')
        """
    )
    out = chip.run(
        mount
        + """
        vfs.mount(mounted(), '/mail')
        with open('/mail/letter', 'rb') as f:
            print(all(f.read(512) == bytes([n]) * 512 for n in range(40)))
        """
    )
    assert out == "True\n"
    flash = chip.flash.read_bytes()
    assert set(flash[: 8 * BLOCK_SIZE] + flash[48 * BLOCK_SIZE :]) == {0xFF}


def test_flash_calls_of_littlefs_allocate_nothing(chip: Chip) -> None:
    out = chip.run(
        """
        p = simchip.Partition(0, 8 * 4096)
        buf = bytearray(64)
        def allocations_of_calls():
            before = simchip.allocations()
            for n in range(50):
                p.writeblocks(1, buf, 64)
                p.readblocks(1, buf, 64)
                p.ioctl(6, 1)
                p.ioctl(4, 0)
            return simchip.allocations() - before
        print(allocations_of_calls())
        """
    )
    assert out == "0\n"


def test_a_gauge_reaches_the_host_with_all_its_bits(chip: Chip) -> None:
    chip.run("simchip.note(0, 42)\nsimchip.note(15, 0xfedcba9876543210)\n")
    assert (chip.books.gauge(0), chip.books.gauge(15)) == (42, 0xFEDCBA9876543210)


def test_the_heap_peak_is_the_largest_live_size_after_a_collection(chip: Chip) -> None:
    out = chip.run(
        """
        import gc
        gc.collect()
        small = simchip.heap_live()
        kept = bytearray(30000)
        gc.collect()
        print(small, simchip.heap_live())
        del kept
        gc.collect()
        waste = [bytearray(1000) for n in range(20)]
        """
    )
    small, large = (int(word) for word in out.split())
    assert large >= small + 30000
    assert large <= chip.books.heap_peak_used < large + 1000
    assert chip.books.collections >= 3


@pytest.mark.parametrize("script", ["bytearray(100)", "[None] * 50", "str(1.5) + 'x'", "[].append(1) or bytearray(1)"])
def test_an_armed_allocation_fails_once(chip: Chip, script: str) -> None:
    out = chip.run(
        f"""
        def work():
            {script}
        def attempt():
            try:
                work()
            except MemoryError:
                return 'failed'
            return 'done'
        print(attempt())
        simchip.fail_allocation(1)
        first = attempt()
        print(first, attempt())
        simchip.fail_allocation(1)
        simchip.fail_allocation(0)
        print(attempt())
        """
    )
    assert out == "done\nfailed done\ndone\n"


def test_each_allocation_of_a_piece_of_work_can_be_made_to_fail(chip: Chip) -> None:
    """The n-th fails for every n the work has; growing a list counts; one number too many does nothing."""
    out = chip.run(
        """
        def work():
            grown = []
            for n in range(50):
                grown.append(n)
            return len(grown)
        def attempt(n):
            simchip.fail_allocation(n)
            try:
                return work()
            except MemoryError:
                return None
            finally:
                simchip.fail_allocation(0)
        # The names are there: one more may be what makes the dictionary of the globals grow.
        before = count = 0
        attempt(0)
        before = simchip.allocations()
        work()
        count = simchip.allocations() - before
        print(count >= 4, [attempt(n) for n in range(1, count + 1)] == [None] * count, attempt(count + 1))
        """
    )
    assert out == "True True 50\n"


def test_books_of_another_chip_are_refused(chip: Chip) -> None:
    chip.books.close()
    Books.create(chip.folder / "books", 2 * CHIP_SIZE).close()
    out = chip.run(
        "", opening="import simchip\ntry:\n    simchip.open('flash', 'books')\nexcept ValueError as e:\n    print(e)\n"
    )
    assert out == "books do not fit the flash file\n"


def test_only_the_owner_may_start_the_runtime(chip: Chip) -> None:
    chip.books.close()
    Books.create(chip.folder / "books", CHIP_SIZE, owner=os.getpid()).close()
    assert chip.run("print('owner')") == "owner\n"
    Books.create(chip.folder / "books", CHIP_SIZE, owner=1).close()
    assert chip.run("print('stranger')", status=1) == ""


def test_the_runtime_dies_with_its_parent(chip: Chip) -> None:
    """A parent is killed; the runtime it started, busy erasing, is gone soon after."""
    busy = chip.command("p = simchip.Partition(0, 4096)\nprint('up')\nwhile True:\n    p.ioctl(6, 0)\n")
    parent_code = f"""
import subprocess
runtime = subprocess.Popen({busy!r}, stdout=subprocess.PIPE)
print(runtime.stdout.readline().decode().strip(), runtime.pid, flush=True)
runtime.wait()
"""
    with subprocess.Popen([sys.executable, "-c", parent_code], cwd=chip.folder, stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout is not None
            said, pid = parent.stdout.readline().decode().split()
        finally:
            parent.send_signal(signal.SIGKILL)
    assert said == "up"
    runtime = int(pid)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{runtime}/fd").exists() and _is_running(runtime):
        assert time.monotonic() < deadline, "the runtime outlived its parent"
        time.sleep(0.01)


def _is_running(pid: int) -> bool:
    """Say whether a process still runs; a dead one may wait as a zombie for somebody to ask for its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
