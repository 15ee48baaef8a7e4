"""Generated text that runs by itself gives the numbers of the live function, bit by bit."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import io
import pickle
import re
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle import entries

from srcad import runtime
from srcad.api import grad, jvp, source, value_and_grad
from srcad.emitter.standalone import standalone_text
from srcad.emitter.statements import Emitted
from srcad.errors import SrcadError

# Reads pickled rows (text, function, arguments, keyword arguments) in a process that cannot
# import srcad, and writes the pickled results; the text is all that the namespace has.
RUNNER = """
import sys, pickle, io, contextlib
sys.modules["srcad"] = None
results = []
for text, name, args, kwargs in pickle.load(sys.stdin.buffer):
    namespace = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(text, namespace)
        results.append(namespace[name](*args, **kwargs))
sys.stdout.buffer.write(pickle.dumps(results))
"""

HELPERS = [
    f for f in vars(runtime).values()
    if isinstance(f, types.FunctionType) and f.__module__ == runtime.__name__
]  # fmt: skip


def run_alone(rows: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]]) -> list[Any]:
    """The results of functions of texts in a process of their own."""
    child = subprocess.run(
        [sys.executable, "-I", "-c", RUNNER], input=pickle.dumps(rows), capture_output=True,
        check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr.decode()
    return pickle.loads(child.stdout)


def run_text(text: str, name: str, *args: Any) -> Any:
    return run_alone([(text, name, args, {})])[0]


def bits(value: Any) -> Any:
    """All that can be seen of a value."""
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    if isinstance(value, (np.ndarray, np.generic)):
        return type(value), value.dtype, value.shape, value.tobytes()
    return type(value), repr(value)


def module_of(path: Path, text: str) -> types.ModuleType:
    """A module of a file with this text."""
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------- numbers
def test_texts_of_the_corpus_give_the_live_numbers() -> None:
    cases = [next(iter(entry.cases())) for entry in entries()]
    cases = [
        c
        for c in cases
        if c.settings.scalar and not (c.settings.error or c.settings.not_yet)
    ]
    cases = [c for c in cases if not c.settings.typed]
    rows, live, names, outside = [], [], [], []
    for k, case in enumerate(cases):
        if k % 3 == 2:
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            case.call(*case.args())  # fills the cache that a function may keep in a global
        # Generic text calls the helpers, typed text hardly any.
        generic = k % 3 == 1 and not case.settings.typed
        transform = value_and_grad(case.function, argnums=case.argnums, generic=generic)
        bound = transform.bind(case.args(), case.kwargs())
        compiled = transform.compiled(bound.arguments)
        try:
            text = standalone_text(compiled.emitted, case.function)
        except SrcadError as error:  # it reads an array, a list or a class of its module
            assert "cannot stand alone, because it reads" in str(error)
            outside.append(str(case))
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            live.append(compiled.run(*bound.args, **bound.kwargs))
        rows.append((text, compiled.emitted.name, case.args(), case.kwargs()))
        names.append(str(case))
    assert len(rows) > 1000 and len(outside) < 0.02 * len(cases), outside
    different = {
        name: (alone, expected)
        for name, alone, expected in zip(names, run_alone(rows), live, strict=True)
        if bits(alone) != bits(expected)
    }
    assert different == {}


MODEL = """\
import math
from math import sin
import numpy as np

SCALE = 0.1

def loss(w, x):
    h = np.tanh(w @ x)
    return np.sum(h * h) * SCALE

def wave(x, n=3):
    for i in range(n):
        x = sin(x) * math.exp(x) + i * SCALE
    return x
