"""Fixtures for all tests: the import paths, the simulator in its configurations, and its output when a test fails."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Firmware modules that need no hardware are tested on CPython, those of this folder if it is named.
FIRMWARE = os.environ.get("POSTINO_FIRMWARE") or str(ROOT / "firmware")
# The host tools are there without being installed.
for folder in (str(ROOT / "host_tools"), FIRMWARE, str(ROOT)):
    if sys.path[0] != folder:
        sys.path.insert(0, folder)

from tests.support import configurations, imap_grammar  # noqa: E402
from tests.support.simulator import Simulator  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--configuration",
        action="append",
        choices=configurations.NAMES,
        default=[],
        help="only these configurations of the simulator (repeatable; default: all)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for `configuration`, also by way of `simulator`, runs once in each."""
    if "configuration" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--configuration") or configurations.NAMES
        chosen = [each for each in configurations.CONFIGURATIONS if each.name in wanted]
        metafunc.parametrize("configuration", chosen, ids=[each.name for each in chosen], scope="module")


@pytest.fixture(scope="module")
def simulator(
    configuration: configurations.Configuration, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Simulator]:
    """A running simulator, one for each test module and configuration."""
    folder = tmp_path_factory.mktemp(configuration.name)
    settings = {"max_message_size": configuration.max_message_size}
    with Simulator(folder, board=configuration.board, settings=settings) as running:
        yield running


@pytest.fixture
def start_simulator(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Starts simulators with options of their own; they are stopped, and must end with 0, after the test."""
    with ExitStack() as stack:

        def start(*options: str, **arguments) -> Simulator:
            folder = tmp_path / f"simulator{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stack.enter_context(Simulator(folder, *options, **arguments))

        yield start


@pytest.fixture(autouse=True)
def strict_imap() -> Iterator[None]:
    """What an IMAP session has sent that is no IMAP fails the test, even if something has caught the exception."""
    imap_grammar.failures.clear()
    yield
    if imap_grammar.failures:
        raise imap_grammar.failures[0]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """Adds what the running simulators printed to the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for running in Simulator.running:
            report.sections.append((f"output of the simulator in {running.folder}", running.output()))
