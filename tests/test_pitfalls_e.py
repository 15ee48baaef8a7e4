"""Section E of the pitfalls: Python, source and names (see test_source.py for E1, E2, E5 too)."""

from __future__ import annotations

import functools
import inspect
import math
import os
import py_compile
import subprocess
import sys
import types
import zipfile
from concurrent.futures import ThreadPoolExecutor
from math import sin as sine
from pathlib import Path

import numpy as np
import pytest
from numpy import cos

import srcad
from srcad import errors
from srcad.testing import assert_close, check_grads

OPTIONS = [{}, {"generic": True}]
K = 3.0


def load(tmp_path, monkeypatch, name, text):
    (tmp_path / f"{name}.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.syspath_prepend(tmp_path)
    return __import__(name)


def run_python(*arguments, stdin=""):
    environment = {**os.environ, "PYTHONPATH": str(Path(srcad.__file__).parents[1])}
    found = subprocess.run([sys.executable, *arguments], input=stdin, env=environment,
                           capture_output=True, text=True, timeout=60)  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout


USES_OF_F = """\
try:
    print(srcad.grad(f)(3.0))
except srcad.SourceNotFoundError as error:
    print("Instead" in str(error))
print(srcad.grad(f, source=text)(3.0))
"""
DEFINES_F = "import srcad\ntext = 'def f(x):\\n    return x * x\\n'\n"


@pytest.mark.parametrize("way", ["command", "input", "exec"])
def test_e2_functions_without_a_file(way):
    """Refused with advice, or right; with the text handed over, right."""
    written = "def f(x):\n    return x * x\n\n"
    if way == "exec":
        found = run_python("-c", DEFINES_F + "exec(text)\n" + USES_OF_F)
    elif way == "command":
        found = run_python("-c", DEFINES_F + written + USES_OF_F)
    else:
        found = run_python("-", stdin=DEFINES_F + written + USES_OF_F)
    known = way == "command" and sys.version_info >= (3, 13)  # Python keeps that text
    assert found.split() == ["6.0" if known else "True", "6.0"]


def test_e2_prompt():
    typed = (
        "import srcad\ndef f(x):\n    return x * x\n\n"
        "try:\n    print(srcad.grad(f)(3.0))\n"
        "except srcad.SourceNotFoundError:\n    print('refused')\n\n"
    )
    found = run_python("-i", "-q", "-c", "import sys; sys.ps1 = sys.ps2 = ''", stdin=typed)
    assert found.strip() in ("refused", "6.0")


def test_e2_doctest(tmp_path):
    page = tmp_path / "page.txt"
    page.write_text(">>> import srcad\n>>> def f(x):\n...     return x * x\n"
                    ">>> srcad.grad(f)(3.0)\n6.0\n")  # fmt: skip
    assert run_python("-m", "doctest", str(page)) == ""


@pytest.mark.parametrize("kind", ["zip", "pyc"])
def test_e2_zip_archive_and_compiled_file_only(kind, tmp_path, monkeypatch):
    name, text = f"packed_{kind}", "def f(x):\n    return x * x\n"
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "library.zip", "w") as archive:
            archive.writestr(f"{name}.py", text)
        monkeypatch.syspath_prepend(tmp_path / "library.zip")
    else:
        written = tmp_path / f"{name}.py"
        written.write_text(text)
        py_compile.compile(str(written), cfile=str(tmp_path / f"{name}.pyc"), doraise=True)
        written.unlink()
        monkeypatch.syspath_prepend(tmp_path)
    f = __import__(name).f
    if kind == "pyc":
        with pytest.raises(errors.SourceNotFoundError) as caught:
            srcad.grad(f)(3.0)
        assert "source=text" in caught.value.advice
    assert_close(srcad.grad(f, source=None if kind == "zip" else text)(3.0), 6.0)