"""


def test_modes_and_orders(tmp_path: Path) -> None:
    model = module_of(tmp_path / "model.py", MODEL)
    w, x = np.array([[0.3, -1.2], [2.0, 0.7]]), np.array([0.9, -0.4])
    types_of = "w: f64[*,*], x: f64[*]"
    direction = np.ones_like(w)
    texts = [
        source(model.loss, types=types_of, value=True, standalone=True),
        source(model.loss, 0, types_of, mode="forward", standalone=True),
        source(model.wave, types="x: float", order=2, standalone=True),
        source(model.wave, types="x: float", order=0, standalone=True),
    ]
    names = [re.findall(r"^def (\w+)", text, re.MULTILINE)[-1] for text in texts]
    args = [(w, x), (w, x), (0.3,), (0.3, 4)]
    kwargs = [{}, {"w_dot": direction}, {}, {}]
    expected = [
        value_and_grad(model.loss)(w, x),
        jvp(model.loss, (w, x), (direction, None)),
        grad(grad(model.wave))(0.3),
        model.wave(0.3, 4),
    ]
    alone = run_alone(list(zip(texts, names, args, kwargs, strict=True)))
    assert bits(tuple(alone)) == bits(tuple(expected))


# ---------------------------------------------------------------------- text
def grad_text(function: Callable[..., Any], **options: Any) -> str:
    """The generated text without its imports."""
    text = source(function, **options)
    return text[text.index("def ") :]


def test_full_text(tmp_path: Path) -> None:
    model = module_of(tmp_path / "model.py", MODEL)
    assert source(model.wave, types="x: float, n: int", standalone=True) == '''\
# Generated by srcad from wave of model.py.

import math
from math import sin

# Live values of model.py, as they were when this was printed.
SCALE = 0.1


''' + grad_text(model.wave, types="x: float, n: int")


def test_helpers_come_before_what_calls_them(tmp_path: Path) -> None:
    model = module_of(tmp_path / "model.py", "def square(x):\n    return x * x\n")
    text = source(model.square, standalone=True)
    defined = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert defined[-1] == "square_grad"
    assert defined == list(dict.fromkeys(defined)) and "unbroadcast" in defined
    assert text.count("import numpy as np\n") == 1
    assert "Any" not in text and "type: ignore" not in text
    x = np.array(3.0)
    assert bits(run_text(text, "square_grad", x)) == bits(grad(model.square, generic=True)(x))


def test_text_is_the_same_in_each_process(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]; import model; from srcad.api import source;"
        "print(source(model.loss, (0, 1), standalone=True))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parents[1])],
            env={"PYTHONHASHSEED": seed}, capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1


def stripped(text: str) -> str:
    """The tree of a function without annotations and docstring."""
    (definition,) = ast.parse(text).body
    assert isinstance(definition, ast.FunctionDef)
    assert ast.get_docstring(definition)
    definition.body = definition.body[1:]
    definition.returns = None
    for node in ast.walk(definition):
        if isinstance(node, ast.arg):
            node.annotation = None
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(node, field, [unannotated(v) for v in value])
    return ast.dump(definition)


def unannotated(node: Any) -> Any:
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return ast.Assign([node.target], node.value)
    return node


@pytest.mark.parametrize("helper", HELPERS, ids=lambda f: f.__name__)
def test_helper_is_printed_as_it_is(helper: types.FunctionType) -> None:
    name = helper.__name__
    text = f"def f_grad(x):\n    return {name}(x)\n"
    emitted = Emitted(text, "f_grad", {name: helper}, frozenset())
    definitions = {
        node.name: node
        for node in ast.parse(standalone_text(emitted, bits)).body
        if isinstance(node, ast.FunctionDef)
    }
    assert stripped(ast.unparse(definitions[name])) == stripped(inspect.getsource(helper))
    docstring = ast.get_docstring(definitions[name])
    assert docstring is not None and "\n" not in docstring and helper.__doc__ is not None
    assert " ".join(helper.__doc__.split()).startswith(docstring)


# ---------------------------------------------------------------------- names
def alone_and_live(
    module: types.ModuleType, *args: Any, options: dict[str, Any] | None = None
) -> tuple[str, Any, Any]:
    """The text for the gradient of `module.f`, its result and the live one."""
    transform = grad(module.f, **(options or {}))
    compiled = transform.compiled(transform.bind(args, {}).arguments)
    text = standalone_text(compiled.emitted, module.f)
    return text, run_text(text, compiled.emitted.name, *args), transform(*args)


@pytest.mark.parametrize(
    "text",
    [
        "import numpy\nnp = 2.0\ndef f(x):\n    return numpy.sum(x * np)\n",
        "import numpy as x_\nnp = 2.0\ndef f(x):\n    return x_.sum(x * np)\n",
        "import numpy.linalg as la\ndef f(x):\n    return la.norm(x) * 2.0\n",
        "from numpy.linalg import norm as size\ndef f(x):\n    return size(x) * 2.0\n",
        "import numpy as g\ndef f(x):\n    return g.sum(g.exp(x) * x)\n",
        "import numpy as np\nunbroadcast = 3.0\n"
        "def f(x):\n    return np.sum(x * unbroadcast * x)\n",
        "import numpy as np\nunbroadcast_1 = 3.0\nunbroadcast = 2\n"
        "def f(x):\n    return np.sum(x * unbroadcast ** unbroadcast_1)\n",
        "import numpy as np\ntuple = 3.0\nrange = 0.1\n"
        "def f(x):\n    return np.sum(x * tuple * range)\n",
        "import numpy as np\ndef f(x, like=2.0):\n    return np.sum(x * like)\n",
        "import numpy as np\ndef digamma(x):\n    return x * 2.0\n"
        "def f(x):\n    return np.sum(x) * digamma(x[0])\n",
    ],
)
@pytest.mark.parametrize("generic", [False, True])
def test_names_that_mean_something_else(tmp_path: Path, text: str, generic: bool) -> None:
    module = module_of(tmp_path / "model.py", text)
    x = np.array([0.3, -1.7, 2.5])
    _, alone, live = alone_and_live(module, x, options={"generic": generic})
    assert bits(alone) == bits(live)


@pytest.mark.parametrize(
    "value",
    ["0.1", "-0.0", "7", "2j", "-3.5 - 1j", "float('inf')", "float('-inf')",
     "float('nan')", "np.float32(0.1)", "np.float64('inf')", "np.int8(3)", "np.bool_(True)",
     "np.complex64(0.1 + 2j)", "10 ** 30"],
)  # fmt: skip
def test_a_global_becomes_a_constant(tmp_path: Path, value: str) -> None:
    text = f"import numpy as np\nK = {value}\ndef f(x):\n    return (x * K).real\n"
    module = module_of(tmp_path / "model.py", text)
    alone_text, alone, live = alone_and_live(module, 0.7)
    assert "as they were when this was printed.\nK = " in alone_text
    assert bits(alone) == bits(live)


def test_a_closure_variable_becomes_a_constant(tmp_path: Path) -> None:
    text = "def make(k):\n    def f(x):\n        return x ** 2 * k\n    return f\nf = make(0.3)\n"
    alone_text, alone, live = alone_and_live(module_of(tmp_path / "model.py", text), 0.7)
    assert "\nk = 0.3\n" in alone_text
    assert bits(alone) == bits(live)


def test_a_global_with_the_name_of_a_parameter(tmp_path: Path) -> None:
    text = "x = 0.3\ndef g():\n    return x\ndef f(x):\n    return x * g()\n"
    _, alone, live = alone_and_live(module_of(tmp_path / "model.py", text), 0.7)
    assert bits(alone) == bits(live) == bits(0.3)


def test_numbers_of_another_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "constants_of_nature.py").write_text("G = 9.81\nC = 3e8\n", encoding="utf-8")
    text = "import constants_of_nature as c\ndef f(x):\n    return x * x * c.G / c.C\n"
    _, alone, live = alone_and_live(module_of(tmp_path / "model.py", text), 0.7)
    assert bits(alone) == bits(live)
    emitted = Emitted("def g(x):\n    return x * c.G\n", "g", {}, frozenset({"c"}))
    module = module_of(tmp_path / "model.py", text)
    assert standalone_text(emitted, module.f) == '''\
# Generated by srcad from f of model.py.


class c:
    """What is read of the module constants_of_nature."""

    G = 9.81


def g(x):
    return x * c.G
'''


def test_imports(tmp_path: Path) -> None:
    function = module_of(tmp_path / "model.py", IMPORTS).f
    body = ", ".join("np numpy la m cos s norm op time floor namedtuple f8".split())
    emitted = Emitted(f"def g(x):\n    return {body}\n", "g", {}, frozenset())
    assert standalone_text(emitted, function) == f"""\
