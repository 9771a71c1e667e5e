"""Which names of the firmware are constants, and what they are worth: integers, octets, strings, and tuples of these.

A constant is bound once, at the top of its module: `NAME = expression`, of literals, operators and other constants. A
name that is imported from another module is one if it is one there. A tuple may have None in it.
"""

import ast
import operator
import re
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, NamedTuple

Value = int | bytes | str | tuple

CONSTANT_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*")

BINARY: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
UNARY: dict[type[ast.unaryop], Callable[..., Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}


def module_name(path: Path) -> str:
    """Return the dotted name of the module in a file; `path` is relative to the folder of the firmware."""
    return ".".join((path.parent if path.name == "__init__.py" else path.with_suffix("")).parts)


class NotFreezable(Exception):
    """The source cannot be frozen as it is; the message is one line with the file and the line number."""


class Binding(NamedTuple):
    """One place where a module gives a name a meaning."""

    line: int
    # In a function, a class or a comprehension.
    inner: bool
    # The expression of `NAME = expression` at the top of the module.
    expression: ast.expr | None = None
    # What is imported: a module, and the name in it, or "" for the module itself.
    origin: tuple[str, str] | None = None


class Module:
    """The source of one module, and what binds each of its names. Raises NotFreezable for a syntax error."""

    def __init__(self, path: Path, text: bytes) -> None:
        """Read the text of a file; `path` is relative to the folder of the firmware."""
        self.path = path
        self.text = text
        self.is_package = path.name == "__init__.py"
        self.name = module_name(path)
        try:
            self.tree = ast.parse(text)
        except SyntaxError as error:
            raise NotFreezable(f"{path}:{error.lineno}: SyntaxError: {error.msg}") from None
        binder = _Binder(self)
        binder.visit(self.tree)
        self.bindings = binder.bindings

    def origin(self, statement: ast.ImportFrom) -> str:
        """Return the absolute name of the module that a `from` statement imports from."""
        if not statement.level:
            return statement.module or ""
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        base = package[: len(package) - statement.level + 1]
        return ".".join([*base, *([statement.module] if statement.module else [])])


class _Binder(ast.NodeVisitor):
    """Collects the bindings of a module."""

    def __init__(self, module: Module) -> None:
        self.bindings: dict[str, list[Binding]] = {}
        self._module = module
        self._depth = 0

    def _bind(self, name: str, node: ast.AST, **meaning) -> None:
        line = getattr(node, "lineno", 0)
        self.bindings.setdefault(name, []).append(Binding(line, self._depth > 0, **meaning))

    def visit_Module(self, node: ast.Module) -> None:
        for statement in node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=expression):
                    self._bind(name, statement, expression=expression)
                    self.visit(expression)
                case _:
                    self.visit(statement)

    def _visit_scope(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._bind(node.name, node)
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _visit_scope  # noqa: N815
    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_scope  # noqa: N815

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id, node)

    def visit_arg(self, node: ast.arg) -> None:
        self._bind(node.arg, node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name, node)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        # Whatever the function assigns, it assigns at the top of the module.
        for name in node.names:
            self.bindings.setdefault(name, []).append(Binding(node.lineno, inner=False))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            self._bind(alias.asname or top, node, origin=(alias.name if alias.asname else top, ""))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name, node, origin=(self._module.origin(node), alias.name))


