"""An X server without a screen (Xvfb) for a program that has windows."""

import os
import subprocess
from pathlib import Path

from tests.support.programs import find

END_PATIENCE = 15


class Display:
    """Xvfb on the first display that is free; what it prints is kept in `folder/xvfb.out`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.name = ""

    def __enter__(self) -> "Display":
        ours, theirs = os.pipe()
        arguments = ["-displayfd", str(theirs), "-nolisten", "tcp", "-noreset", "-screen", "0", "1280x900x24"]
        with open(self.folder / "xvfb.out", "wb") as shown, os.fdopen(ours, "rb") as answer:
            self.process = subprocess.Popen(
                [find("Xvfb"), *arguments],
                pass_fds=[theirs],
                stdin=subprocess.DEVNULL,
                stdout=shown,
                stderr=shown,
                start_new_session=True,
            )
            os.close(theirs)
            # It writes the number when it accepts clients; the pipe ends if it ends before.
            number = answer.readline().strip()
        assert number.isdigit(), f"Xvfb did not start:\n{(self.folder / 'xvfb.out').read_text()}"
        self.name = f":{number.decode()}"
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(END_PATIENCE)