LAYOUTS = {
    "tabs": "class A:\n\tdef f(x):\n\t\tif x > 0:\n\t\t\treturn x * x\n\t\treturn x\nf = A.f\n",
    "continuation": "def f(x):\n    return x \\\n        * (\n x\n)\n",
    "form feed": "\fK = 1.0\n\f\ndef f(x):\n    y = x * K\n\f\n    return y * y\n",
    "windows": "def f(x):\r\n    return x * x\r\n",
    "one line": "def f(x): y = x; return y * x\n",
    "normalised": "def f(\ufb01):\n    \ufb01_2 = fi\n    return fi_2 * fi\n",
    "nested": "def make():\n    if True:\n        def f(x):\n            return x * x\n"
              "    return f\nf = make()\n",
    "latin": "# -*- coding: latin-1 -*-\ndef f(x):\n    s = '\u00e9'\n    return x * x * len(s)\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYOUTS)
def test_e5_layouts(kind, tmp_path, monkeypatch):
    name = f"layout_{kind.replace(' ', '_')}"
    data = LAYOUTS[kind].encode("latin-1" if kind == "latin" else "utf-8")
    (tmp_path / f"{name}.py").write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path)
    for options in OPTIONS:
        assert_close(srcad.grad(__import__(name).f, **options)(3.0), 6.0)


def test_e5_caret_after_a_string_that_is_not_ascii(tmp_path, monkeypatch):
    text = "def f(x):\n    s = '\u00e9\u4e2d'; y = open(x); return y\n"
    f = load(tmp_path, monkeypatch, "caret_e5", text.encode()).f
    with pytest.raises(errors.SrcadError) as caught:
        srcad.grad(f)(3.0)
    loc = caught.value.loc
    assert loc.text[loc.col - 1 : loc.end_col - 1] == "open(x)"
    _, line, carets = str(caught.value).splitlines()[1:4]
    # a character of double width takes the place of two
    assert carets.index("^") == line.index("open") + 1 and carets.count("^") == len("open(x)")


fs = [lambda x: x * x, lambda x: x * x * x]


def test_e3_lambdas_on_one_line():
    assert_close([srcad.grad(f)(2.0) for f in fs], [4.0, 12.0])


def doubling(f):
    @functools.wraps(f)
    def wrapper(x):
        return 2.0 * f(x)

    return wrapper


@doubling
def doubled(x):
    return x * x


@functools.lru_cache
def remembered(x):
    return x * x


def test_e4_decorated_functions():
    assert_close(srcad.grad(doubled)(3.0), 12.0)
    assert_close(srcad.grad(remembered)(3.0), 6.0)


class Model:
    scale = 2.0

    def __init__(self, w):
        self.w = w
        self.__hidden = 2.0 * w

    def loss(self, x):
        return self.w * self.term(x)

    def term(self, x):
        return x * x

    def private(self, x):
        return self.__hidden * x * x

    @property
    def twice(self):
        return self.w * 2.0

    def by_property(self, x):
        return self.twice * x * x

    @classmethod
    def of_class(cls, x):
        return cls.scale * x * x

    @staticmethod
    def of_nothing(x):
        return 5.0 * x * x

    def by_others(self, x):
        return self.of_class(x) + self.of_nothing(x)

    def __call__(self, x):
        return self.w * x


class Derived(Model):
    def term(self, x):
        return x * x * x

    def above(self, x):
        return super().term(x)


def calls_an_object(x, model):
    return model(x) * x


@pytest.mark.parametrize("options", OPTIONS)
def test_e6_methods(options):
    model = Model(3.0)
    assert_close(srcad.grad(Model.loss, "x", **options)(model, 2.0), 12.0)
    assert_close(srcad.grad(Model.by_property, "x", **options)(model, 2.0), 24.0)
    assert_close(srcad.grad(Model.by_others, "x", **options)(model, 2.0), 28.0)
    assert_close(srcad.grad(Model.of_nothing, **options)(2.0), 20.0)
    # the method of the class that the object has, not of the one that the caller is written in
    assert_close(srcad.grad(Derived.loss, "x", **options)(Derived(3.0), 2.0), 36.0)
    df = srcad.grad(Model.loss, "x", **options)
    assert_close((df(model, 2.0), df(Derived(3.0), 2.0), df(model, 2.0)), (12.0, 36.0, 12.0))


