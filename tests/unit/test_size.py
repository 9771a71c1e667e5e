"""The order in which `make size` imports the modules of the firmware."""

from pathlib import Path

import pytest

from postino_tools import size
from postino_tools.constants import module_name


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    """Make a firmware of four modules, two of which import others in each way there is."""
    files = {
        "postino/__init__.py": "",
        "postino/app.py": "from .net import table\nimport postino.log as log\ndef late():\n    import postino.zone\n",
        "postino/log.py": "import sys\n",
        "postino/net/__init__.py": "",
        "postino/net/table.py": "try:\n    from ..users import Users\nexcept ImportError:\n    pass\n",
        "postino/users.py": "from postino import log\n",
        "postino/zone.py": "from . import app\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="ascii")
    return tmp_path


def test_each_module_comes_after_those_it_imports(firmware: Path) -> None:
    files = {module_name(path.relative_to(firmware)): path for path in firmware.rglob("*.py")}
    assert size.import_order(files) == [
        "postino",
        "postino.net",
        "postino.log",
        "postino.users",
        "postino.net.table",
        "postino.app",
        "postino.zone",
    ]


def test_modules_that_import_each_other_are_listed_once(firmware: Path) -> None:
    (firmware / "postino/log.py").write_text("import postino.users\n", encoding="ascii")
    files = {module_name(path.relative_to(firmware)): path for path in firmware.rglob("*.py")}
    order = size.import_order(files)
    assert sorted(order) == sorted(files)
