"""Set-up that was stopped half-way: it ends without a traceback, and the next one goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from postino_tools import runtime_sources

TARBALLS = ("micropython_1.25.0.orig.tar.xz", "mbedtls_3.6.6.orig.tar.bz2")


def test_a_step_ends_on_ctrl_c_without_a_traceback():
    command = "import os, signal; os.kill(os.getppid(), signal.SIGINT); signal.pause()"
    run = subprocess.run(
        [sys.executable, "-m", "postino_tools.progress", "waiting", sys.executable, "-c", command],
        # Whoever runs the tests may have them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={**os.environ, "PYTHONPATH": "host_tools"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (130, "waiting ... failed\n", "")


@pytest.mark.parametrize(("stopped", "asked"), [(False, []), (True, ["update", "source"])])
def test_a_download_that_was_stopped_is_finished(tmp_path, monkeypatch, stopped, asked):
    for name in TARBALLS:
        (tmp_path / name).write_bytes(b"half of it" if stopped else b"all of it")
    if stopped:
        (tmp_path / "apt").mkdir()
    verbs = []
    monkeypatch.setattr(runtime_sources, "_debian_mirror", lambda: "http://localhost/debian")
    monkeypatch.setattr(runtime_sources, "_apt_get", lambda downloads, verb, *options: verbs.append(verb))
    runtime_sources.fetch(tmp_path)
    assert verbs == asked
    assert not (tmp_path / "apt").exists()