# Generated by srcad from f of model.py.

import math as m
import operator as op
import time
from collections import namedtuple
from math import cos, floor
from math import sin as s

import numpy
import numpy as np
import numpy.linalg as la
from numpy import float64 as f8
from numpy.linalg import norm


def g(x):
    return {body}
"""


IMPORTS = """\
import math as m
import operator as op
import time
from collections import namedtuple
from math import cos, floor
from math import sin as s

import numpy
import numpy as np
import numpy.linalg as la
from numpy import float64 as f8
from numpy.linalg import norm

def f(x):
    return x
"""


# ---------------------------------------------------------------------- refusals
TABLES = """\
import bisect
import numpy as np
LIMITS = [0.0, 1.5, 4.0]
RATES = {"low": 0.5, "high": (2.0, 3.0)}
WEIGHTS = np.array([[1.0, 2.0], [0.5, 4.0]])
LONG = [0.5, 1.25, 2.5] * 20
def tables(x, k):
    rate = LIMITS[bisect.bisect(LIMITS, x) - 1] + LONG[k]
    return rate * x * RATES["low"] * RATES["high"][k] * np.sum(WEIGHTS)
def held():
    own = [2.0, 3.0]
    def f(x, k):
        return own[k] * x
    return f
within = held()
"""


@pytest.mark.parametrize(("name", "own"), [("tables", "LONG[k]"), ("within", "own[k]")])
def test_tables_of_constants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, own: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = module_of(tmp_path / "tables_of_constants.py", TABLES)
    function: Callable[..., Any] = vars(module)[name]
    types = "x: float, k: int"
    alone = source(function, types=types, standalone=True)
    assert all(len(line) <= 88 for line in alone.splitlines())
    generated = f"{function.__name__}_grad"
    assert run_text(alone, generated, 1.75, 1) == grad(function)(1.75, 1)
    importing = source(function, types=types)
    assert own in importing  # by the user's own name
    namespace: dict[str, Any] = {}
    exec(importing, namespace)
    assert namespace[generated](1.75, 1) == grad(function)(1.75, 1)


REFUSED = """\
import srcad
import numpy as np
from collections import Counter
TABLE = np.ones((30, 40))
COUNTS = Counter()
def helper(x):
    return x
