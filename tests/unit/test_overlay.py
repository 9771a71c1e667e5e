"""Overlays: what is in use stays, what nobody uses goes after a while, and the heap is asked twice."""

import ast
import sys
from pathlib import Path

import pytest

from postino import overlay
from postino.imap import service as imap_service
from postino.imap import verbs
from postino.smtp import service as smtp_service


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    """Stands in for MicroPython: modules are made by the test, and forgetting takes them out of sys.modules."""
    monkeypatch.setattr(overlay, "_loaded", {})
    forgotten = []
    # `server` is there from the start.
    resident = {"server"}
    monkeypatch.setattr(overlay, "forget", forgotten.append)
    monkeypatch.setattr(overlay, "_is_there", lambda name: name in resident)
    return forgotten


def test_the_last_module_is_handed_out():
    with overlay.use(("dates", "log")) as module:
        assert module is sys.modules["postino.log"]


def test_what_is_in_use_is_not_forgotten(modules):
    with overlay.use(("dates",)):
        with overlay.use(("dates", "log")):
            pass
        overlay.forget_idle()
        assert modules == ["log"]
    overlay.forget_idle()
    assert modules == ["log", "dates"]


def test_what_was_used_lately_stays(modules):
    with overlay.use(("log",)):
        pass
    for _ in range(overlay.KEEP_ROUNDS - 1):
        overlay.tidy()
    assert not modules
    with overlay.use(("log",)):
        pass
    for _ in range(overlay.KEEP_ROUNDS - 1):
        overlay.tidy()
    assert not modules
    overlay.tidy()
    assert modules == ["log"]


def test_without_memory_the_idle_ones_go_and_it_is_tried_again(modules, monkeypatch):
    with overlay.use(("dates",)):
        pass
    real = overlay._import
    failures = [MemoryError()]

    def fail_once(name):
        if failures:
            raise failures.pop()
        return real(name)

    monkeypatch.setattr(overlay, "_import", fail_once)
    with overlay.use(("log",)) as module:
        assert module is sys.modules["postino.log"]
    assert "dates" in modules


def test_a_failure_leaves_nothing_in_use(monkeypatch):
    def fail(name):
        raise MemoryError

    monkeypatch.setattr(overlay, "_import", fail)
    with pytest.raises(MemoryError), overlay.use(("dates", "log")):
        pass
    assert all(times < overlay._USE for times in overlay._loaded.values())


def test_an_error_in_the_block_ends_the_use():
    with pytest.raises(ValueError), overlay.use(("log",)):
        raise ValueError
    assert overlay._loaded["log"] == 0


def test_what_was_there_before_is_not_counted_and_stays(modules):
    overlay.keep(("routing",))
    with overlay.use(("server", "log")):
        assert list(overlay._loaded) == ["log"]
    overlay.forget_idle()
    assert modules == ["log"]


def test_what_is_kept_is_not_counted_any_more(modules):
    with overlay.use(("log",)):
        pass
    overlay.keep(("log",))
    overlay.forget_idle()
    assert not modules


def test_what_cannot_be_forgotten_for_want_of_memory_goes_the_next_time(modules, monkeypatch):
    def fail(name):
        raise MemoryError

    real = overlay.forget
    with overlay.use(("log",)):
        pass
    monkeypatch.setattr(overlay, "forget", fail)
    with pytest.raises(MemoryError):
        overlay.forget_idle()
    monkeypatch.setattr(overlay, "forget", real)
    overlay.forget_idle()
    assert modules == ["log"] and not overlay._loaded


def test_one_use_ends_another_goes_on(modules):
    with overlay.use(("log",)), overlay.use(("log",)):
        pass
    with overlay.use(("log",)):
        with overlay.use(("log",)):
            pass
        for _ in range(2 * overlay.KEEP_ROUNDS):
            overlay.tidy()
        assert not modules
    assert overlay._loaded["log"] == 0


# What the firmware asks for ------------------------------------------------------------------------------------------

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware" / "postino"


def module_names() -> set[str]:
    return {".".join(path.relative_to(FIRMWARE).with_suffix("").parts) for path in FIRMWARE.rglob("*.py")}


def imports_of(name: str) -> set[str]:
    """The modules of the firmware, relative to the package, that a module imports when it is loaded."""
    path = FIRMWARE / (name.replace(".", "/") + ".py")
    package = name.split(".")[:-1]
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("postino.") for alias in node.names}
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = package[: len(package) + 1 - node.level] + ([node.module] if node.module else [])
        else:
            base = (node.module or "").split(".")
            base = base[1:] if base[0] == "postino" else ["-"]
        found.add(".".join(base))
        found |= {".".join([*base, alias.name]) for alias in node.names}
    return found & module_names()


def closure(names: set[str]) -> set[str]:
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            names |= imports_of(name)
    return found


# What is imported at start, and `dates`, which every line of the log needs.
RESIDENT = closure({"app", "board.unix", "store.store", "store.log_device", "dates"})
RESIDENT |= closure({"imap.service", "pop3.service", "smtp.service"})


def is_list_of_modules(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(name in module_names() for name in value)


def constants(tree: ast.Module) -> dict[str, object]:
    """The module's constants that can be known without running it."""
    found: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                expression = compile(ast.Expression(node.value), "constant", "eval")
                found[node.targets[0].id] = eval(expression, {"__builtins__": {}}, found)
            except (NameError, TypeError, AttributeError):
                continue
    return found


def asked_for() -> list[tuple[str, tuple[str, ...]]]:
    """Who asks for which modules: what stands in calls of overlay.use(), public lists, and the table of verbs."""
    found = [(entry[0].decode(), verbs.modules(entry)) for entry in verbs.VERBS]
    for path in sorted(FIRMWARE.rglob("*.py")):
        where = ".".join(path.relative_to(FIRMWARE).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        known = constants(tree)
        lists = [value for name, value in known.items() if not name.startswith("_")]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "overlay.use":
                argument = node.args[0]
                lists.append(known.get(argument.id) if isinstance(argument, ast.Name) else _literal(argument))
        found += [(where, names) for names in lists if is_list_of_modules(names)]
    return found


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


@pytest.mark.parametrize(("where", "names"), asked_for())
def test_everything_that_comes_is_named_and_goes_again(where, names):
    # Whoever asks is in use itself, with all that it imports.
    core = RESIDENT | (closure({where}) if where in module_names() else set())
    if not where.endswith(".service"):
        core |= set(smtp_service.RESIDENT if where.startswith("smtp.") else imap_service.RESIDENT)
    missing = closure(set(names)) - set(names) - core
    assert not missing, f"{where}: not named, so they would stay: {sorted(missing)}"


@pytest.mark.parametrize(("where", "names"), asked_for())
def test_leaves_come_first(where, names):
    for place, name in enumerate(names):
        late = imports_of(name) & set(names[place + 1 :])
        assert not late, f"{where}: {name} imports {sorted(late)}, which come later"
