"""What is frozen: the firmware's source with its constants put in place.

A name in a module costs heap on the board, a value in frozen bytecode costs none. So each use of a constant becomes
its value, and what nobody needs any more goes: the definitions and the imports of constants, `__all__`, and the two
names that Python gives to every class and that MicroPython itself never reads. A public constant stays if somewhere
an attribute of its name is read and it cannot be told of what. Every line stays where it was: a logged exception says
where in the source.

A `from` statement that imports nothing else becomes `__import__`, which takes no name: modules are loaded in the order
of the source. Without it some would be loaded later, at the end of a longer chain of imports, and that takes stack.

One module more is written, which nobody imports, with the names of all modules in it. MicroPython interns the full name
of each module that it imports, and the name of each that is taken from a package: in the heap and for good, unless the
frozen code has that name.

What runs beside the frozen firmware, as tests do, is converted in the same way (`convert_scripts`).
"""

import ast
import itertools
import shutil
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from postino_tools.constants import CONSTANT_NAME, Constants, Module, NotFreezable, Value, module_name

__all__ = ("NotFreezable", "convert", "convert_scripts", "write")

NAMES_OF_MODULES = Path("postino") / "names_of_modules.py"
FORGET_NAMES = "del __module__, __qualname__"


class Edit(NamedTuple):
    """New text in place of a part of a module's source, from and up to these octets."""

    start: int
    end: int
    text: str


def write(firmware: Path, target: Path) -> None:
    """Write the source to freeze, with the manifest, into a new folder `target`. Raises NotFreezable."""
    converted = convert(read(firmware))
    converted[NAMES_OF_MODULES] = _names_of_modules(converted)
    shutil.rmtree(target, ignore_errors=True)
    for path, text in converted.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(text)


def _names_of_modules(paths: Iterable[Path]) -> bytes:
    names = sorted(module_name(path) for path in paths if len(path.parts) > 1)
    imports = "".join(f"    import {name}\n" for name in names)
    attributes = "".join(f"    package.{last}\n" for last in sorted({name.rpartition(".")[2] for name in names}))
    return f"def names(package):\n{imports}{attributes}".encode()


def read(folder: Path) -> dict[Path, bytes]:
    """Return the Python files below a folder, by their paths in it."""
    files = sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
    return {path.relative_to(folder): path.read_bytes() for path in files}


def convert(sources: dict[Path, bytes]) -> dict[Path, bytes]:
    """Return what to freeze of these files; paths are relative to the firmware's folder. Raises NotFreezable."""
    tree = _Tree(sources, sources)
    return {module.path: _Conversion(module, tree).text() for module in tree.modules.values()}


def convert_scripts(scripts: dict[Path, bytes], firmware: dict[Path, bytes]) -> dict[Path, bytes]:
    """Return these files as they can run beside the frozen `firmware`. Paths are relative to where imports look.

    Their own constants stay: no others than the firmware's are put in place. Raises NotFreezable for what the firmware
    does not have any more once it is frozen.
    """
    tree = _Tree({**firmware, **scripts}, firmware)
    return {path: _Conversion(tree.modules[module_name(path)], tree).text() for path in scripts}


class _Tree:
    """Modules that import each other, and which constants go.

    These are the constants of the modules of `frozen` whose names are not read in one of them of nobody knows what.
    """

    def __init__(self, sources: dict[Path, bytes], frozen: Container[Path]) -> None:
        self.modules = {module.name: module for module in (Module(path, text) for path, text in sources.items())}
        firmware = [module for module in self.modules.values() if module.path in frozen]
        scripts = [module for module in self.modules.values() if module.path not in frozen]
        self.constants = Constants(self.modules, {module.name for module in firmware})
        # Every name is asked for: what is two things in one module is refused, used or not.
        names = {
            name
            for module in self.modules.values()
            for name in module.bindings
            if self.constants.value(module, name) is not None
        }
        unknown = {
            node.attr
            for module in firmware
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Attribute) and self.is_unknown(module, node)
        }
        self.going = {name for name in names if name.startswith("_") or name not in unknown}
        # Names that scripts give to things of their own.
        self.theirs = {name for module in scripts for name in module.bindings}

    def is_unknown(self, module: Module, node: ast.Attribute) -> bool:
        """Return whether it may be a constant that is read here, of nobody knows what."""
        return (
            CONSTANT_NAME.fullmatch(node.attr) is not None
            and not self._is_foreign(module, node.value)
            and self.constants.evaluate(module, node) is None
        )

    def _is_foreign(self, module: Module, owner: ast.expr) -> bool:
        """Return whether it is a module that is imported from elsewhere, or something in one."""
        bindings = module.bindings.get(owner.id, []) if isinstance(owner, ast.Name) else []
        return bool(bindings) and all(each.origin and each.origin[0] not in self.modules for each in bindings)