REFUSED_OF_CLASSES = {
    "object without __call__": (lambda: srcad.grad(object()), errors.SourceNotFoundError),
    "class": (lambda: srcad.grad(Model), errors.SourceNotFoundError),
    "part that self lacks": (lambda: srcad.grad(Model.loss, "self.v")(Model(3.0), 2.0),
                             errors.SignatureError),
    "part that is no number": (lambda: srcad.grad(Model.loss, "self.term")(Model(3.0), 2.0),
                               errors.SignatureError),
    "argument behind the object": (lambda: srcad.grad(Model(3.0).loss, 1),
                                   errors.SignatureError),
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_e6_methods_of_objects_themselves(options):
    model = Model(3.0)
    assert_close(srcad.grad(model.loss, **options)(2.0), 12.0)
    assert_close(srcad.grad(Model.of_class, **options)(2.0), 8.0)
    assert_close(srcad.grad(model, **options)(2.0), 3.0)
    assert_close(srcad.grad(calls_an_object, **options)(2.0, model), 12.0)
    assert_close(srcad.grad(Derived.above, "x", **options)(Derived(3.0), 2.0), 4.0)
    assert_close(srcad.grad(model.loss, "self.w", **options)(2.0), 4.0)
    assert_close(srcad.grad(Model.loss, ("self.w", "x"), **options)(model, 2.0), (4.0, 12.0))


@pytest.mark.parametrize("what", REFUSED_OF_CLASSES)
def test_e6_what_is_not_followed_is_refused(what):
    attempt, error = REFUSED_OF_CLASSES[what]
    with pytest.raises(error) as caught:
        attempt()
    assert caught.value.reason and caught.value.advice


def test_e7_private_names():
    assert_close(srcad.grad(Model.private, "x")(Model(3.0), 2.0), 24.0)


def uses_global(x):
    return K * x * x


def make():
    k = 2.0

    def f(x):
        return k * x * x

    def change(value):
        nonlocal k
        k = value

    return f, change


@pytest.mark.parametrize("options", OPTIONS)
def test_e8_captured_values_are_read_live(options, monkeypatch):
    df = srcad.grad(uses_global, **options)
    assert_close(df(1.0), 6.0)
    monkeypatch.setitem(globals(), "K", 5.0)
    assert_close(df(1.0), 10.0)
    monkeypatch.delitem(globals(), "K")
    with pytest.raises(NameError, match="'K'"):
        df(1.0)
    f, change = make()
    df = srcad.grad(f, **options)
    assert_close(df(1.0), 4.0)
    change(7.0)
    assert_close(df(1.0), 14.0)


def helper(x):
    return x * x


def calls_helper(x):
    return helper(x) + np.sin(x)


def test_e9_callee_redefined(monkeypatch):
    df = srcad.grad(calls_helper)
    assert_close(df(0.5), 1.0 + math.cos(0.5))
    monkeypatch.setitem(globals(), "helper", lambda x: x * x * x)
    assert_close(df(0.5), 0.75 + math.cos(0.5))


def test_e9_numpy_function_replaced(monkeypatch):
    df = srcad.grad(calls_helper)
    assert_close(df(0.5), 1.0 + math.cos(0.5))
    monkeypatch.setattr(np, "sin", np.cos)
    assert_close(df(0.5), 1.0 - math.sin(0.5))


def doubled_sine(x):
    return 2.0 * math.sin(x)


def cosines(x):
    return np.sum(np.cos(x) * np.exp(x) + np.linalg.norm(x))


@pytest.mark.parametrize("options", OPTIONS)
def test_e9_function_that_only_the_derivative_needs_replaced(options, monkeypatch):
    x = np.array([0.5, 2.0])
    want = np.exp(x) * (np.cos(x) - np.sin(x)) + 2.0 * x / np.linalg.norm(x)
    before = srcad.grad(cosines, **options)
    assert_close(before(x), want)
    real = np.exp, np.cos, np.linalg.norm
    for name in ("sin", "negative", "ones_like", "broadcast_to", "sum", "zeros_like", "shape"):
        monkeypatch.setattr(np, name, real[0])
    monkeypatch.setattr(np, "sum", lambda a: a[0] + a[1])
    assert (np.exp, np.cos, np.linalg.norm) == real
    # sin is not what the function calls; its own np.sum is followed
    assert_close(before(x), want)
    assert_close(srcad.grad(cosines, **options)(x), want)


@pytest.mark.parametrize("options", OPTIONS)
def test_e9_replaced_by_a_function_with_source(options, monkeypatch):
    df = srcad.grad(calls_helper, **options)
    assert_close(df(0.5), 1.0 + math.cos(0.5))
    monkeypatch.setattr(np, "sin", doubled_sine)
    assert_close(df(0.5), 1.0 + 2.0 * math.cos(0.5))
    monkeypatch.setattr(math, "sin", math.exp)
    assert_close(df(0.5), 1.0 + 2.0 * math.exp(0.5))
    monkeypatch.undo()
    assert_close(df(0.5), 1.0 + math.cos(0.5))


def draws_from_numpy(x):
    return x * np.absolute()


def test_e9_replaced_by_a_function_without_source(monkeypatch):
    monkeypatch.setattr(np, "absolute", iter([4.0, 5.0]).__next__)
    df = srcad.grad(draws_from_numpy)
    assert [df(2.0), df(2.0)] == [4.0, 5.0]


class Scaled:
    def __init__(self, w):
        self.w = w

    def apply(self, x):
        return self.w * x

    def loss(self, x):
        return self.apply(x) * x


def by_module(x):
    return surroundings.g(x) * x


def by_builtin(x):
    return abs(x) * x


@pytest.mark.parametrize("options", OPTIONS)
def test_e9_method_replaced_on_a_class(options, monkeypatch):
    df = srcad.grad(Scaled.loss, "x", **options)
    model = Scaled(3.0)
    assert_close(df(model, 2.0), 12.0)
    monkeypatch.setattr(Scaled, "apply", lambda self, x: self.w * x * x)
    assert_close(df(model, 2.0), 36.0)
    monkeypatch.setattr(model, "apply", lambda x: x, raising=False)
    assert_close(df(model, 2.0), 4.0)


surroundings = types.ModuleType("surroundings")


def identity(x):
    return x


def squared(x):
    return x * x


@pytest.mark.parametrize("options", OPTIONS)
def test_e9_module_attribute_replaced(options, monkeypatch):
    monkeypatch.setattr(surroundings, "g", identity, raising=False)
    df = srcad.grad(by_module, **options)
    assert_close(df(3.0), 6.0)
    monkeypatch.setattr(surroundings, "g", squared)
    assert_close(df(3.0), 27.0)


@pytest.mark.parametrize("options", OPTIONS)
def test_e9_builtin_shadowed_by_a_global(options, monkeypatch):
    df = srcad.grad(by_builtin, **options)
    assert_close(df(-3.0), 6.0)
    monkeypatch.setitem(globals(), "abs", squared)
    assert_close(df(-3.0), 27.0)
    monkeypatch.undo()
    assert_close(df(-3.0), 6.0)


REPLACING = """
import sys
import numpy as np
import srcad
import replaced_model as m
import replaced_helper as h

def show():
    df = srcad.grad(m.f, cache=sys.argv[1])
    print(df(0.5), df.cache_info()["disk_hits"])

for change in sys.argv[2:]:
    if change == "numpy":
        np.sin = np.cos
    elif change == "rule":
        np.cos = np.exp
    elif change == "attribute":
        h.g = h.other
    elif change == "class":
        h.Model.scale = h.Model.other
    elif change == "builtin":
        m.abs = h.other
show()
"""


def test_e9_replaced_before_the_disk_cache_is_asked(tmp_path):
    (tmp_path / "replaced_helper.py").write_text(
        "def g(x):\n    return x\n\ndef other(x):\n    return 3.0 * x\n\n"
        "class Model:\n    def scale(x):\n        return x\n"
        "    def other(x):\n        return 5.0 * x\n"
    )
    (tmp_path / "replaced_model.py").write_text(
        "import numpy as np\nimport replaced_helper as h\n\ndef f(x):\n"
        "    return np.sin(x) + h.g(x) + abs(x) + h.Model.scale(x)\n"
    )
    (tmp_path / "show.py").write_text(REPLACING)

    def run(*changes):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "show.py", "cache", *changes]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        value, hits = done.stdout.split()
        return float(value), int(hits)

    plain = math.cos(0.5) + 3.0
    assert_close(run(), (plain, 0))
    assert_close(run(), (plain, 1))
    assert_close(run("rule"), (plain, 1))
    assert_close(run("numpy"), (3.0 - math.sin(0.5), 0))
    assert_close(run("attribute"), (plain + 2.0, 0))
    assert_close(run("class"), (plain + 4.0, 0))
    assert_close(run("builtin"), (plain + 2.0, 0))
    assert_close(run(), (plain, 0))  # the last one wrote over it


