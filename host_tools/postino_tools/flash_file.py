"""The simulated chip: a state directory, held by one simulator at a time, and `flash.bin` in it."""

import fcntl
import os
import time
from pathlib import Path

from postino_tools import flash_layout, partition_table
from postino_tools.errors import CommandError
from postino_tools.partition_table import TABLE_LENGTH, TABLE_OFFSET, BadTable, Partition

FLASH_NAME = "flash.bin"
LOCK_NAME = "lock"
# The VM of a simulator that was killed holds the lock until it is dead too, which takes a moment.
LOCK_PATIENCE_S = 1.0
FILL_PIECE = b"\xff" * 65536


def lock_state(folder: Path) -> int:
    """Makes the state directory if need be and locks it; returns the descriptor that holds the lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise CommandError(f"cannot use the state directory {folder}: {error.strerror}") from None
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while not _try_lock(lock):
        if time.monotonic() > deadline:
            os.close(lock)
            raise CommandError(f"the state directory {folder} is in use by another postino")
        time.sleep(0.05)
    return lock


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_flash(folder: Path, flash_size: int) -> tuple[Path, list[Partition]]:
    """The flash file, made if absent, and its partitions. Nothing is written to a file that is there."""
    path = folder / FLASH_NAME
    try:
        if not path.exists():
            create_flash(path, flash_size)
        return path, read_partitions(path, flash_size)
    except OSError as error:
        raise CommandError(f"cannot use the flash file {path}: {error.strerror}") from None


def create_flash(path: Path, flash_size: int) -> None:
    """An erased chip with a partition table. It appears under its name only when it is whole."""
    table = partition_table.make_table(flash_layout.layout(flash_size))
    unfinished = path.with_name(path.name + ".new")
    with open(unfinished, "wb") as file:
        for _ in range(flash_size // len(FILL_PIECE)):
            file.write(FILL_PIECE)
        file.seek(TABLE_OFFSET)
        file.write(table)
    os.replace(unfinished, path)


def read_partitions(path: Path, flash_size: int) -> list[Partition]:
    """The verified partitions of a flash file that must be `flash_size` bytes long."""
    size = path.stat().st_size
    if size != flash_size:
        names = flash_layout.size_name(size), flash_layout.size_name(flash_size)
        raise CommandError(f"the flash file {path} is a chip of {names[0]}, not of {names[1]} (see --flash-size)")
    with open(path, "rb") as file:
        file.seek(TABLE_OFFSET)
        table = file.read(TABLE_LENGTH)
    try:
        partitions = partition_table.parse_table(table)
        partition_table.verify(partitions, flash_size)
        for label in (flash_layout.VFS, flash_layout.MAIL):
            flash_layout.find_partition(partitions, label)
    except BadTable as error:
        raise CommandError(f"the flash file {path} is damaged: {error}") from None
    return partitions
