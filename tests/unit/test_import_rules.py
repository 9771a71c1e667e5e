"""The arrows of the architecture: which firmware module may import which, and that every file says what it is for.

ALLOWED is the table "Who may import whom" of docs/architecture.md; a test holds the two together.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
PACKAGE = FIRMWARE / "postino"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
MAX_LINES = 500

EVERYTHING = {"everything"}
PROTOCOL = {"store", "mime", "net", "settings", "users", "routing", "sasl", "log", "dates", "date_parser", "overlay"}
# Module or package of postino -> what it may import, its own parts apart. Everyone may have the VERSION of postino.
ALLOWED: dict[str, set[str]] = {
    "smtp": PROTOCOL,
    "pop3": PROTOCOL,
    "imap": PROTOCOL,
    "store": {"log"},
    "mime": {"dates"},
    "net": set(),
    "board": set(),
    "settings": set(),
    "sasl": set(),
    "overlay": set(),
    "dates": set(),
    "routing": set(),
    "credentials": set(),
    "users": {"credentials", "settings"},
    "log": {"dates"},
    "date_parser": {"dates"},
    "console": {"net", "settings"},
    "server": {"net", "log", "overlay"},
    "app": EVERYTHING,
}
DOCUMENTED_FOLDERS = ("firmware", "host_tools", "boards", "tests")
FIRMWARE_FILES = sorted(FIRMWARE.rglob("*.py"))
PYTHON_FILES = sorted(path for folder in DOCUMENTED_FOLDERS for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def subject(path: Path) -> str:
    """The row of the table that a file of postino belongs to: its package, or its own name."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """The subjects of postino that a file imports, at its top or later."""
    # The package a relative import starts from: `from .` is the package the file is in.
    here = ("postino", *path.relative_to(PACKAGE).parent.parts)
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            base += tuple((node.module or "").split(".")) if node.module else ()
            # What is imported may be a module itself.
            modules = [(*base, alias.name) for alias in node.names]
        else:
            continue
        found |= {module[1] for module in modules if module[0] == "postino" and len(module) > 1}
    return {each for each in found if (PACKAGE / each).is_dir() or (PACKAGE / f"{each}.py").exists()}


def test_the_firmware_is_there():
    assert (PACKAGE / "app.py") in FIRMWARE_FILES


@pytest.mark.parametrize("path", [path for path in FIRMWARE_FILES if PACKAGE in path.parents], ids=name)
def test_imports_follow_the_arrows(path):
    who = subject(path)
    if who == "__init__":
        assert imported(path) == set()
        return
    assert who in ALLOWED, f"{who} is not in the table of docs/architecture.md"
    if ALLOWED[who] is not EVERYTHING:
        assert imported(path) <= ALLOWED[who] | {who}


def test_only_app_is_imported_from_outside():
    for path in FIRMWARE_FILES:
        if PACKAGE not in path.parents and path.name != "manifest.py":
            modules = [
                node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)
            ]
            assert [module for module in modules if module and module.startswith("postino")] in ([], ["postino.app"])


def test_the_document_has_the_same_table():
    section = ARCHITECTURE.read_text().partition("## Who may import whom")[2].partition("\n## ")[0]
    documented: dict[str, set[str]] = {}
    for who, what in re.findall(r"^\| (`.*`) \| (.*) \|$", section, re.MULTILINE):
        for each in re.findall(r"`(\w+)`", who):
            documented[each] = EVERYTHING if what == "everything" else set(re.findall(r"`(\w+)`", what)) - {each}
    assert documented == ALLOWED


def test_the_document_knows_every_part():
    text = ARCHITECTURE.read_text()
    for path in PACKAGE.iterdir():
        if path.suffix == ".py" and path.stem != "__init__":
            assert f"{path.stem}.py`" in text, f"docs/architecture.md does not mention {path.name}"
        elif path.is_dir() and path.name != "__pycache__":
            assert f"{path.name}/`" in text, f"docs/architecture.md does not mention {path.name}/"


@pytest.mark.parametrize("path", FIRMWARE_FILES, ids=name)
def test_no_firmware_file_is_too_long(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text())), "no docstring"


def tells_its_purpose(folder: Path) -> bool:
    """A package by its docstring, any other folder by its README.md or the one above, a board by its board.toml."""
    if (folder / "__init__.py").exists() or (folder / "README.md").exists():
        return True
    above = folder.parent / "README.md"
    if above.exists() and f"{folder.name}/" in above.read_text():
        return True
    board = folder / "board.toml"
    return board.exists() and board.read_text().startswith("#")


@pytest.mark.parametrize("top", DOCUMENTED_FOLDERS)
def test_every_folder_says_what_it_is_for(top):
    # Leftovers are not the tree's: caches, and folders without a single file.
    folders = [ROOT / top, *(path for path in (ROOT / top).rglob("*") if path.is_dir())]
    silent = [name(folder) for folder in folders if not is_leftover(folder) and not tells_its_purpose(folder)]
    assert silent == []


def is_leftover(folder: Path) -> bool:
    parts = folder.relative_to(ROOT).parts
    if "__pycache__" in parts or any(part.startswith(".") or part.endswith(".egg-info") for part in parts):
        return True
    return not any(path.is_file() and "__pycache__" not in path.parts for path in folder.rglob("*"))