def with_default(x, k=K):
    return k * x * x


def test_e10_defaults_are_those_of_the_definition(monkeypatch):
    monkeypatch.setitem(globals(), "K", 50.0)
    df = srcad.grad(with_default)
    assert_close(df(1.0), 6.0)
    monkeypatch.setattr(with_default, "__defaults__", (4.0,))
    assert_close(df(1.0), 8.0)
    assert_close(srcad.grad(with_default)(1.0), 8.0)


def lambda_scope(x):
    twice = x * 2.0
    g = lambda x: x * twice  # noqa: E731
    return g(x) + x


def nested_scope(x):
    def inner(y):
        x = y * 2.0
        return x

    return inner(x) * x


def walrus(x):
    if (y := x * x) > 1.0:
        return y * x
    return y


@pytest.mark.parametrize("options", OPTIONS)
def test_e11_scopes(options):
    assert_close(srcad.grad(lambda_scope, **options)(2.0), 9.0)
    assert_close(srcad.grad(nested_scope, **options)(2.0), 8.0)
    assert_close(srcad.grad(walrus, **options)(2.0), 12.0)
    assert_close(srcad.grad(walrus, **options)(0.5), 1.0)


def comprehension_scope(x):
    i = 10.0
    ys = [i * x for i in (1.0, 2.0)]
    return ys[0] * ys[1] * i


