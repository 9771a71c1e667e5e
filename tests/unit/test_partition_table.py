"""The partition table: made, parsed and verified, and the layouts that it holds."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino_tools import flash_layout
from postino_tools.partition_table import (
    ENTRY,
    TABLE_LENGTH,
    TYPE_APP,
    TYPE_DATA,
    BadTable,
    Partition,
    make_table,
    parse_table,
    verify,
)

MIB = 1024 * 1024

PARTITIONS = st.lists(
    st.builds(
        Partition,
        label=st.text(alphabet="abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=15),
        type=st.sampled_from([TYPE_APP, TYPE_DATA]),
        subtype=st.integers(0, 255),
        offset=st.integers(0, 2**32 - 1),
        size=st.integers(0, 2**32 - 1),
        flags=st.integers(0, 2**32 - 1),
    ),
    max_size=94,
)


@given(PARTITIONS)
def test_what_is_made_can_be_parsed(partitions):
    table = make_table(partitions)
    assert len(table) == TABLE_LENGTH
    assert parse_table(table) == partitions


def test_a_table_of_esp_idf_is_parsed():
    # Made by ESP-IDF's gen_esp32part.py: "nvs, data, nvs, 0x9000, 0x6000" and an MD5 entry.
    entry = bytes.fromhex("aa5001020090000000600000" + b"nvs".hex() + "00" * 13 + "00000000")
    assert parse_table(make_table([Partition("nvs", 1, 2, 0x9000, 0x6000)])) == [Partition("nvs", 1, 2, 0x9000, 0x6000)]
    assert make_table([Partition("nvs", 1, 2, 0x9000, 0x6000)])[: ENTRY.size] == entry


@given(st.integers(0, 4 * 32 - 1), st.integers(1, 255))
def test_a_changed_octet_is_noticed(position, change):
    table = bytearray(make_table(flash_layout.layout(4 * MIB)))
    table[position] ^= change
    with pytest.raises(BadTable):
        parse_table(bytes(table))


@pytest.mark.parametrize("table", [b"", b"\xff" * TABLE_LENGTH, b"\0" * TABLE_LENGTH, make_table([])[:32]])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(BadTable):
        parse_table(table)


def test_a_table_without_md5_is_refused():
    table = make_table(flash_layout.layout(4 * MIB))
    without = table[: 5 * ENTRY.size] + b"\xff" * (TABLE_LENGTH - 5 * ENTRY.size)
    with pytest.raises(BadTable, match="no MD5"):
        parse_table(without)


def test_labels_have_a_limit():
    with pytest.raises(BadTable):
        make_table([Partition("a" * 16, 1, 2, 0x9000, 0x1000)])


@pytest.mark.parametrize("flash_size", flash_layout.FLASH_SIZES.values())
def test_layouts_are_valid_and_fill_the_chip(flash_size):
    partitions = flash_layout.layout(flash_size)
    verify(partitions, flash_size)
    assert partitions[-1].label == "mail"
    assert partitions[-1].end == flash_size


def test_layout_of_16_mb_is_the_designs():
    found = {each.label: (each.offset, each.size) for each in flash_layout.layout(16 * MIB)}
    assert found == {
        "nvs": (0x9000, 0x4000),
        "otadata": (0xD000, 0x2000),
        "phy_init": (0xF000, 0x1000),
        "ota_0": (0x10000, 0x270000),
        "ota_1": (0x280000, 0x270000),
        "vfs": (0x4F0000, 0x90000),
        "mail": (0x580000, 0xA80000),
    }


def test_layout_of_4_mb_is_the_designs():
    found = {each.label: (each.offset, each.size) for each in flash_layout.layout(4 * MIB)}
    assert found["factory"] == (0x10000, 0x1F0000)
    assert found["vfs"] == (0x200000, 0x40000)
    assert found["mail"] == (0x240000, 0x1C0000)


CORRECT = Partition("mail", TYPE_DATA, 0x83, 0x10000, 0x1000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": 0x10800}, "aligned"),
        ({"size": 0x800}, "aligned"),
        ({"size": 0}, "aligned"),
        ({"type": TYPE_APP, "offset": 0x11000}, "aligned"),
        ({"offset": 0x8000}, "overlaps"),
        ({"size": 8 * MIB}, "beyond"),
    ],
)
def test_a_senseless_partition_is_refused(change, message):
    verify([CORRECT], 4 * MIB)
    with pytest.raises(BadTable, match=message):
        verify([dataclasses.replace(CORRECT, **change)], 4 * MIB)


def test_overlap_and_double_labels_are_refused():
    with pytest.raises(BadTable, match="overlaps"):
        verify([CORRECT, dataclasses.replace(CORRECT, label="other")], 4 * MIB)
    with pytest.raises(BadTable, match="two partitions"):
        verify([CORRECT, dataclasses.replace(CORRECT, offset=0x20000)], 4 * MIB)


def test_partitions_are_found_by_label():
    partitions = flash_layout.layout(8 * MIB)
    assert flash_layout.find_partition(partitions, "vfs").offset == 0x4F0000
    with pytest.raises(BadTable):
        flash_layout.find_partition(partitions, "ota_0")