class Constants:
    """The constants of some modules that import each other."""

    def __init__(self, modules: dict[str, Module], defining: Container[str]) -> None:
        """Take the modules by their names; what those of `defining` define is a constant, elsewhere nothing is."""
        self._modules = modules
        self._defining = defining
        self._values: dict[tuple[str, str], Value | None] = {}

    def value(self, module: Module, name: str) -> Value | None:
        """Return what a name stands for anywhere in a module; None if it is no constant.

        Raises NotFreezable where the name of a constant means something else as well: in a function that has a
        variable of that name, say.
        """
        key = (module.name, name)
        if key not in self._values:
            # A constant that is made from itself is none.
            self._values[key] = None
            self._values[key] = self._value(module, name)
        return self._values[key]

    def exported(self, module_name: str, name: str) -> Value | None:
        """Return the constant that another module finds by this name."""
        module = self._modules.get(module_name)
        if module is None or all(binding.inner for binding in module.bindings.get(name, [])):
            return None
        return self.value(module, name)

    def module_of(self, module: Module, node: ast.expr) -> str | None:
        """Return the name of the firmware's module that an expression in `module` stands for."""
        if isinstance(node, ast.Attribute):
            package = self.module_of(module, node.value)
            return self._module_named(package, node.attr) if package else None
        if not isinstance(node, ast.Name):
            return None
        origins = {binding.origin for binding in module.bindings.get(node.id, [])}
        origin = origins.pop() if len(origins) == 1 else None
        return self._module_named(*origin) if origin else None

    def evaluate(self, module: Module, node: ast.expr) -> Value | None:
        """Return the value of an expression in `module` that is made of constants alone."""
        match node:
            case ast.Constant(value=value):
                return value if isinstance(value, int | bytes | str) and not isinstance(value, bool) else None
            case ast.Tuple(elts=elements):
                values = [self._element(module, element) for element in elements]
                return None if None in values else tuple(value[0] for value in values if value)
            case ast.Name(id=name):
                return self.value(module, name)
            case ast.Attribute(value=owner, attr=name):
                origin = self.module_of(module, owner)
                return self.exported(origin, name) if origin else None
            case ast.UnaryOp(op=operation, operand=operand) if type(operation) in UNARY:
                return _apply(UNARY[type(operation)], self.evaluate(module, operand))
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in BINARY:
                return _apply(BINARY[type(operation)], self.evaluate(module, left), self.evaluate(module, right))
        return None

    def _element(self, module: Module, node: ast.expr) -> tuple[Value | None] | None:
        """Return the value of an element of a tuple, in a tuple of its own; None if it is no constant."""
        if isinstance(node, ast.Constant) and node.value is None:
            return (None,)
        value = self.evaluate(module, node)
        return None if value is None else (value,)

    def _module_named(self, package: str, name: str) -> str | None:
        """Return the module of that name in a package, or the package itself; what it defines comes first."""
        full = f"{package}.{name}" if name else package
        if full not in self._modules or (package in self._modules and name in self._modules[package].bindings):
            return None
        return full

    def _value(self, module: Module, name: str) -> Value | None:
        bindings = module.bindings.get(name, [])
        values = [self._bound(module, name, binding) for binding in bindings]
        if all(value is None for value in values):
            return None
        if len(set(values)) == 1 and (len(values) == 1 or all(binding.origin for binding in bindings)):
            return values[0]
        imported = any(binding.origin and value is not None for binding, value in zip(bindings, values, strict=True))
        if not imported and sum(not binding.inner for binding in bindings) > 1:
            # A variable of the module.
            return None
        other = bindings[values.index(None if None in values else values[-1])]
        raise NotFreezable(f"{module.path}:{other.line}: {name} is a constant, and something else here")

    def _bound(self, module: Module, name: str, binding: Binding) -> Value | None:
        if binding.expression is not None:
            if module.name not in self._defining:
                return None
            return self.evaluate(module, binding.expression) if CONSTANT_NAME.fullmatch(name) else None
        return self.exported(*binding.origin) if binding.origin else None


def _apply(operation: Callable[..., Any], *operands: Value | None) -> Value | None:
    if any(type(operand) is not int for operand in operands) and not _are_joined(operation, operands):
        return None
    try:
        result = operation(*operands)
    except (ArithmeticError, ValueError):
        # The firmware finds out by itself.
        return None
    return result if type(result) in (int, bytes, str) else None


def _are_joined(operation: Callable[..., Any], operands: tuple[Value | None, ...]) -> bool:
    kinds = {type(operand) for operand in operands}
    return operation is operator.add and kinds in ({bytes}, {str})