class Failure(Exception):
    pass
def f(x):
    return x
"""


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        ("TABLE", "it is an array of shape (30, 40); at most 1000 numbers are printed"),
        ("COUNTS",
         "it is a Counter; only numbers and containers of them are printed as constants"),
        ("helper", "it is a function of model, whose text is not printed"),
        ("Failure", "it is a class of model, whose text is not printed"),
        ("srcad", "it is the module srcad, which is neither NumPy nor Python's own"),
        ("nothing", "it has no value in model.py"),
    ],
)
def test_what_cannot_stand_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    function: Callable[..., Any] = module_of(tmp_path / "model.py", REFUSED).f
    emitted = Emitted(f"def f_grad(x):\n    return {read}\n", "f_grad", {}, frozenset())
    with pytest.raises(SrcadError) as caught:
        standalone_text(emitted, function)  # type: ignore[arg-type]
    assert str(caught.value) == f"""\
the text of `f_grad` cannot stand alone, because it reads `{read}`
  File "model.py", line 10, column 1, in f
Reason: {reason}
Instead: pass `{read}` as an argument, or print the text without standalone"""


def test_a_part_of_another_module_that_is_no_number(tmp_path: Path) -> None:
    function = module_of(tmp_path / "model.py", REFUSED).f
    for text, name in (("srcad.grad", "srcad.grad"), ("srcad.runtime.np", "srcad.runtime")):
        emitted = Emitted(f"def f_grad(x):\n    return {text}\n", "f_grad", {}, frozenset())
        with pytest.raises(SrcadError, match=f"because it reads `{name}`"):
            standalone_text(emitted, function)


def test_a_closure_variable_without_value(tmp_path: Path) -> None:
    text = (
        "def make():\n    def f(x):\n        return x * later\n    made.append(f)\n"
        "    stop()\n    later = 1.0\nmade = []\ntry:\n    make()\nexcept NameError:\n    pass\n"
    )
    module = module_of(tmp_path / "model.py", text)
    emitted = Emitted("def f_grad(x):\n    return later\n", "f_grad", {}, frozenset())
    with pytest.raises(SrcadError, match=r"it has no value in model\.py"):
        standalone_text(emitted, module.made[0])
