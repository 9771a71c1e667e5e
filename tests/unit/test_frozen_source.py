"""What is frozen: constants are numbers, nobody's names are gone, and it is the firmware all the same.

The firmware as a whole is held against its source as it stands: frozen_probe.py says what a tree defines and answers.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from postino_tools import frozen_source, runtime_build
from postino_tools.constants import CONSTANT_NAME, module_name
from postino_tools.frozen_source import NotFreezable

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
PROBE = Path(__file__).with_name("frozen_probe.py")
# Those that import without MicroPython: all but a few.
MOST_MODULES = 100


def convert(**files: str) -> dict[str, str]:
    """Converts modules of a package `p`: `a` is p/a.py, `p` the package itself."""
    names = {f"p/{'__init__' if name == 'p' else name}.py": text for name, text in {"p": "", **files}.items()}
    done = frozen_source.convert({Path(name): text.encode() for name, text in names.items()})
    return {path.stem.replace("__init__", "p"): text.decode() for path, text in done.items()}


def alone(text: str) -> str:
    return convert(a=text)["a"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("64", "64"),
        ("0xFFFFFFFF", "4294967295"),
        ("(1 << 63) - 1", str(2**63 - 1)),
        ("-3", "(-3)"),
        ("~5 + 7 // 2 % 2", "(-5)"),
        ("2 ** 4 | 1 ^ 3 & 2", "19"),
        ("256 >> 2 * +1", "64"),
    ],
)
def test_a_constant_becomes_its_number(expression, value):
    assert alone(f"_A = {expression}\ndef f(x=_A):\n    return x[_A:]\n") == (
        f"\ndef f(x={value}):\n    return x[{value}:]\n"
    )


def test_constants_are_made_of_others_in_any_order_of_modules():
    done = convert(
        a="from p.b import B\nfrom . import c\n_A = B * c.C + _D\n_D = 1\nprint(_A)\n",
        b="from .c import C as _C\nB = _C + 1\n",
        c="C = 6\n",
    )
    assert done["a"] == '__import__("p.b")\nfrom . import c\n\n\nprint(43)\n'
    assert done["b"] == '__import__("p.c")\n\n'
    assert done["c"] == "\n"


@pytest.mark.parametrize(
    "text",
    [
        "_A = True\nprint(_A)\n",
        "_A = b'x' * 3\nprint(_A)\n",
        "_A = b'%d' % 3\nprint(_A)\n",
        "_A = b'x' + 'x'\nprint(_A)\n",
        "_A = (1, x)\nprint(_A)\n",
        "_A = (1, *x)\nprint(_A)\n",
        "_A = (1, 2) + (3,)\nprint(_A)\n",
        "_A = [1, 2]\nprint(_A)\n",
        "_A = 1.5\nprint(_A)\n",
        "_A = len('x')\nprint(_A)\n",
        "_A = 1 // 0\nprint(_A)\n",
        "_A = 1 << -1\nprint(_A)\n",
        "_A = 2 ** -1\nprint(_A)\n",
        "_A = _A + 1\nprint(_A)\n",
        "_a = 1\nprint(_a)\n",
        "_A = _B = 1\nprint(_A)\n",
        "if x:\n    _A = 1\nelse:\n    _A = 2\nprint(_A)\n",
        "_A = 1\n_A = 2\nprint(_A)\n",
        "_A = 1\n_A += 2\nprint(_A)\n",
        "_A = 1\nfor _A in x:\n    print(_A)\n",
        "_A = 0\ndef f():\n    global _A\n    _A += 1\n",
        "import sys\nprint(sys.MAX)\n",
    ],
)
def test_what_is_no_constant_is_left_alone(text):
    assert alone(text) == text


def test_the_constant_of_a_class_is_none():
    text = "class C:\n    'C'\n    _A = 1\n    def f(self):\n        return self._A\n"
    assert alone(text) == text.replace("'C'", "del __module__, __qualname__; 'C'")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("b'x\\n' b'y'", "b'x\\ny'"),
        ("b'x' + b'y'", "b'xy'"),
        ("'x' + 'ü'", "'xü'"),
        ("()", "()"),
        ("(1,)", "(1,)"),
        ("(1 + 1, b'x', 'y', None, (b'z', -1))", "(2, b'x', 'y', None, (b'z', -1))"),
    ],
)
def test_octets_strings_and_tuples_are_constants_too(expression, value):
    assert alone(f"_A = {expression}\nprint(_A, _A[0])\n") == f"\nprint({value}, {value}[0])\n"


def test_public_constants_and_all_go_as_well():
    assert alone("__all__ = ('A', 'f')\nA = 5\nB = A | 2\nprint(A)\n") == "\n\n\nprint(5)\n"


def test_what_is_read_of_nobody_knows_what_stays():
    done = convert(
        a="A = 5\nB = 6\ndef f(module):\n    return module.A + A\n", b="from .a import A, B\nprint(A, B)\n", c="A = 7"
    )
    assert done["a"] == "A = 5\n\ndef f(module):\n    return module.A + 5\n"
    assert done["b"] == "from .a import A\nprint(5, 6)\n"
    assert done["c"] == "A = 7"


def test_what_is_read_of_a_module_from_elsewhere_is_another_name():
    assert alone("import sys\nMAX = 5\nprint(sys.MAX, MAX)\n") == "import sys\n\nprint(sys.MAX, 5)\n"


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("class C:\n    x = 1\n", "class C:\n    {}; x = 1\n"),
        ("class C(E):\n    'C.'\n\n    def f(self):\n        pass\n", "class C(E):\n    {}; 'C.'\n\n    def f"),
        (
            "class C:\n    def f(self):\n        pass\n\n    def g(self):\n        pass\n",
            "class C:\n    def f(self):\n        pass\n    {}\n    def g",
        ),
        ("class C:\n    @p\n    def f(self):\n        pass\n", "class C:\n    @p\n    def f(self):\n        pass\n"),
        ("class C:\n    def f(self):\n        pass\n\nx = 1", "class C:\n    def f(self):\n        pass\n\nx = 1"),
    ],
)
def test_classes_forget_the_names_that_python_gives_them(text, done):
    assert alone(text).startswith(done.format(frozen_source.FORGET_NAMES))
    exec(alone(text), {"__name__": "a", "E": Exception, "p": property})


def test_scripts_get_the_constants_of_the_firmware_and_keep_their_own():
    firmware = {Path("p/__init__.py"): b"", Path("p/a.py"): b"A = 5\nB = 6\n"}
    text = "from p import a\nfrom p.a import B\n\nA = a.A + B\n_C = 1\n\ndef f(x):\n    return A + _C + x.A\n"
    done = frozen_source.convert_scripts({Path("s.py"): text.encode()}, firmware)
    expected = text.replace("a.A + B", "5 + 6").replace("from p.a import B", '__import__("p.a")')
    assert done == {Path("s.py"): expected.encode()}


def test_a_script_that_asks_for_what_is_gone_is_refused():
    firmware = {Path("p/__init__.py"): b"", Path("p/a.py"): b"GONE = 5\n"}
    with pytest.raises(NotFreezable, match=r"^s\.py:2: GONE may be a constant that is not there once it is frozen"):
        frozen_source.convert_scripts({Path("s.py"): b"def f(x):\n    return x.GONE\n"}, firmware)


def test_strings_comments_and_other_names_are_left_alone():
    text = '"""A: _A."""\nprint("_A", x._B, f(_A=1), {_A})  # _A\n'
    assert alone("_A = 7  # seven\n" + text) == "  # seven\n" + text.replace("{_A}", "{7}")


def test_places_are_found_behind_letters_of_several_octets():
    assert alone("_A = 7\nprint('€', _A, 'ü', _A)\n") == "\nprint('€', 7, 'ü', 7)\n"


def test_a_number_has_no_point_behind_it():
    assert alone("_A = 7\nprint(_A.to_bytes(2, 'big'))\n") == "\nprint((7).to_bytes(2, 'big'))\n"


def test_all_lines_stay_where_they_were():
    done = convert(
        a="_A = (\n    1 +\n    2\n)\nfrom p.b import (\n    B,\n    f as g,\n)\ndef h():\n    g(_A, B)\n", b="B = 4"
    )
    assert done["a"] == "\n\n\n\nfrom p.b import f as g\n\n\n\ndef h():\n    g(3, 4)\n"


def test_an_import_that_imports_nothing_else_loads_its_module():
    done = convert(
        a="from .b import B\ndef f():\n    from p.b import B\n    return B\ndef g():\n    from p.b import B\n",
        b="B = 4",
    )
    load = '__import__("p.b")\n'
    assert done["a"] == f"{load}def f():\n    {load}    return 4\ndef g():\n    {load}"


def test_attributes_of_modules_become_numbers():
    done = convert(
        a="from . import b\nimport p.b\nimport p.b as c\nprint(b.B, p.b.B, c.B, b.f, b.x.B)\n",
        b="B = 4",
    )
    assert done["a"] == "from . import b\nimport p.b\nimport p.b as c\nprint(4, 4, 4, b.f, b.x.B)\n"


def test_an_object_with_the_name_of_a_module_is_not_the_module():
    text = "from . import b\ndef f(b):\n    return b.B\n"
    assert convert(a=text, b="B = 4")["a"] == text


def test_a_name_of_the_package_comes_before_its_module():
    done = convert(p="from q import b\n", a="from p import b\nprint(b.B)\n", b="B = 4\n")
    assert done["a"] == "from p import b\nprint(b.B)\n"


def test_what_a_package_hands_on_goes_too():
    done = convert(
        p="from .b import A, B, _C\nprint(A, _C)\n", a="from . import A, f\nprint(A)\n", b="A = B = 1\nA = 4\n_C = 2\n"
    )
    assert done["p"] == "from .b import A, B\nprint(A, 2)\n"
    assert done["a"] == "from . import A, f\nprint(A)\n"
    done = convert(p="from .b import A, f\n", a="from . import A, f\nprint(A)\n", b="A = 4\ndef f():\n    pass\n")
    assert done["p"] == "from .b import f\n"
    assert done["a"] == "from . import f\nprint(4)\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("_A = 1\ndef f(_A):\n    return _A\n", "a.py:2: _A"),
        ("_A = 1\ndef f():\n    _A = 3\n", "a.py:3: _A"),
        ("_A = 1\nclass C:\n    _A = 3\n", "a.py:3: _A"),
        ("_A = 1\nx = [_A for _A in y]\n", "a.py:2: _A"),
        ("_A = 1\ndef f():\n    try:\n        g()\n    except E as _A:\n        pass\n", "a.py:5: _A"),
        ("from p.b import B\nB += 1\n", "a.py:2: B"),
        ("try:\n    from p.b import B\nexcept ImportError:\n    B = 0\n", "a.py:4: B"),
        ("def f():\n    from p.b import B\ndef g():\n    B = 0\n", "a.py:4: B"),
        ("from . import b\n\nb.B = 3\n", "a.py:3: B"),
        ("from . import b\n\ndel b.B\n", "a.py:3: B"),
        ("_A = 1\nprint(f'{_A}')\n", "a.py:2: a constant in an f-string"),
        ("_A = b'x'\nprint(f'{_A}')\n", "a.py:2: a constant in an f-string"),
        ("_A = b'x'\nprint(x is _A)\n", "a.py:2: a constant is no object"),
        ("_A = (1, 2)\nprint(_A is not x)\n", "a.py:2: a constant is no object"),
        ("def f(x):\n    return x._PRIVATE\n", "a.py:2: _PRIVATE"),
        ("from .b import B as C\ndef f(x):\n    return x.C\n", "a.py:1: B is not there"),
        ("def f(x):\n    return getattr(x, 'B', None)\n", "a.py:2: a constant is asked for by its name"),
        ("from p.b import *\n", "a.py:1: what is imported"),
        ("x = 1\ny = = 2\n", "a.py:2: SyntaxError"),
    ],
)
def test_what_cannot_be_told_is_refused_with_its_place(text, place):
    with pytest.raises(NotFreezable, match=f"^p/{place}"):
        convert(a=text, b="B = 4\n_PRIVATE = 4\nprint(_PRIVATE)\n")


def test_the_build_says_what_is_wrong_and_where(tmp_path, monkeypatch):
    (tmp_path / "boot.py").write_text("_A = 1\n\n\ndef f(_A):\n    pass\n", encoding="ascii")
    monkeypatch.setattr(runtime_build, "FIRMWARE", tmp_path)
    monkeypatch.setattr(runtime_build, "FROZEN", tmp_path / "frozen")
    with pytest.raises(runtime_build.BuildFailed, match=r"^runtime: boot\.py:4: _A is a constant"):
        runtime_build._write_frozen_source()
    assert not (tmp_path / "frozen").exists()


# ---- the firmware ----


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree that is frozen, with an old file in it that has to go."""
    folder = tmp_path_factory.mktemp("frozen") / "firmware"
    folder.mkdir()
    (folder / "old.py").touch()
    frozen_source.write(FIRMWARE, folder)
    return folder