def generator_scope(x):
    i = 3.0
    return sum(i * x for i in (1.0, 2.0)) * i


@pytest.mark.parametrize("f, slope", [(comprehension_scope, 80.0), (generator_scope, 9.0)])
def test_e11_comprehensions_are_right_or_refused(f, slope):
    try:
        got = srcad.grad(f)(2.0)
    except errors.UnsupportedSyntaxError as error:
        assert error.loc is not None and error.advice
        return
    assert_close(got, slope)


def collisions(x_bar, out_bar, t):
    np = x_bar * 2.0
    y_tape = np * out_bar
    unbroadcast = y_tape * t
    for range_ in range(2):
        x_bar = x_bar * unbroadcast + range_
    return x_bar


@pytest.mark.parametrize("options", OPTIONS)
def test_e12_name_collisions(options):
    # u = 2 x o t;  ((x u) + 0) u + 1 = 4 x**3 o**2 t**2 + 1
    x, o, t = 1.5, 2.0, 0.5
    got = srcad.grad(collisions, (0, 1, 2), **options)(x, o, t)
    assert_close(got, (12 * x**2 * o**2 * t**2, 8 * x**3 * o * t**2, 8 * x**3 * o**2 * t))


def more_collisions(x_bar, t, out_bar, y_tape, unbroadcast, range, tape):
    np = x_bar * 2.0
    x_bar_dot = np * t
    zeros_like = x_bar_dot * out_bar + y_tape * unbroadcast
    y_bar = zeros_like * range
    for float in (1, 2):
        y_bar = y_bar * tape + float
    return y_bar


def array_collisions(x, tape, append, len):
    s = x * 0.0
    zeros = 0
    while zeros < 3:
        s = s + np.exp(-s * tape) * append * len
        zeros += 1
    return np.sum(s)


