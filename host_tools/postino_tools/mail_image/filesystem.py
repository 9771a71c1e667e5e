"""The files of a mail partition, as littlefs_reader.py has read them, all at once."""

from dataclasses import dataclass, field
from typing import Any

from postino_tools.mail_image.octets import Damaged
from postino_tools.mail_image.partition import BLOCK

# What littlefs uses of a block of a file to point to the blocks before it.
POINTER = 4
MISSING = "the file is missing"


@dataclass
class FileSystem:
    """A littlefs of so many blocks."""

    blocks: int
    # Path -> what could be read of the file, and what prevented the rest (nothing, if the text is empty).
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    # Folder -> why its list of names cannot be read, or not to its end.
    unreadable: dict[str, str] = field(default_factory=dict)
    # Folders inside folders, which the format does not have; what is in them has not been read.
    nested: list[str] = field(default_factory=list)
    # Those of them that seem to have no end: there is a way round in a circle.
    endless: list[str] = field(default_factory=list)

    def read(self, path: str) -> bytes:
        """The whole content of a file; Damaged when there is none or a part of it cannot be read."""
        content, problem = self.read_as_far_as_possible(path)
        if problem:
            raise Damaged(problem)
        return content

    def read_as_far_as_possible(self, path: str) -> tuple[bytes, str]:
        """What can be read of a file, and what prevented the rest."""
        return self.files.get(path, (b"", MISSING))

    def to_parts(self) -> tuple[dict[str, Any], list[bytes]]:
        """All of it in two parts: what goes into JSON, and the contents of the files in their order."""
        described = {
            "blocks": self.blocks,
            "files": [(path, len(content), problem) for path, (content, problem) in self.files.items()],
            "unreadable": self.unreadable,
            "nested": self.nested,
            "endless": self.endless,
        }
        return described, [content for content, _ in self.files.values()]

    @classmethod
    def from_parts(cls, described: dict[str, Any], contents: bytes) -> "FileSystem":
        """The other way round; `contents` are those of all files, one behind the other."""
        files = {}
        at = 0
        for path, size, problem in described["files"]:
            files[path] = contents[at : at + size], problem
            at += size
        return cls(**{**described, "files": files})


def file_blocks(size: int) -> int:
    """The blocks of a littlefs file that is not stored in its directory: block n begins with ctz(n) + 1 pointers."""
    blocks = 0
    while size > 0:
        pointers = (blocks & -blocks).bit_length() if blocks else 0
        size -= BLOCK - POINTER * pointers
        blocks += 1
    return blocks