def trees(folder: Path) -> dict[str, ast.Module]:
    return {
        str(path.relative_to(folder)): ast.parse(path.read_bytes())
        for path in sorted(folder.rglob("*.py"))
        if "__pycache__" not in path.parts
    }


def probe(folder: Path) -> dict:
    run = subprocess.run(
        [sys.executable, "-B", PROBE, folder], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def probed(frozen: Path) -> tuple[dict, dict]:
    """What the probe says of the source as it stands, and of what is frozen."""
    return probe(FIRMWARE), probe(frozen)


def imported(tree: ast.Module) -> set[str]:
    """The names that a module imports from others of the firmware."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("postino"))
        for alias in node.names
    }


def test_every_file_is_there_with_its_manifest(frozen):
    assert sorted(trees(frozen)) == sorted([*trees(FIRMWARE), str(frozen_source.NAMES_OF_MODULES)])
    assert (frozen / "manifest.py").read_bytes() == (FIRMWARE / "manifest.py").read_bytes()


def test_the_names_of_all_modules_are_interned(frozen):
    """MicroPython would intern them in the heap."""
    tree = trees(frozen)[str(frozen_source.NAMES_OF_MODULES)]
    written = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    last = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    there = {module_name(Path(path)) for path in trees(FIRMWARE) if path.startswith("postino")}
    assert written == there
    assert last >= {part for name in there for part in name.split(".")} - {"postino"}


def test_every_definition_is_in_its_line(frozen):
    def definitions(folder):
        return {
            name: [
                (node.name, node.lineno, node.end_lineno)
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            ]
            for name, tree in trees(folder).items()
            if name != str(frozen_source.NAMES_OF_MODULES)
        }

    assert definitions(frozen) == definitions(FIRMWARE)
    lines = {path.name: path.read_bytes().count(b"\n") for path in frozen.rglob("*.py")}
    assert {name: count for name, count in lines.items() if name != frozen_source.NAMES_OF_MODULES.name} == {
        path.name: path.read_bytes().count(b"\n") for path in FIRMWARE.rglob("*.py")
    }


def read_somewhere() -> set[str]:
    """The names of attributes that the firmware reads, whatever of."""
    return {
        node.attr for tree in trees(FIRMWARE).values() for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }


def test_no_module_keeps_a_constant_that_nobody_can_read(frozen):
    kept = [
        (name, target.id)
        for name, tree in trees(frozen).items()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name)
        if isinstance(node.value, ast.Constant | ast.Tuple) and CONSTANT_NAME.fullmatch(target.id)
        if not isinstance(node.value, ast.Constant) or isinstance(node.value.value, int | bytes | str)
    ]
    assert {name for _, name in kept} <= read_somewhere()
    # The last words of the three protocols are most of them.
    assert 10 < len(kept) < 40


def test_the_names_are_the_same_but_for_the_constants(probed):
    source, frozen = (each["names"] for each in probed)
    compared = gone = 0
    for module, names in source.items():
        if names is not None:
            left = {name: value for name, value in frozen[module].items() if name != "names_of_modules"}
            lost = {name: value for name, value in names.items() if name not in left}
            assert left == {name: value for name, value in names.items() if name not in lost}, module
            for name, value in lost.items():
                constant = value == "tuple" or value.startswith(("b'", 'b"', "'", '"')) or value.lstrip("-").isdigit()
                assert CONSTANT_NAME.fullmatch(name) and constant, f"{module}.{name}"
            compared += 1
            gone += len(lost)
    assert compared > MOST_MODULES
    assert gone > 300


def test_the_pure_modules_answer_the_same(probed):
    source, frozen = (each["answers"] for each in probed)
    assert len(set(source)) > 200
    assert frozen == source
