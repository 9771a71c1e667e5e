"""What each firmware module costs: bytes frozen into the flash, and bytes of heap once it is imported.

The heap is measured in the 32-bit runtime. Modules are imported after those they import themselves, so that each line
is the cost of one module alone.
"""

import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from postino_tools import runtime_build
from postino_tools.constants import module_name
from postino_tools.progress import fail

# These run the firmware when they are imported.
ENTRY_POINTS = ("boot", "main")

# A package that imports its own modules comes after them in the order. While they are loaded an empty module stands in
# for it, with the path to find them by; it makes room for the real one when its turn comes.
MEASURE = """
import gc, sys
stand_ins = {}

def make_room(name):
    stand_in = stand_ins.pop(name, None)
    if stand_in:
        del sys.modules[name]
    depth = name.count(".")
    for end in range(1, depth + 1):
        package = ".".join(name.split(".")[:end])
        if package not in sys.modules:
            stand_ins[package] = sys.modules[package] = __import__("stand_in_" + package.replace(".", "_"))
            sys.modules[package].__path__ = ".frozen/" + package.replace(".", "/")

for name in sys.argv[1:]:
    make_room(name)
    gc.collect()
    before = gc.mem_alloc()
    try:
        __import__(name)
    except ImportError:
        print(name, "-")
        continue
    gc.collect()
    print(name, gc.mem_alloc() - before)
"""


def imports(name: str, path: Path, known: set[str]) -> Iterator[str]:
    """Yield the firmware modules that a file imports when it is loaded, its packages first."""
    parts = name.split(".")
    yield from (".".join(parts[:depth]) for depth in range(1, len(parts)))
    package = parts if path.name == "__init__.py" else parts[:-1]
    for node in _loaded_statements(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            named = [f"{origin}.{alias.name}" for alias in node.names]
            yield from (module for module in (origin, *named) if module in known)


def _loaded_statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when the module is loaded: everything but the bodies of functions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from _loaded_statements(node)


def import_order(files: dict[str, Path]) -> list[str]:
    """Sort modules so that each comes after those it imports, as far as there is no circle."""
    order: dict[str, None] = {}
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name not in seen:
            seen.add(name)
            for needed in imports(name, files[name], set(files)):
                visit(needed)
            order[name] = None

    for name in sorted(files):
        visit(name)
    return list(order)


def frozen_bytes(path: Path) -> int:
    """Return the size of the bytecode that a file was frozen as, in bytes; 0 if it was not."""
    mpy = runtime_build.BUILD / "frozen_mpy" / path.relative_to(runtime_build.FROZEN).with_suffix(".mpy")
    return mpy.stat().st_size if mpy.exists() else 0


def measure(order: list[str]) -> dict[str, str]:
    """Import the modules in the runtime; return the heap of each in bytes, `-` for one that is for boards only."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "measure.py"
        script.write_text(MEASURE, encoding="ascii")
        for name in order:
            (Path(folder) / f"stand_in_{name.replace('.', '_')}.py").touch()
        run = subprocess.run(
            [runtime_build.BINARY, "-X", "heapsize=112k", script.name, *order],
            cwd=folder,
            env={**os.environ, "MICROPYPATH": ".frozen"},
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode:
        raise RuntimeError(f"the firmware cannot be imported: {run.stderr.strip().splitlines()[-1]}")
    return dict(line.split() for line in run.stdout.splitlines())


def main() -> int:
    """Print the table; return the exit status."""
    if not runtime_build.is_current():
        return fail("the runtime is not that of this firmware (make runtime)")
    paths = sorted(path for path in runtime_build.FROZEN.rglob("*.py") if path.name != "manifest.py")
    files = {module_name(path.relative_to(runtime_build.FROZEN)): path for path in paths}
    try:
        heap = measure([name for name in import_order(files) if name not in ENTRY_POINTS])
    except RuntimeError as error:
        return fail(str(error))
    print(f"{'module':32} {'frozen':>8} {'heap':>8}")
    for name, path in files.items():
        print(f"{name:32} {frozen_bytes(path):8} {heap.get(name, '-'):>8}")
    heap_total = sum(int(used) for used in heap.values() if used != "-")
    print(f"{'total':32} {sum(frozen_bytes(path) for path in paths):8} {heap_total:8}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