class _Conversion:
    """One module on its way."""

    def __init__(self, module: Module, tree: _Tree) -> None:
        self._module = module
        self._tree = tree
        self._constants = tree.constants
        self._lines = module.text.splitlines(keepends=True)
        self._starts = [0, *itertools.accumulate(len(line) for line in self._lines)]

    def text(self) -> bytes:
        """Return the source to freeze."""
        text = self._module.text
        for edit in sorted(self._edits(self._module.tree), reverse=True):
            text = text[: edit.start] + edit.text.encode() + text[edit.end :]
        return text

    def _edits(self, parent: ast.AST) -> Iterator[Edit]:
        """Yield the edits below a node; none lies in another."""
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.Assign) and parent is self._module.tree and self._is_definition_that_goes(node):
                yield self._replace(node, "")
            elif isinstance(node, ast.ImportFrom):
                yield from self._edit_import(node)
            elif isinstance(node, ast.Name | ast.Attribute) and (value := self._used(node)) is not None:
                yield self._put(node, value, parent)
            elif isinstance(node, ast.Call) and self._asks_by_name(node):
                raise self._error(node, "a constant is asked for by its name: it may not be there once it is frozen")
            elif isinstance(node, ast.JoinedStr):
                if any(True for _ in self._edits(node)):
                    # Python 3.11 does not tell where in the string.
                    raise self._error(node, "a constant in an f-string")
            else:
                if isinstance(node, ast.ClassDef):
                    yield from self._forget_names(node)
                yield from self._edits(node)

    def _is_definition_that_goes(self, node: ast.Assign) -> bool:
        target = node.targets[0]
        return isinstance(target, ast.Name) and (
            target.id == "__all__"
            or (target.id in self._tree.going and self._constants.value(self._module, target.id) is not None)
        )

    def _used(self, node: ast.Name | ast.Attribute) -> Value | None:
        """Return the value of the constant that is read here; None if it is anything else."""
        if isinstance(node, ast.Name):
            return self._constants.value(self._module, node.id) if isinstance(node.ctx, ast.Load) else None
        value = self._constants.evaluate(self._module, node)
        if value is not None and not isinstance(node.ctx, ast.Load):
            raise self._error(node, f"{node.attr} is a constant")
        if node.attr in self._tree.going - self._tree.theirs and self._tree.is_unknown(self._module, node):
            raise self._error(node, f"{node.attr} may be a constant that is not there once it is frozen")
        return value

    def _asks_by_name(self, node: ast.Call) -> bool:
        """Return whether getattr() or its kin is called with the name of a constant that goes."""
        names = [each.value for each in node.args[1:2] if isinstance(each, ast.Constant)]
        kin = ("getattr", "hasattr", "setattr", "delattr")
        return isinstance(node.func, ast.Name) and node.func.id in kin and bool(self._tree.going.intersection(names))

    def _put(self, node: ast.Name | ast.Attribute, value: Value, parent: ast.AST) -> Edit:
        if isinstance(parent, ast.Compare) and any(isinstance(each, ast.Is | ast.IsNot) for each in parent.ops):
            raise self._error(node, "a constant is no object to be told from equal ones")
        # No number can have a point behind it, no minus a power.
        bare = not isinstance(value, int) or (value >= 0 and not isinstance(parent, ast.Attribute))
        return self._replace(node, repr(value) if bare else f"({value})")

    def _forget_names(self, node: ast.ClassDef) -> Iterator[Edit]:
        """Take the names that Python gives to the class out of it, in a line that is there and empty, or not full."""
        first = node.body[0]
        if not isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            place = self._starts[first.lineno - 1] + first.col_offset
            yield Edit(place, place, FORGET_NAMES + "; ")
        elif (line := first.end_lineno or 0) < len(self._lines) and not self._lines[line].strip() and node.body[1:]:
            yield Edit(self._starts[line], self._starts[line], " " * first.col_offset + FORGET_NAMES)

    def _edit_import(self, node: ast.ImportFrom) -> Iterator[Edit]:
        kept = [alias for alias in node.names if not self._goes(node, alias)]
        if len(kept) == len(node.names):
            return
        names = ", ".join(f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in kept)
        if kept:
            yield self._replace(node, f"from {'.' * node.level}{node.module or ''} import {names}")
        else:
            yield self._replace(node, f'__import__("{self._module.origin(node)}")')

    def _goes(self, node: ast.ImportFrom, alias: ast.alias) -> bool:
        origin = self._module.origin(node)
        if alias.name == "*" and origin in self._tree.modules:
            raise self._error(node, "what is imported has to be named")
        if self._constants.exported(origin, alias.name) is None or alias.name not in self._tree.going:
            return False
        if alias.asname and alias.asname not in self._tree.going:
            raise self._error(node, f"{alias.name} is not there once it is frozen: {alias.asname} may be read")
        return True

    def _replace(self, node: ast.stmt | ast.expr, text: str) -> Edit:
        """Replace a node; all lines stay."""
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return Edit(start, end, text + "\n" * self._module.text.count(b"\n", start, end))

    def _error(self, node: ast.stmt | ast.expr, what: str) -> NotFreezable:
        return NotFreezable(f"{self._module.path}:{node.lineno}: {what}")
