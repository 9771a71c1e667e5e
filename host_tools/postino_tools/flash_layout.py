"""Which partitions each size of chip gets, and how one is found again: by the table only."""

from postino_tools.partition_table import (
    SUBTYPE_APP_FACTORY,
    SUBTYPE_APP_OTA_0,
    SUBTYPE_APP_OTA_1,
    SUBTYPE_DATA_FAT,
    SUBTYPE_DATA_LITTLEFS,
    SUBTYPE_DATA_NVS,
    SUBTYPE_DATA_OTA,
    SUBTYPE_DATA_PHY,
    TYPE_APP,
    TYPE_DATA,
    BadTable,
    Partition,
)

MIB = 1024 * 1024
FLASH_SIZES = {"4M": 4 * MIB, "8M": 8 * MIB, "16M": 16 * MIB}
VFS = "vfs"
MAIL = "mail"


def layout(flash_size: int) -> list[Partition]:
    """The partitions of a chip of `flash_size` bytes."""
    if flash_size == FLASH_SIZES["4M"]:
        return _single_app_layout(flash_size)
    if flash_size in FLASH_SIZES.values():
        return _ota_layout(flash_size)
    raise ValueError(f"no flash layout for a chip of {flash_size} bytes")


def _single_app_layout(flash_size: int) -> list[Partition]:
    """4 MB: one app, so that the mail gets 1.75 MiB."""
    return [
        Partition("nvs", TYPE_DATA, SUBTYPE_DATA_NVS, 0x9000, 0x6000),
        Partition("phy_init", TYPE_DATA, SUBTYPE_DATA_PHY, 0xF000, 0x1000),
        Partition("factory", TYPE_APP, SUBTYPE_APP_FACTORY, 0x10000, 0x1F0000),
        _vfs(0x200000, 0x40000),
        _mail(0x240000, flash_size),
    ]


def _ota_layout(flash_size: int) -> list[Partition]:
    """8 MB and more: two apps, of which one can be replaced while the other runs. Only `mail` grows with the chip."""
    return [
        Partition("nvs", TYPE_DATA, SUBTYPE_DATA_NVS, 0x9000, 0x4000),
        Partition("otadata", TYPE_DATA, SUBTYPE_DATA_OTA, 0xD000, 0x2000),
        Partition("phy_init", TYPE_DATA, SUBTYPE_DATA_PHY, 0xF000, 0x1000),
        Partition("ota_0", TYPE_APP, SUBTYPE_APP_OTA_0, 0x10000, 0x270000),
        Partition("ota_1", TYPE_APP, SUBTYPE_APP_OTA_1, 0x280000, 0x270000),
        _vfs(0x4F0000, 0x90000),
        _mail(0x580000, flash_size),
    ]


def _vfs(offset: int, size: int) -> Partition:
    # MicroPython looks for the label; the subtype is the one its own tables use.
    return Partition(VFS, TYPE_DATA, SUBTYPE_DATA_FAT, offset, size)


def _mail(offset: int, flash_size: int) -> Partition:
    return Partition(MAIL, TYPE_DATA, SUBTYPE_DATA_LITTLEFS, offset, flash_size - offset)


def find_partition(partitions: list[Partition], label: str) -> Partition:
    """The data partition called `label`; BadTable when the table has none."""
    for partition in partitions:
        if partition.label == label and partition.type == TYPE_DATA:
            return partition
    raise BadTable(f"the partition table has no data partition {label!r}")


def size_name(flash_size: int) -> str:
    """`16M` for 16,777,216."""
    return f"{flash_size // MIB}M" if flash_size % MIB == 0 else str(flash_size)
