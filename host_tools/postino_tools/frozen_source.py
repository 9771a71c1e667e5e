"""What is frozen: the firmware's source with its integer constants put in place.

A name in a module costs heap on the board, a number in frozen bytecode costs none. So each use of a constant becomes
its number, and what nobody needs any more goes: the definitions of private constants, and the imports of all. Public
definitions stay, as do imports at the top of a package's `__init__`, for whoever reads them there. Every line stays
where it was: a logged exception says where in the source.

A `from` statement that imports nothing else becomes `__import__`, which takes no name: modules are loaded in the order
of the source. Without it some would be loaded later, at the end of a longer chain of imports, and that takes stack.
"""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from postino_tools.int_constants import CONSTANT_NAME, Constants, Module, NotFreezable

__all__ = ("NotFreezable", "convert", "write")


class Edit(NamedTuple):
    """New text in place of a part of a module's source, from and up to these octets."""

    start: int
    end: int
    text: str


def write(firmware: Path, target: Path) -> None:
    """Write the source to freeze, with the manifest, into a new folder `target`. Raises NotFreezable."""
    files = sorted(path for path in firmware.rglob("*.py") if "__pycache__" not in path.parts)
    converted = convert({path.relative_to(firmware): path.read_bytes() for path in files})
    shutil.rmtree(target, ignore_errors=True)
    for path, text in converted.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(text)


def convert(sources: dict[Path, bytes]) -> dict[Path, bytes]:
    """Return what to freeze of these files; paths are relative to the firmware's folder. Raises NotFreezable."""
    modules = {module.name: module for module in (Module(path, text) for path, text in sources.items())}
    constants = Constants(modules)
    # Every name is asked for: what is two things in one module is refused, used or not.
    numbers = {
        name for module in modules.values() for name in module.bindings if constants.value(module, name) is not None
    }
    private = {name for name in numbers if name.startswith("_")}
    return {module.path: _Conversion(module, modules, constants, private).text() for module in modules.values()}


class _Conversion:
    """One module on its way: `private` are the constants whose definitions go, in any module."""

    def __init__(self, module: Module, modules: dict[str, Module], constants: Constants, private: set[str]) -> None:
        self._module = module
        self._modules = modules
        self._constants = constants
        self._private = private
        self._starts = [0]
        for line in module.text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def text(self) -> bytes:
        """Return the source to freeze."""
        text = self._module.text
        for edit in sorted(self._edits(self._module.tree), reverse=True):
            text = text[: edit.start] + edit.text.encode() + text[edit.end :]
        return text

    def _edits(self, parent: ast.AST) -> Iterator[Edit]:
        """Yield the edits below a node; none lies in another."""
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.Assign) and self._is_private_definition(node, parent):
                yield self._replace(node, "")
            elif isinstance(node, ast.ImportFrom):
                yield from self._edit_import(node, at_top=parent is self._module.tree)
            elif isinstance(node, ast.Name | ast.Attribute) and (value := self._used(node)) is not None:
                # No number can have a point behind it.
                bare = value >= 0 and not isinstance(parent, ast.Attribute)
                yield self._replace(node, str(value) if bare else f"({value})")
            elif isinstance(node, ast.JoinedStr):
                if any(True for _ in self._edits(node)):
                    # Python 3.11 does not tell where in the string.
                    raise self._error(node, "an integer constant in an f-string")
            else:
                yield from self._edits(node)

    def _is_private_definition(self, node: ast.Assign, parent: ast.AST) -> bool:
        target = node.targets[0]
        return (
            parent is self._module.tree
            and isinstance(target, ast.Name)
            and target.id.startswith("_")
            and self._constants.value(self._module, target.id) is not None
        )

    def _used(self, node: ast.Name | ast.Attribute) -> int | None:
        """Return the value of the constant that is read here; None if it is anything else."""
        if isinstance(node, ast.Name):
            return self._constants.value(self._module, node.id) if isinstance(node.ctx, ast.Load) else None
        value = self._constants.evaluate(self._module, node)
        if value is not None and not isinstance(node.ctx, ast.Load):
            raise self._error(node, f"{node.attr} is an integer constant")
        if value is None and node.attr in self._private and CONSTANT_NAME.fullmatch(node.attr):
            raise self._error(node, f"{node.attr} may be a constant that is not there once it is frozen")
        return value

    def _edit_import(self, node: ast.ImportFrom, at_top: bool) -> Iterator[Edit]:
        kept = [alias for alias in node.names if not self._goes(node, alias, at_top)]
        if len(kept) == len(node.names):
            return
        names = ", ".join(f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in kept)
        if kept:
            yield self._replace(node, f"from {'.' * node.level}{node.module or ''} import {names}")
        else:
            yield self._replace(node, f'__import__("{self._module.origin(node)}")')

    def _goes(self, node: ast.ImportFrom, alias: ast.alias, at_top: bool) -> bool:
        origin = self._module.origin(node)
        if alias.name == "*" and origin in self._modules:
            raise self._error(node, "what is imported has to be named")
        if self._constants.exported(origin, alias.name) is None:
            return False
        if not (self._module.is_package and at_top) or alias.name.startswith("_"):
            return True
        source = self._modules[origin]
        if not source.is_package and source.bindings[alias.name][0].origin:
            raise self._error(node, f"{alias.name} is not there once it is frozen: import it from its own module")
        return False

    def _replace(self, node: ast.stmt | ast.expr, text: str) -> Edit:
        """Replace a node; all lines stay."""
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return Edit(start, end, text + "\n" * self._module.text.count(b"\n", start, end))

    def _error(self, node: ast.stmt | ast.expr, what: str) -> NotFreezable:
        return NotFreezable(f"{self._module.path}:{node.lineno}: {what}")
