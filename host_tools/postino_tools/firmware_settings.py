"""The firmware's own table of settings, used to refuse a wrong setting before anything is started.

The table is `firmware/postino/settings.py`, which runs on the host as it is; there is no second copy of its rules.
"""

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

from postino_tools.errors import CommandError, UsageError

SETTINGS_PATH = Path(__file__).resolve().parents[2] / "firmware" / "postino" / "settings.py"


@cache
def table() -> ModuleType:
    """The module with the table."""
    spec = importlib.util.spec_from_file_location("postino_firmware_settings", SETTINGS_PATH)
    if spec is None or spec.loader is None or not SETTINGS_PATH.is_file():
        raise CommandError(f"the firmware is not at {SETTINGS_PATH.parent}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(name: str, value: str) -> None:
    """Raises UsageError when there is no such setting or it cannot have this value."""
    settings = table()
    try:
        settings.check(name, value)
    except settings.SettingError as error:
        raise UsageError(f"setting: {error}") from None
