"""The runtime that the simulator and every test of the firmware run on."""

import subprocess
import sys
from pathlib import Path

import pytest

from postino_tools import runtime, runtime_build, runtime_sources
from postino_tools.constants import module_name

# What needs a board says so.
FOR_BOARDS = {
    "postino.board.esp32": "no module named 'esp32'\n",
    "postino.board.ethernet": "no module named 'network'\n",
}


def run_script(script: str, folder: Path) -> str:
    """Run a script in the runtime, with nothing but frozen modules in reach; return what it printed."""
    run = subprocess.run(
        [runtime_build.BINARY, "-X", "heapsize=112k", "-c", script],
        cwd=folder,
        env={"MICROPYPATH": ".frozen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_it_is_a_32_bit_micropython_as_on_the_board(tmp_path: Path) -> None:
    out = run_script("import sys; print(sys.implementation.name, sys.maxsize)", tmp_path)
    assert out == f"micropython {2**31 - 1}\n"


def test_every_module_is_frozen_in_and_counts_on_no_other(tmp_path: Path) -> None:
    """Each in a fresh runtime, after the store as in the firmware: a chain of imports takes stack."""
    paths = [path.relative_to(runtime_build.FIRMWARE) for path in runtime_build.FIRMWARE.glob("postino/**/*.py")]
    for name in sorted(module_name(path) for path in paths):
        script = f"""
import postino.store
try:
    __import__({name!r})
except ImportError as error:
    print(error)
"""
        out = run_script(script, tmp_path)
        assert out == FOR_BOARDS.get(name, ""), f"{name}: {out}"


def test_the_firmware_comes_from_the_image_and_not_from_a_file(tmp_path: Path) -> None:
    out = run_script("import postino; print(postino.__path__)", tmp_path)
    assert out == ".frozen/postino\n"
    assert not (tmp_path / "postino").exists()


def test_the_heap_is_capped_to_what_was_asked_for(tmp_path: Path) -> None:
    out = run_script("import gc; print(gc.mem_free() + gc.mem_alloc())", tmp_path)
    assert 110 * 1024 > int(out) > 108 * 1024


def test_the_check_passes_on_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert runtime.check() == 0
    assert "32-bit" in capsys.readouterr().out


def stand_in(folder: Path, output: str) -> Path:
    """Make a program that answers the probe in the place of a MicroPython."""
    program = folder / "micropython"
    program.write_text(f"#!/bin/sh\nprintf '{output}'\n", encoding="ascii")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("output", "lacking"),
    [
        ("64-bit\\nfrozen\\n" + "\\n".join(runtime.MODULES.split()), "32-bit"),
        ("32-bit\\n" + "\\n".join(runtime.MODULES.split()), "frozen"),
        ("32-bit\\nfrozen\\n", "simchip"),
    ],
)
def test_the_check_fails_in_one_line_on_another(tmp_path, monkeypatch, capsys, output: str, lacking: str) -> None:
    monkeypatch.setattr(runtime_build, "BINARY", stand_in(tmp_path, output))
    assert runtime.check() == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert lacking in error


def test_the_check_fails_in_one_line_without_any(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(runtime_build, "BINARY", tmp_path / "none")
    assert runtime.check() == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_another_micropython_is_used_where_there_is_none_and_one_line_says_so(tmp_path, monkeypatch, capsys) -> None:
    other = stand_in(tmp_path, "64-bit\\ntls\\n")
    monkeypatch.setattr(runtime_build, "BINARY", tmp_path / "none")
    monkeypatch.setenv("POSTINO_MICROPYTHON", str(other))
    assert runtime.find_runtime() == runtime.Runtime(other, frozen=False, has_chip=False)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(other) in error


def test_without_any_micropython_the_message_says_what_to_do(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runtime_build, "BINARY", tmp_path / "none")
    monkeypatch.setenv("POSTINO_MICROPYTHON", str(tmp_path / "neither"))
    with pytest.raises(runtime.RuntimeMissing, match="make runtime"):
        runtime.find_runtime()


@pytest.mark.parametrize(("version", "complaint"), [("1.24", "1.25 or newer"), (None, "not a MicroPython tree")])
def test_a_tree_that_is_too_old_or_none_is_refused_in_one_line(tmp_path: Path, version, complaint: str) -> None:
    if version:
        major, minor = version.split(".")
        (tmp_path / "py").mkdir()
        (tmp_path / "py" / "mpconfig.h").write_text(
            f"#define MICROPY_VERSION_MAJOR {major}\n#define MICROPY_VERSION_MINOR {minor}\n", encoding="ascii"
        )
    run = subprocess.run(
        [sys.executable, "-c", "from postino_tools.runtime_sources import user_tree; user_tree()"],
        env={"MPY_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert complaint in run.stderr.splitlines()[-1]


def test_a_tree_is_copied_without_what_was_built_in_it(tmp_path: Path) -> None:
    """But with all headers of its mbedTLS, some of which have names that sound like something built."""
    tree = tmp_path / "tree"
    wanted = ("lib/mbedtls/library/ssl_tls.c", "lib/mbedtls/include/mbedtls/build_info.h", "ports/unix/main.c")
    unwanted = ("ports/unix/build-standard/main.o", "mpy-cross/build/main.o", "lib/stm32lib/x.c", "py/.git")
    for part in runtime_sources.TREE_PARTS:
        (tree / part).mkdir(parents=True, exist_ok=True)
    for name in wanted + unwanted:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    target = tmp_path / "target"
    runtime_sources.prepare(target, tmp_path, tree)
    assert all((target / name).is_file() for name in wanted)
    assert not any((target / name).exists() for name in unwanted)