@pytest.mark.parametrize("options", OPTIONS)
def test_e12_names_that_the_emitter_uses(options):
    values = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    x, t, o, y, u, r, n = values
    # ((2 x t o + y u) r n + 1) n + 2
    outer, z = r * n * n, 2 * x * t * o + y * u
    want = (2 * t * o * outer, 2 * x * o * outer, 2 * x * t * outer, u * outer, y * outer,
            z * n * n, 2 * z * r * n + 1)  # fmt: skip
    assert_close(srcad.grad(more_collisions, tuple(range(7)), **options)(*values), want)
    tangent = srcad.jvp(more_collisions, values, (1.0,) * 7, **options)[1]
    assert_close(tangent, sum(want))
    check_grads(array_collisions, (np.ones(2), 0.5, 2.0, 1.5))


def keyword_only(x, *, out_bar, seed):
    return x * x * out_bar * seed


def named_as_tangent(x, x_dot):
    return x * x_dot


@pytest.mark.parametrize("options", OPTIONS)
def test_e12_names_of_seeds(options):
    _, pull = srcad.vjp(keyword_only, 2.0, out_bar=3.0, seed=4.0, **options)
    assert_close(pull(1.0), (48.0,))
    assert_close(srcad.jvp(named_as_tangent, (2.0, 3.0), (1.0, 0.5), **options), (6.0, 4.0))


def soft_keywords(lambda_, match, case, type, _):
    return lambda_ * match * case * type * _


def attributes(x, thing):
    return x * x * thing.class_ * thing.import_ if __debug__ else x


class Thing:
    class_ = 3.0
    import_ = 2.0


def keys_in_a_loop(p):
    t = 1.0
    for _ in range(2):
        t = t * p["for"] + p["class"] * p["x y"] + p[""] + p["1a"]
    return t


@pytest.mark.parametrize("options", OPTIONS)
def test_e13_keywords_and_builtins_as_names(options):
    values = (1.0, 2.0, 3.0, 4.0, 5.0)
    want = tuple(120.0 / v for v in values)
    assert_close(srcad.grad(soft_keywords, tuple(range(5)), **options)(*values), want)
    assert_close(srcad.grad(attributes, **options)(2.0, Thing()), 24.0)
    p = {"for": 1.0, "class": 2.0, "x y": 3.0, "": 4.0, "1a": 5.0}
    want = {"for": 17.0, "class": 6.0, "x y": 4.0, "": 2.0, "1a": 2.0}
    assert_close(srcad.grad(keys_in_a_loop, **options)(p), want)


def odd_keys(p):
    return p["for"] * p["a b"] * p["None"] + p["_"]


@pytest.mark.parametrize("options", OPTIONS)
def test_e13_keywords_as_keys(options):
    p = {"for": 2.0, "a b": 3.0, "None": 4.0, "_": 5.0}
    want = {"for": 12.0, "a b": 8.0, "None": 6.0, "_": 1.0}
    assert_close(srcad.grad(odd_keys, **options)(p), want)


def other_names(x):
    np = x.sum()
    return np * cos(np) + x.T @ x


def scalar_names(x):
    return sine(x) + math.exp(x)


def test_e14_other_names_for_functions():
    x = np.array([0.5, 1.0])
    s = x.sum()
    assert_close(srcad.grad(other_names)(x), np.cos(s) - s * np.sin(s) + 2 * x)
    assert_close(srcad.grad(scalar_names)(1.0), math.cos(1.0) + math.e)


def shadows(x):
    sum = x * 3.0
    len = lambda a: a * sum  # noqa: E731
    return len(x)


def test_e15_shadowed_builtins():
    assert_close(srcad.grad(shadows)(2.0), 12.0)


def badly_annotated(x: no_such_name) -> 1 / 0:  # noqa: F821
    y: also_missing = x * x  # noqa: F821
    return y


def test_e16_annotations_are_not_evaluated():
    assert_close(srcad.grad(badly_annotated)(3.0), 6.0)


