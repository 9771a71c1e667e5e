"""Scripts that run beside the frozen firmware, which has no constants any more: they get them put in place, too.

`folder()` is what MicroPython is given in place of a folder of the tests. A firmware that is not frozen, which
POSTINO_FIRMWARE names, has its constants: the scripts run as they are.
"""

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

from postino_tools import frozen_source, runtime_build


@functools.cache
def folder(*sources: Path) -> Path:
    """Return one folder with the scripts of these folders as they run on the device; it is gone when Python ends."""
    target = Path(tempfile.mkdtemp(prefix="device_scripts_"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    scripts = {path: text for source in sources for path, text in frozen_source.read(source).items()}
    if not os.environ.get("POSTINO_FIRMWARE"):
        scripts = frozen_source.convert_scripts(scripts, frozen_source.read(runtime_build.FIRMWARE))
    for path, text in scripts.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(text)
    return target
