"""Small mistakes made from the syntax tree of the commit and recovery code, the same ones each time.

Of every module so many are taken as QUOTAS says: one of each kind of mistake after the other, those first whose names
have the lowest hash. So most of them stay the same when something else in the module changes.
"""

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from tests.crash.mutants.mutant import Mutant, source_of

SEED = 20261124
FOLDER = "postino/store"
# Mutants of each module: most where a transaction is committed and where it is found again.
QUOTAS = {
    "log": 8,
    "log_scan": 6,
    "log_reader": 4,
    "records": 3,
    "recovery": 6,
    "letters": 4,
    "slots": 3,
    "state": 3,
    "fold": 4,
    "keeper": 4,
    "mailbox": 2,
    "transfer": 2,
    "folders": 2,
    "nonexistent": 3,
    "store": 2,
    "delivery": 2,
    "appending": 3,
    "counting": 3,
    "counts": 1,
    "snapshot": 2,
    "trailer": 1,
    "loading": 1,
    "space": 1,
}
# Characters of an expression in a name, and of what is on each side of it.
LONGEST = 90
LONGEST_BESIDE = 45

SWAPPED = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
# Calls that only put text together for people.
REPORTS = {"report", "_report", "tell"}
# Calls whose arguments are only for people.
TEXTS = {*REPORTS, "damage"}


class Change(NamedTuple):
    """These octets of the source are replaced; `before` and `after` say it in the mutant's name."""

    place: str
    start: int
    end: int
    text: bytes
    before: str
    after: str


class Source:
    """A module and its syntax tree."""

    def __init__(self, text: str) -> None:
        self.octets = text.encode()
        self.tree = ast.parse(text)
        self._lines = [0]
        for line in self.octets.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def span(self, node) -> tuple[int, int]:
        start = self._lines[node.lineno - 1] + node.col_offset
        return start, self._lines[node.end_lineno - 1] + node.end_col_offset

    def text(self, node) -> str:
        start, end = self.span(node)
        return self.octets[start:end].decode()

    def place(self, node) -> str:
        """The class and function that it is in."""
        names = []
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.append(node.name)
        return ".".join(reversed(names)) or "module"

    def function(self, node):
        while node in self.parents and not isinstance(node, ast.FunctionDef):
            node = self.parents[node]
        return node if isinstance(node, ast.FunctionDef) else None

    def counts(self, node) -> bool:
        """It is not part of a report, of an annotation, of the text of an error, or of a default."""
        while node in self.parents:
            parent = self.parents[node]
            if isinstance(parent, ast.Raise | ast.arguments | ast.arg):
                return False
            if isinstance(parent, ast.Call) and _called(parent) in TEXTS:
                return False
            if isinstance(parent, ast.FunctionDef) and node is parent.returns:
                return False
            node = parent
        return True

    def change(self, node, text: str, about=None) -> Change:
        """`node` becomes `text`; the name shows the expression `about` around it."""
        start, end = self.span(node)
        outer, last = self.span(about or node)
        # Of a long one, what is beside the change.
        head = _line(self.octets[outer:start])[-LONGEST_BESIDE:]
        tail = _line(self.octets[end:last])[:LONGEST_BESIDE]
        before = head + _short(_line(self.octets[start:end])) + tail
        return Change(self.place(node), start, end, text.encode(), before, head + _short(text) + tail)


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _line(octets: bytes) -> str:
    """On one line; blanks at the ends stay, one of each."""
    return re.sub(r"\s+", " ", octets.decode())


def _short(text: str) -> str:
    text = _line(text.encode())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _conditions(source: Source, node) -> Iterator[Change]:
    """A condition is turned round."""
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.Constant):
        yield source.change(node.test, f"not ({source.text(node.test)})")


def _comparisons(source: Source, node) -> Iterator[Change]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = source.text(node.left), source.text(node.comparators[0])
        yield source.change(node, f"{left} {SWAPPED[type(node.ops[0])]} {right}")


def _logic(source: Source, node) -> Iterator[Change]:
    if isinstance(node, ast.BoolOp):
        word = " or " if isinstance(node.op, ast.And) else " and "
        text = word.join(f"({source.text(value)})" for value in node.values)
        yield source.change(node, f"({text})")


def _numbers(source: Source, node) -> Iterator[Change]:
    """One more, and one less where that is not below 0."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        about = source.parents[node]
        if isinstance(about, ast.Subscript):
            # Another field: any test finds that.
            return
        if not isinstance(about, ast.expr | ast.Assign | ast.AugAssign | ast.Return):
            about = node
        yield source.change(node, str(node.value + 1), about)
        if node.value > 0:
            yield source.change(node, str(node.value - 1), about)


def _extremes(source: Source, node) -> Iterator[Change]:
    if isinstance(node, ast.Call) and _called(node) in ("min", "max"):
        other = "max" if _called(node) == "min" else "min"
        yield source.change(node.func, other, node)


def _statements(source: Source, node) -> Iterator[Change]:
    """A call, or an assignment to what outlives the function, is left out."""
    function = source.function(node)
    if function is None or function.name == "__init__":
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        lost = _called(node.value) not in REPORTS
    elif isinstance(node, ast.Assign):
        lost = all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    else:
        lost = isinstance(node, ast.AugAssign)
    if lost:
        yield source.change(node, "pass")._replace(after="(left out)")


def _answers(source: Source, node) -> Iterator[Change]:
    """A function answers the contrary, or one more."""
    function = source.function(node)
    if not isinstance(node, ast.Return) or node.value is None or function is None or function.returns is None:
        return
    kind = source.text(function.returns)
    if kind == "bool":
        known = {"True": "False", "False": "True"}.get(source.text(node.value))
        yield source.change(node.value, known or f"not ({source.text(node.value)})", node)
    elif kind == "int" and not isinstance(node.value, ast.Constant):
        yield source.change(node.value, f"({source.text(node.value)}) + 1", node)


OPERATORS = (_conditions, _comparisons, _logic, _numbers, _extremes, _statements, _answers)


def of_module(module: str) -> list[Mutant]:
    """All that there are, those to be taken first at the beginning."""
    source = Source(source_of(f"{FOLDER}/{module}.py"))
    seen: Counter[str] = Counter()
    kinds: dict[str, list[Mutant]] = {operator.__name__: [] for operator in OPERATORS}
    for node in ast.walk(source.tree):
        if not source.counts(node):
            continue
        for operator in OPERATORS:
            for change in operator(source, node):
                kinds[operator.__name__].append(_mutant(module, source, change, seen))
    for found in kinds.values():
        found.sort(key=lambda mutant: _rank(mutant.name))
    order = sorted(kinds, key=lambda kind: _rank(f"{module} {kind}"))
    rounds = zip_longest(*(kinds[kind] for kind in order))
    return [mutant for each in rounds for mutant in each if mutant is not None]


def _mutant(module: str, source: Source, change: Change, seen: Counter[str]) -> Mutant:
    name = f"{module}, {change.place}: {change.before} -> {change.after}"
    seen[name] += 1
    if seen[name] > 1:
        name += f" ({seen[name]})"
    content = source.octets[: change.start] + change.text + source.octets[change.end :]
    return Mutant(name, f"{FOLDER}/{module}.py", content.decode())


def _rank(name: str) -> bytes:
    return hashlib.blake2b(f"{SEED} {name}".encode(), digest_size=8).digest()


def chosen(count: int) -> list[Mutant]:
    """About so many, spread over the modules."""
    total = sum(QUOTAS.values())
    result = []
    for module, quota in QUOTAS.items():
        result += of_module(module)[: max(1, round(count * quota / total))]
    return result