E16 = {
    "future": "from __future__ import annotations\ndef f(x: nowhere.Nothing[1 / 0]) -> ...:\n"
              "    y: 1 / 0 = x * x\n    return y\n",
    "strings": "def f(x: 'not ( an expression', k: 'also missing' = 1.0) -> '1 / 0':\n"
               "    return x * x * k\n",
    "objects": "def f(x: 3, k: [] = 1.0) -> {}:\n    return x * x * k\n",
    "type parameters": "def f[T: (int, float)](x: T, *, k: T = 1.0) -> T:\n"
                       "    return x * x * k\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", E16)
def test_e16_odd_annotations(kind, tmp_path, monkeypatch):
    if kind == "type parameters" and sys.version_info < (3, 12):
        pytest.skip("a syntax of Python 3.12")
    f = load(tmp_path, monkeypatch, f"annotated_{kind.replace(' ', '_')}", E16[kind]).f
    for options in OPTIONS:
        assert_close(srcad.grad(f, **options)(3.0), 6.0)
    assert "def f_grad(x" in srcad.source(f)


def speaks(x):
    """A docstring."""
    ...
    print("once", f"{x:.1f}")
    return x * x


@pytest.mark.parametrize("options", OPTIONS)
def test_e17_print_happens_once(options, capsys):
    assert_close(srcad.grad(speaks, **options)(3.0), 6.0)
    assert capsys.readouterr().out == "once 3.0\n"


def chain_of(word, comparison, count):
    return f" {word} ".join(comparison.format(i) for i in range(count))


NEST = 190  # parentheses; Python allows 200
DEEP = {
    "sum": (" + ".join(["x"] * 1000), 1000.0),
    "two thousand": (" + ".join(["x"] * 2000), 2000.0),
    "difference": (" - ".join(["x"] * 1000), -998.0),
    "product": (" * ".join(["x"] * 1000), 1000.0),
    "parentheses": ("(" * NEST + "x" + " + x)" * NEST, NEST + 1.0),
    "parentheses on the right": ("(x + " * NEST + "x" + ")" * NEST, NEST + 1.0),
    "calls": ("abs(" * NEST + "x" + ")" * NEST, 1.0),
    "signs": ("-" * 900 + "x", 1.0),
    "power": (" ** ".join(["x", *["1.0"] * 500]), 1.0),
    "and": (f"3.0 * x if {chain_of('and', 'x > -{}', 1000)} else x", 3.0),
    "or": (f"3.0 * x if {chain_of('or', 'x < -{}', 1000)} else x", 1.0),
    "conditional": ("".join(f"{i}.0 * x if x < {i} else " for i in range(150)) + "x", 2.0),
    "list": (f"np.sum(np.array([{', '.join(['2.0 * x'] * 1000)}]))", 2000.0),
    "arguments": (f"max({', '.join(f'{i}.0 * x' for i in range(100))})", 99.0),
}


@pytest.mark.parametrize("name", DEEP)
def test_e18_deep_expressions(name, tmp_path, monkeypatch):
    expression, slope = DEEP[name]
    text = f"import numpy as np\ndef f(x):\n    return {expression}\n"
    f = load(tmp_path, monkeypatch, f"deep_{list(DEEP).index(name)}", text).f
    limit = sys.getrecursionlimit()
    assert_close(srcad.grad(f)(1.0), slope)
    assert sys.getrecursionlimit() == limit


def test_e18_deep_expressions_are_printed(tmp_path, monkeypatch):
    text = f"def f(x):\n    return {' + '.join(['x * x'] * 1000)}\n"
    f = load(tmp_path, monkeypatch, "deep_printed", text).f
    namespace: dict = {}
    exec(srcad.source(f, types="x: float", standalone=True), namespace)
    assert_close(namespace["f_grad"](1.5), 3000.0)
    assert "f_grad" in str(srcad.ir(f))


def test_e18_long_chain_of_branches(tmp_path, monkeypatch):
    cases = "".join(f"    elif x < {i}:\n        y = {i}.0 * x * x\n" for i in range(1, 200))
    first, last = "    if x < 0:\n        y = x\n", "    else:\n        y = -x\n"
    text = f"def f(x):\n{first}{cases}{last}    return y\n"
    df = srcad.grad(load(tmp_path, monkeypatch, "deep_elif", text).f)
    assert_close([df(-1.0), df(149.5), df(500.0)], [1.0, 2 * 150 * 149.5, -1.0])


def test_e18_names_set_in_a_long_condition(tmp_path, monkeypatch):
    condition = " and ".join(["x > 0", "(y := x * x) > 0", *(f"y > -{i}" for i in range(20))])
    text = f"def f(x):\n    return 3.0 * y if {condition} else x\n"
    df = srcad.grad(load(tmp_path, monkeypatch, "deep_names", text).f)
    assert_close([df(2.0), df(-2.0)], [12.0, 1.0])


@pytest.mark.parametrize("work", ["grad", "ir", "source"])
def test_e18_deep_expression_in_deep_recursion(work, tmp_path, monkeypatch):
    """The caller has hardly any room left, and does not keep more afterwards."""
    f = load(tmp_path, monkeypatch, f"deep_{work}", "def f(x):\n    return x * x\n").f

    def go(depth):
        if depth:
            return go(depth - 1)
        if work == "grad":
            return srcad.grad(f)(3.0)
        return str(getattr(srcad, work)(f, types="x: float"))

    depth = sys.getrecursionlimit() - 100 - len(inspect.stack(0))
    assert go(depth) == (6.0 if work == "grad" else go(0))


def test_e18_deep_expressions_in_threads(tmp_path, monkeypatch):
    text = f"def f(x):\n    return K * x * ({'+'.join(['x'] * 600)})\n"
    functions = [
        load(tmp_path, monkeypatch, f"threads_{k}", f"K = {k}.0\n{text}").f for k in range(6)
    ]
    limit = sys.getrecursionlimit()
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda f: srcad.grad(f)(1.0), functions))
    assert_close(found, [1200.0 * k for k in range(6)])
    assert sys.getrecursionlimit() == limit


def refused(function):
    with pytest.raises(errors.UnsupportedSyntaxError, match="too deeply") as caught:
        srcad.grad(function)(2.0)
    assert caught.value.loc is not None and caught.value.advice and caught.value.reason


def test_e18_absurd_depth_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("srcad.parser.depth._RECURSION_LIMIT", 1200)
    text = "def f(x):\n    return " + " + ".join(["x"] * 1000) + "\n"
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)  # another test's library may have raised it
    try:
        refused(load(tmp_path, monkeypatch, "too_deep", text).f)
    finally:
        sys.setrecursionlimit(before)


def test_e18_blocks_deeper_than_python_allows_are_refused(tmp_path, monkeypatch):
    expression = "x"
    for k in range(150):
        expression = f"(x * {expression} if x > {k} else {k}.0 * x)"
    text = f"def f(x):\n    return {expression}\n"
    refused(load(tmp_path, monkeypatch, "blocks", text).f)


def precedence(x, y):
    return -(x**2) * (x - (y - x)) / (x / (y / 2.0)) - (-y) ** 2


def ternaries(x, y, flag):
    a = (x if x > 0 else -x) if not (flag and x < y) else (y if flag else (x, y)[0])
    return (a - (x - (y - a))) / ((x / y) / (y / x)) ** 2 ** -1 * (-2) ** 2


def chained(x, y):
    same = (x < y) == (y > 0)
    return x - -y if same else x**-y - +x


@pytest.mark.parametrize("f", [ternaries, chained, precedence])
def test_e19_generated_text_means_what_was_written(f):
    flags = [(True,), (False,)] if f is ternaries else [()]
    for x, y in ((1.5, 0.5), (0.7, 1.9)):
        for flag in flags:
            check_grads(f, (x, y, *flag), argnums=(0, 1))


def infinite(x):
    return x * 2.0 if x < float("inf") else -1e309 * x


def test_e19_printing():
    # -x**2 (2x - y) y / (2 x) - y**2 = -x**2 y + x y**2 / 2 - y**2
    x, y = 1.5, -0.5
    got = srcad.grad(precedence, (0, 1))(x, y)
    assert_close(got, (-2 * x * y + y * y / 2, -x * x + x * y - 2 * y))
    assert_close(srcad.grad(infinite)(3.0), 2.0)
