"""A derivative is compiled again when, and only when, what it depends on has changed.

In memory that is decided by guards; on disk, by what is written down with the generated text. A
"new process" is played by a module that is imported anew, except where a process is the point.
"""

from __future__ import annotations

import dataclasses
import errno
import gc
import inspect
import json
import linecache
import multiprocessing
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import traceback
import types
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad import compiler, derivative
from srcad.cache import disk, stored
from srcad.rules import registry

ROOT = Path(__file__).resolve().parents[1]
MODULE = "cached_model"

MODEL = """\
import math
import numpy as np
from collections import namedtuple

K = 3.0
DEEP = True
KINDS = {"square": 2, "cube": 3}
POWERS = [1, 2]
ALLOWED = {"square", "cube", *"abcdefgh"}


def inner(a):
    return a * K if DEEP else a


def helper(a, scale=2.0, *, shift=1.0):
    return inner(a) * scale + shift * a


class Tools:
    power = 2

    @staticmethod
    def twice(a):
        return 2.0 * a


def halved(a):
    return 0.5 * a


ACTIVATIONS = {"half": halved}


def loss(x, kind="square"):
    # the loss
    if kind not in ALLOWED:
        raise ValueError(kind)
    total = helper(x) + Tools.twice(x) + x**Tools.power + ACTIVATIONS["half"](x)
    for power in POWERS:
        total = total + x**power
    return total + x ** KINDS[kind] + math.sin(x)
"""
# d/dx of MODEL's loss at 1.0 without math.sin: helper 6 + 1, twice 2, power 2, half 0.5,
# POWERS 1 + 2, square 2.
PLAIN = 16.5
GRADIENT = PLAIN + float(np.cos(1.0))

posix = pytest.mark.skipif(os.name != "posix", reason="file modes, links and fork of POSIX")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


class Project:
    """A module in a file, a disk cache beside it, and a count of what is compiled."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = directory / f"{MODULE}.py"
        self.directory = directory / "cache"
        self.monkeypatch = monkeypatch
        self.compiled = 0
        monkeypatch.setattr(compiler, "lower", self._counted(compiler.lower))

    def _counted(self, lower: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.compiled += 1
            return lower(*args, **kwargs)

        return counted

    def module(self, text: str = MODEL) -> types.ModuleType:
        """The module with this text, as a new process would import it."""
        self.file.write_text(text, encoding="utf-8")
        module = types.ModuleType(MODULE)
        sys.modules[MODULE] = module
        exec(compile(text, str(self.file), "exec"), vars(module))
        return module

    def gradient(self, function: Any, *args: Any, **options: Any) -> tuple[Any, bool]:
        """The gradient, and whether it came from the disk without compiling."""
        before = self.compiled
        df = srcad.grad(function, cache=self.directory, **options)
        result = df(*args)
        hit = df.cache_info()["disk_hits"] == 1
        assert hit is (self.compiled == before)
        return result, hit

    def files(self) -> list[Path]:
        return sorted(self.directory.glob("*.py")) if self.directory.is_dir() else []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.delenv("SRCAD_CACHE_DIR", raising=False)
    # Another test may have registered rules; with rules of the user's own nothing is stored.
    package = str(Path(srcad.__file__).parent)
    own = {fn: rule for fn, rule in registry.TABLE.items() if rule.declared.startswith(package)}
    monkeypatch.setattr(stored, "TABLE", own)
    yield Project(tmp_path, monkeypatch)
    sys.modules.pop(MODULE, None)


# -- the disk: hits


def test_nothing_is_stored_without_the_option(project: Project) -> None:
    df = srcad.grad(project.module().loss)
    assert df(1.0) == pytest.approx(GRADIENT)
    assert df.cache_info()["disk_misses"] == df.cache_info()["disk_hits"] == 0
    assert project.files() == []


def test_a_second_process_compiles_nothing(project: Project) -> None:
    assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), False)
    assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), True)
    assert len(project.files()) == 1


def test_real_processes_with_other_hash_seeds(project: Project) -> None:
    project.file.write_text(MODEL, encoding="utf-8")
    script = f"""
import sys
import numpy as np, srcad, srcad.compiler, {MODULE} as model
if sys.argv[1] == "hit":
    def lower(*args):
        raise SystemExit("compiled again")
    srcad.compiler.lower = lower
df = srcad.grad(model.loss)
value, pull = srcad.vjp(model.loss, 2.0)
print(df(2.0), value, pull(1.5), srcad.jvp(model.loss, (2.0,), (3.0,)))
print(srcad.hvp(model.loss, (2.0,), (1.0,)), df.source)
print(df.cache_info()["disk_hits"], file=sys.stderr)
"""
    outputs = []
    for seed, expected in (("1", "miss"), ("2", "hit")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT),
                       "SRCAD_CACHE_DIR": str(project.directory)}  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", script, expected], env=environment, cwd=project.file.parent,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stderr == f"{int(expected == 'hit')}\n"
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert len(project.files()) == 4


def test_the_environment_or_the_option_chooses_the_directory(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = project.module()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        srcad.grad(module.loss, cache="disk")(1.0)
        assert len(list((tmp_path / "xdg" / "srcad").glob("*.py"))) == 1
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path / "environment"))
    srcad.grad(module.loss, cache="disk")(1.0)
    info = srcad.grad(module.loss)
    info(1.0)
    assert info.cache_info()["disk_hits"] == 1
    assert len(list((tmp_path / "environment").glob("*.py"))) == 1
    assert project.gradient(module.loss, 1.0) == (pytest.approx(GRADIENT), False)


def test_what_is_rebuilt_is_what_was_compiled(project: Project) -> None:
    def made() -> srcad.Derivative:
        df = srcad.grad(project.module().loss, cache=project.directory)
        df(1.0)
        return df

    first, second = made(), made()
    assert second.cache_info() == {
        "hits": 0, "misses": 1, "invalidated": 0, "disk_hits": 1, "disk_misses": 0, "entries": 1,
    }  # fmt: skip
    assert second.source == first.source
    assert second.signatures == first.signatures == ["x: float"]
    before = project.compiled
    assert str(second.ir) == str(first.ir)
    assert project.compiled == before + 1  # only now
    (guards, again) = ([g.holds() for g in c._recent[0].guards] for c in (first, second))
    assert len(guards) <= len(again) + 1 and all(again)  # a place counts once
    second(2.0)
    assert second.cache_info()["misses"] == 1


def test_rebuilt_code_is_that_of_the_file_on_disk(project: Project) -> None:
    text = "def loss(x):\n    if x > 5.0:\n        raise ValueError('too big')\n    return x * x\n"
    for _ in range(2):
        df = srcad.grad(project.module(text).loss, cache=project.directory)
        assert df(1.0) == 2.0
    (file,) = project.files()
    run = df._recent[0].run
    assert run.__code__.co_filename == str(file)
    assert inspect.getsource(run) == df.source
    with pytest.raises(ValueError, match="too big") as caught:
        df(6.0)
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert frame.filename == str(file) and "raise ValueError" in (frame.line or "")


VJP = """\
import numpy as np
SCALE = 2.0


def several(p, x):
    y = np.sin(p["w"] * x)
    return {"out": (y * SCALE, 3), "rest": [p["b"] * y, "text"]}
"""


def test_vjp_of_structures(project: Project) -> None:
    p, x = {"w": np.array([0.5, 1.5]), "b": 2.0}, np.array([1.0, 3.0])
    seed = {"out": (np.array([1.0, 2.0]), None), "rest": [np.array([3.0, 4.0]), None]}
    results, texts = [], []
    for _ in range(2):
        module = project.module(VJP)
        value, pull = srcad.vjp(module.several, p, x, cache=project.directory)
        results.append((value, pull(seed), pull(seed)))
        ((_, table),) = [module.several.__srcad_derivatives__]
        (df,) = table.values()
        texts.append(df.source)
        module.SCALE = 3.0  # read live
        value, pull = srcad.vjp(module.several, p, x, cache=project.directory)
        assert np.array_equal(value["out"][0], 3.0 * np.sin(p["w"] * x))
    assert df.cache_info()["disk_hits"] == 1
    assert texts[0] == texts[1]
    assert repr(results[0]) == repr(results[1])
    (grads, x_bar), y = results[1][1], np.sin(p["w"] * x)
    y_bar = np.array([2.0, 4.0]) + 2.0 * np.array([3.0, 4.0])
    assert np.allclose(grads["b"], np.sum(y * np.array([3.0, 4.0])))
    assert np.allclose(grads["w"], y_bar * np.cos(p["w"] * x) * x)
    assert np.allclose(x_bar, y_bar * np.cos(p["w"] * x) * p["w"])


def test_each_transform_and_signature_has_its_own_file(project: Project) -> None:
    module = project.module("def f(x, y):\n    return (x * x * y).sum()\n")
    a, b = np.array([1.0, 2.0]), np.array([[3.0], [4.0]])
    for _ in range(2):
        df = srcad.grad(module.f, cache=project.directory)
        assert np.allclose(df(a, b), 2 * a * b.sum())
        assert np.allclose(df(a.astype("f4"), a.astype("f4")), 2 * a * a)
        assert df(a.astype("f4"), a).dtype == np.float32
        dg = srcad.value_and_grad(module.f, argnums=("x", 1), cache=project.directory)
        assert np.allclose(dg(a, a)[1][1], a * a)
        products = srcad.hvp(module.f, (a, a), (a, a), cache=project.directory)
        assert np.allclose(products[1], 2 * a * a)
    assert df.cache_info()["disk_hits"] == 3
    assert len(project.files()) == 5


def test_static_arguments_count(project: Project) -> None:
    for hit in (False, True):
        loss = project.module().loss
        assert project.gradient(loss, 1.0, "square") == (pytest.approx(GRADIENT), hit)
        assert project.gradient(loss, 1.0, "cube") == (pytest.approx(GRADIENT + 1.0), hit)
    assert len(project.files()) == 2


KINDS = """\
def f(x, n):
    if isinstance(n, int):
        return x * n
    return x * x * n


def pairs(x):
    return {1j: x * x}
"""


def test_generic_code_that_needs_a_type(project: Project) -> None:
    """It is kept in memory with that type, and not on disk."""
    df = srcad.grad(project.module(KINDS).f, generic=True, cache=project.directory)
    assert recompiled(project, df, 3.0, 2) == (2.0, 2)
    assert recompiled(project, df, 3.0, 2.0) == (12.0, 2)
    assert recompiled(project, df, 4.0, 3) == (3.0, 0)
    assert project.files() == []


def test_keys_that_json_does_not_know(project: Project) -> None:
    for _ in range(2):
        value, pull = srcad.vjp(project.module(KINDS).pairs, 3.0, cache=project.directory)
        assert value == {1j: 9.0} and pull({1j: 1.0}) == (6.0,)
    assert project.files() == []


NEEDS = """\
import numpy as np


def powers(x, n, cases=(2,)):
    total = 0.0
    parts = (x, x * x, x * x * x)
    for case in cases:
        total = total + parts[n] * case
    return total
"""


def test_values_of_arguments_that_were_needed(project: Project) -> None:
    for hit in (False, True):
        module = project.module(NEEDS)
        assert project.gradient(module.powers, 3.0, 1) == (12.0, hit)
        assert project.gradient(module.powers, 3.0, 2) == (54.0, hit)
        assert project.gradient(module.powers, 3.0, 0) == (2.0, hit)
    changed = NEEDS.replace("parts[n]", "parts[n - n]")  # the value is not needed any more
    assert project.gradient(project.module(changed).powers, 3.0, 2) == (2.0, False)
    assert project.gradient(project.module(changed).powers, 3.0, 1)[0] == 2.0
    assert project.gradient(project.module(NEEDS).powers, 3.0, 2)[0] == 54.0


# -- the disk: misses

CHANGES = {
    "callee": ("    return inner(a) * scale", "    return inner(a) * scale * 1.5", 3.0),
    "callee_of_callee": ("a * K if", "a * K * 2.0 if", 6.0),
    "constant_in_callee": ("return 2.0 * a", "return 2.5 * a", 0.5),
    "static_global": ("DEEP = True", "DEEP = False", -4.0),
    "type_of_a_global": ("K = 3.0", "K = np.float32(3.0)", 0.0),
    "default": ("scale=2.0", "scale=3.0", 3.0),
    "keyword_default": ("shift=1.0", "shift=2.0", 1.0),
    "own_default": ('kind="square"', 'kind="cube"', 1.0),
    "class_attribute": ("power = 2\n", "power = 3\n", 1.0),
    "item_of_a_dict": ('"square": 2', '"square": 4', 2.0),
    "length_of_a_list": ("[1, 2]", "[1, 2, 2]", 2.0),
    "function_in_a_dict": ("return 0.5 * a", "return 0.75 * a", 0.25),
    "other_function": ('{"half": halved}', '{"half": Tools.twice}', 1.5),
    "number_of_another_kind": ("[1, 2]", "[1, 2.0]", 0.0),
    "the_function_itself": ("    return total + x", "    return total + 2.0 * x + x", 2.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_by_the_next_process(project: Project, change: str) -> None:
    old, new, difference = CHANGES[change]
    assert MODEL.count(old) == 1
    assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), False)
    changed = MODEL.replace(old, new)
    expected = pytest.approx(GRADIENT + difference)
    assert project.gradient(project.module(changed).loss, 1.0) == (expected, False)
    assert project.gradient(project.module(changed).loss, 1.0) == (expected, True)
    assert project.gradient(project.module().loss, 1.0)[0] == pytest.approx(GRADIENT)


def test_what_makes_no_difference_is_a_hit(project: Project) -> None:
    project.gradient(project.module().loss, 1.0)
    same = MODEL.replace("# the loss\n", "# another comment\n").replace("K = 3.0", "K = 4.0")
    same = same.replace("return 0.5 * a\n\n", "return (0.5\n            * a)\n")  # one line more
    result, hit = project.gradient(project.module(same).loss, 1.0)
    assert hit
    assert result == pytest.approx(GRADIENT + 2.0)  # K is read live


def test_a_function_that_has_moved_is_printed_anew(project: Project) -> None:
    project.gradient(project.module().loss, 1.0)
    moved = project.module("# a new first line\n" + MODEL)
    df = srcad.grad(moved.loss, cache=project.directory)
    df(1.0)
    assert df.cache_info()["disk_misses"] == 1
    assert f"{MODULE}.py:{moved.loss.__code__.co_firstlineno})" in df.source


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (np, "__version__", "2.99.0"),
        (stored, "source_digest", lambda: "another srcad"),
        (sys, "implementation", types.SimpleNamespace(cache_tag="cpython-399")),
    ],
    ids=["numpy", "srcad", "python"],
)
def test_another_version_is_a_miss(project: Project, owner: Any, name: str, value: Any) -> None:
    project.gradient(project.module().loss, 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, value)
        key = stored.key_of(project.module().loss, {}, {}, {})
        assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), False)
    assert key != stored.key_of(project.module().loss, {}, {}, {})
    assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), True)


def test_the_digest_of_srcad_covers_its_version() -> None:
    files = [line.split(" ")[0] for line in disk._python_files(os.path.dirname(srcad.__file__))]
    assert srcad.__file__ in files


@pytest.mark.parametrize("options", [{"optimize": False}, {"generic": True}, {"argnums": "x"}])
def test_options_count(project: Project, options: dict[str, Any]) -> None:
    project.gradient(project.module().loss, 1.0)
    hit = options == {"argnums": "x"}  # the same as 0
    assert project.gradient(project.module().loss, 1.0, **options) == (
        pytest.approx(GRADIENT), hit,
    )  # fmt: skip
    assert project.gradient(project.module().loss, 1.0, **options)[1]


def test_a_new_object_under_an_old_name(project: Project) -> None:
    """What is at a place may have become something else altogether."""
    project.gradient(project.module().loss, 1.0)
    replacements = {
        "a_class": "class helper:\n    pass\n",
        "a_ufunc": "helper = np.sin\n",
        "a_number": "helper = 1.0\n",
        "a_partial": "import functools\nhelper = functools.partial(inner)\n",
        "nothing": "del helper\n",
    }
    for replacement in replacements.values():
        module = project.module(MODEL + "\n\n" + replacement)
        df = srcad.grad(module.loss, cache=project.directory)
        try:
            df(1.0)
        except srcad.SrcadError:
            pass
        assert df.cache_info()["disk_hits"] == 0


def test_one_object_or_two(project: Project) -> None:
    text = (
        "def make(k):\n    def layer(a):\n        return a * 2.0\n    return layer\n\n"
        "first = make(1)\nsecond = {}\n\n\n"
        "def loss(x):\n    if first is second:\n        return x\n    return first(x) + second(x)\n"
    )
    other, one = text.format("make(2)"), text.format("first")
    assert project.gradient(project.module(other).loss, 1.0) == (4.0, False)
    assert project.gradient(project.module(one).loss, 1.0) == (1.0, False)
    assert project.gradient(project.module(one).loss, 1.0) == (1.0, True)
    assert project.gradient(project.module(other).loss, 1.0) == (4.0, False)


def test_functions_of_numpy_that_were_replaced(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import numpy as np\n\n\ndef loss(x):\n    return np.sum(np.sin(x))\n"
    x = np.array([0.0, 1.0])
    assert np.allclose(project.gradient(project.module(text).loss, x)[0], np.cos(x))
    module = project.module(text + "\n\ndef patched(a):\n    return a * a\n")
    monkeypatch.setattr(np, "sin", module.patched)
    result, hit = project.gradient(module.loss, x)
    assert np.allclose(result, 2 * x) and not hit
    patched = module.patched
    patched.__module__, patched.__qualname__ = "numpy", "sin"  # as functools.wraps does
    result, hit = project.gradient(module.loss, x)
    assert np.allclose(result, 2 * x) and not hit


# -- the disk: what cannot be stored

OBJECTS = """\
import numpy as np


class Config:
    def __init__(self):
        self.k = 2.0
        self.w = np.array([1.0, 2.0])

    def scaled(self, x):
        return x * self.k


config = Config()


def uses_object(x):
    return x * config.k


def uses_array(x):
    return (x * config.w).sum()


def calls(x, act):
    return act(x) * 2.0


def doubled(x):
    return 2.0 * x


double = lambda x: 2.0 * x
"""


def test_what_cannot_be_described_is_compiled_in_each_process(project: Project) -> None:
    for _ in range(2):
        module = project.module(OBJECTS)
        assert project.gradient(module.uses_object, 1.0) == (2.0, False)
        assert project.gradient(module.uses_array, 1.0) == (3.0, False)
        scaled = project.gradient(module.Config.scaled, module.config, 3.0, argnums="x")
        assert scaled == (2.0, False)
        assert project.gradient(module.calls, 1.0, lambda x: x * x) == (4.0, False)
        assert project.files() == []
    for hit in (False, True):
        module = project.module(OBJECTS)
        assert project.gradient(module.calls, 1.0, module.doubled) == (4.0, hit)


def test_closures_are_stored_with_what_they_hold(project: Project) -> None:
    text = (
        "def make(k, act, flag):\n    def f(x):\n"
        "        return act(x) * k if flag else x\n    return f\n\n\n"
        "def square(x):\n    return x * x\n\n\ndef cube(x):\n    return x * x * x\n"
    )
    for hit in (False, True):
        module = project.module(text)
        assert project.gradient(module.make(2.0, module.square, True), 3.0) == (12.0, hit)
        # k is read live, the rest is static
        assert project.gradient(module.make(5.0, module.square, True), 3.0) == (30.0, True)
    assert project.gradient(module.make(2.0, module.cube, True), 3.0) == (54.0, False)
    assert project.gradient(module.make(2.0, module.square, False), 3.0) == (1.0, False)
    assert project.gradient(module.make(2.0, lambda x: x, True), 3.0)[0] == 2.0


def steep(x):
    return x * x


def uses_steep(x, n):
    return steep(x) * n


def test_a_declared_rule_counts_for_what_was_compiled_before() -> None:
    df = srcad.grad(uses_steep)
    text = srcad.vjp(uses_steep, 3.0, 2.0)[1]
    assert df(3.0, 2.0) == df(3.0, 2.0) == 12.0
    try:
        for slope in (5.0, 7.0):
            srcad.rules.elementwise(steep, lambda y, x, slope=slope: slope)
            assert df(3.0, 2.0) == df(3.0, 2.0) == 2.0 * slope
            assert srcad.vjp(uses_steep, 3.0, 2.0)[1](1.0) == (2.0 * slope, 9.0)
            assert srcad.jvp(uses_steep, (3.0, 2.0), (1.0, None))[1] == 2.0 * slope
    finally:
        del registry.TABLE[steep]
    assert text(1.0) == (12.0, 9.0)  # a pullback belongs to the call that gave it


def test_with_rules_of_the_users_own_nothing_is_stored(project: Project) -> None:
    module = project.module(MODEL)
    rule = registry.TABLE[np.sin]
    mine = dataclasses.replace(rule, declared=f"{project.file}:1")
    project.monkeypatch.setattr(stored, "TABLE", {**stored.TABLE, rule.fn: mine})
    for _ in range(2):
        assert project.gradient(module.loss, 1.0) == (pytest.approx(GRADIENT), False)
    assert project.files() == []


# -- the disk: trouble


@pytest.mark.parametrize("damage", ["altered", "truncated", "emptied", "of_another_key"])
def test_a_damaged_file_is_a_miss_and_is_replaced(project: Project, damage: str) -> None:
    project.gradient(project.module().loss, 1.0)
    (file,) = project.files()
    content = file.read_bytes()
    if damage == "altered":
        file.write_bytes(content.replace(b"math.cos", b"math.sin"))
    elif damage == "truncated":
        file.write_bytes(content[: len(content) * 2 // 3])
    elif damage == "emptied":
        file.write_bytes(b"")
    else:
        project.gradient(project.module("def loss(x):\n    return x * 9.0\n").loss, 1.0)
        (other,) = set(project.files()) - {file}
        file.write_bytes(other.read_bytes())
    assert file.read_bytes() != content
    assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), False)
    assert file.read_bytes() == content
    assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), True)


@posix
@pytest.mark.parametrize("trouble", ["a_link", "open_to_all", "a_file"])
def test_an_unsafe_directory_is_not_used(project: Project, trouble: str, tmp_path: Path) -> None:
    project.gradient(project.module().loss, 1.0)
    real = tmp_path / "real"
    project.directory.rename(real)
    before = {path.name: path.read_bytes() for path in real.iterdir()}
    if trouble == "a_link":
        project.directory.symlink_to(real)
    elif trouble == "a_file":
        project.directory.write_text("")
    else:
        real.chmod(0o777)
        real.rename(project.directory)
        real = project.directory
    with pytest.warns(srcad.SrcadCacheWarning):
        assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # one warning is enough
        assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), False)
    assert {path.name: path.read_bytes() for path in real.iterdir()} == before


@posix
def test_a_linked_file_is_not_read(project: Project, tmp_path: Path) -> None:
    project.gradient(project.module().loss, 1.0)
    (file,) = project.files()
    file.rename(tmp_path / "elsewhere.py")
    file.symlink_to(tmp_path / "elsewhere.py")
    assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), False)
    assert not file.is_symlink()


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_directory_is_of_use(project: Project) -> None:
    project.gradient(project.module().loss, 1.0)
    project.directory.chmod(0o500)
    try:
        assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), True)
        with pytest.warns(srcad.SrcadCacheWarning, match="cannot be written"):
            assert project.gradient(project.module().loss, 1.0, generic=True)[0] == pytest.approx(
                GRADIENT
            )
    finally:
        project.directory.chmod(0o700)


def test_a_read_only_file_system_is_of_use(project: Project) -> None:
    project.gradient(project.module().loss, 1.0)

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for owner, name in ((tempfile, "mkstemp"), (os, "utime")):
        project.monkeypatch.setattr(owner, name, refuse)
    assert project.gradient(project.module().loss, 1.0) == (pytest.approx(GRADIENT), True)
    with pytest.warns(srcad.SrcadCacheWarning, match="Read-only file system"):
        result = project.gradient(project.module().loss, 1.0, generic=True)
    assert result == (pytest.approx(GRADIENT), False)


def test_an_option_that_is_no_path_is_refused_at_once() -> None:
    with pytest.raises(TypeError):
        srcad.grad(square_loss, cache=True)


def _worker(start: Any, results: Any, directory: Path, number: int) -> None:
    module = sys.modules[MODULE]
    start.wait(60)
    found = []
    for scale in range(4):
        value, pull = srcad.vjp(module.powers, 3.0, scale % 3, cache=directory)
        found.append((value, pull(1.0)[0]))
    found.append(srcad.grad(module.powers, cache=directory)(2.0, 1))
    results.put((number, found))


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_sixteen_processes_fill_one_cache_at_once(project: Project) -> None:
    project.module(NEEDS)
    context = multiprocessing.get_context("fork")
    start, results = context.Event(), context.Queue()
    workers = [
        context.Process(target=_worker, args=(start, results, project.directory, k))
        for k in range(16)
    ]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    found = dict(results.get(timeout=60) for _ in workers)
    expected = [(6.0, 2.0), (18.0, 12.0), (54.0, 54.0), (6.0, 2.0), 8.0]
    assert found == {k: expected for k in range(16)}
    assert sorted(path.suffix for path in project.directory.iterdir()) == [".py"] * 6
    assert project.gradient(sys.modules[MODULE].powers, 2.0, 1) == (8.0, True)


def test_nothing_in_a_file_is_run_when_it_is_read(project: Project) -> None:
    project.gradient(project.module().loss, 1.0)
    (file,) = project.files()
    lines = file.read_text(encoding="utf-8").split("\n")
    header = json.loads(lines[5].removeprefix("# stored as: "))
    assert header["names"] == ["loss_grad"]
    assert all(line.startswith("#") for line in lines[:4])
    assert "pickle" not in vars(stored) and "eval(" not in inspect.getsource(stored)


# -- memory: guards


def recompiled(project: Project, df: srcad.Derivative, *args: Any) -> tuple[Any, int]:
    """The result of a call, and how often it was lowered for it."""
    before = project.compiled
    return df(*args), project.compiled - before


def test_a_callee_is_redefined(project: Project) -> None:
    module = project.module()
    df = srcad.grad(module.loss)
    assert recompiled(project, df, 1.0) == (pytest.approx(GRADIENT), 1)
    assert recompiled(project, df, 2.0)[1] == 0
    module.inner = module.halved
    assert recompiled(project, df, 1.0) == (pytest.approx(GRADIENT - 5.0), 1)
    module.helper.__code__ = module.halved.__code__
    assert recompiled(project, df, 1.0) == (pytest.approx(GRADIENT - 6.5), 1)
    module.Tools.twice = staticmethod(module.halved)
    assert recompiled(project, df, 1.0) == (pytest.approx(GRADIENT - 8.0), 1)
    assert recompiled(project, df, 1.0)[1] == 0
    assert df.cache_info()["invalidated"] == 3 and df.cache_info()["entries"] == 1


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("POWERS.append(3)", 3.0),
        ("POWERS[0] = 4", 3.0),
        ("KINDS['square'] = 4", 2.0),
        ("ACTIVATIONS['half'] = Tools.twice", 1.5),
        ("DEEP = False", -4.0),
        ("Tools.power = 3", 1.0),
        ("helper.__defaults__ = (3.0,)", 3.0),
        ("helper.__kwdefaults__ = {'shift': 2.0}", 1.0),
        ("helper.__kwdefaults__['shift'] = 3.0", 2.0),
        ("math = np", 0.0),
    ],
)
def test_a_static_object_changes(project: Project, statement: str, difference: float) -> None:
    module = project.module()
    df = srcad.grad(module.loss)
    assert df(1.0) == pytest.approx(GRADIENT)
    exec(statement, vars(module))
    assert recompiled(project, df, 1.0) == (pytest.approx(GRADIENT + difference), 1)
    assert recompiled(project, df, 1.0)[1] == 0


def test_an_equal_constant_is_no_change(project: Project) -> None:
    module = project.module()
    df = srcad.grad(module.loss)
    df(1.0)
    module.Tools.power = int("2")
    module.KINDS["square"] = int("2")
    module.DEEP = bool(1)
    assert recompiled(project, df, 1.0) == (pytest.approx(GRADIENT), 0)


def test_a_number_is_read_live_and_its_type_is_guarded(project: Project) -> None:
    module = project.module()
    df = srcad.grad(module.loss)
    df(1.0)
    module.K = 5.0
    assert recompiled(project, df, 1.0) == (pytest.approx(GRADIENT + 4.0), 0)
    module.K = np.array([5.0, 6.0])
    with pytest.raises(srcad.SignatureError):
        df(1.0)
    module.K = 7
    assert recompiled(project, df, 1.0) == (pytest.approx(GRADIENT + 8.0), 1)
    module.K = 8
    assert recompiled(project, df, 1.0) == (pytest.approx(GRADIENT + 10.0), 0)


def test_closure_cells(project: Project) -> None:
    text = (
        "def make(act, k):\n    def f(x):\n        return act(x) * k\n"
        "    def change(new_act, new_k):\n        nonlocal act, k\n"
        "        act, k = new_act, new_k\n"
        "    return f, change\n\n\n"
        "def square(x):\n    return x * x\n\n\ndef cube(x):\n    return x * x * x\n"
    )
    module = project.module(text)
    f, change = module.make(module.square, 2.0)
    df = srcad.grad(f)
    assert recompiled(project, df, 3.0) == (12.0, 1)
    change(module.square, 3.0)
    assert recompiled(project, df, 3.0) == (18.0, 0)
    change(module.cube, 3.0)
    assert recompiled(project, df, 3.0) == (81.0, 1)


def test_functions_of_numpy_are_patched(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import numpy as np\n\n\ndef f(x):\n    return np.sin(x)\n"
    module = project.module(text + "\n\ndef g(x):\n    return x * x\n")
    df = srcad.grad(module.f)
    assert df(0.5) == np.cos(0.5)
    monkeypatch.setattr(np, "sin", module.g)
    assert recompiled(project, df, 0.5) == (1.0, 1)


def test_builtins_are_shadowed_later(project: Project) -> None:
    text = (
        "def f(x):\n    return abs(x) * 2.0\n\n\n"
        "def g(x, n):\n    i = 0\n    while i < n:\n"
        "        x = x * x\n        i = i + 1\n    return x\n\n\n"
        "def mine(x):\n    return x * x\n"
    )
    module = project.module(text)
    df, dg = srcad.grad(module.f), srcad.grad(module.g)
    assert df(-3.0) == -2.0
    assert dg(2.0, 2) == 32.0
    module.abs = module.mine
    assert recompiled(project, df, -3.0) == (-12.0, 1)
    # What only the generated text calls stays what it was.
    assert "reversed(" in dg.source or "range(" in dg.source or "float(" in dg.source
    for name in ("reversed", "range", "float", "zip", "len"):
        setattr(module, name, module.mine)
    assert recompiled(project, dg, 2.0, 2) == (32.0, 0)


def test_names_that_only_the_text_uses_are_guarded(project: Project) -> None:
    text = (
        f"from math import sin\nimport numpy as np\nimport {MODULE}_other as other\n\n\n"
        "def f(x):\n    return other.f(x)\n\n\ndef sine(x):\n    return x\n"
    )
    other = types.ModuleType(f"{MODULE}_other")
    source = "import numpy\n\n\ndef f(x):\n    return numpy.sum(numpy.cos(x))\n"
    file = project.file.with_name(f"{MODULE}_other.py")
    file.write_text(source, encoding="utf-8")
    exec(compile(source, str(file), "exec"), vars(other))
    project.monkeypatch.setitem(sys.modules, other.__name__, other)
    module = project.module(text)
    df = srcad.grad(module.f)
    x = np.array([1.0, 2.0])
    assert np.allclose(df(x), -np.sin(x))
    assert "np.sin" in df.source  # by the name that this module has for NumPy
    module.np = None
    assert np.allclose(df(x), -np.sin(x))


def test_methods(project: Project) -> None:
    text = (
        "class Model:\n    def __init__(self, k):\n        self.k = k\n"
        "    def act(self, x):\n        return x * x * self.k\n"
        "    def loss(self, x):\n        return self.act(x)\n\n\n"
        "def cube(self, x):\n    return x * x * x\n"
    )
    module = project.module(text)
    df = srcad.grad(module.Model.loss, argnums="x")
    model = module.Model(2.0)
    assert recompiled(project, df, model, 3.0) == (12.0, 1)
    model.k = 4.0
    assert recompiled(project, df, model, 3.0) == (24.0, 0)
    assert recompiled(project, df, module.Model(1.0), 3.0) == (6.0, 0)
    module.Model.act = module.cube
    assert recompiled(project, df, model, 3.0) == (27.0, 1)
    model.k = 1
    assert recompiled(project, df, model, 3.0)[0] == 27.0


def test_static_arguments_are_compared_by_value(project: Project) -> None:
    text = NEEDS + "\n\ndef picked(x, cases):\n    return (x, x * x, x * x * x)[cases[0]]\n"
    module = project.module(text)
    df, cases = srcad.grad(module.picked), [1, 2]
    assert recompiled(project, df, 3.0, cases)[0] == 6.0
    assert recompiled(project, df, 3.0, [1, 2]) == (6.0, 0)
    cases[0] = 2  # the caller changes a list that was looked at
    assert recompiled(project, df, 3.0, cases)[0] == 27.0
    df = srcad.grad(module.powers)
    assert df(3.0, np.int64(1)) == 12.0
    assert recompiled(project, df, 3.0, np.int64(2))[0] == 54.0
    assert recompiled(project, df, 3.0, np.int64(1)) == (12.0, 0)


def test_defaults_that_are_no_literals(project: Project) -> None:
    text = (
        "import numpy as np\n\n\n"
        "def f(x, n=2, cases=(1.0, 2.0), *, w=np.ones(2)):\n"
        "    return x * cases[0] * n + (x * w).sum()\n"
    )
    f = project.module(text).f
    df = srcad.grad(f)
    assert [df(1.0), df(1.0, 3), df(1.0, 3, (2.0,)), df(1.0, w=np.ones(3))] == [4.0, 5.0, 8.0, 5.0]
    f.__defaults__ = (3, (4.0,))
    assert df(1.0) == 14.0
    f.__kwdefaults__["w"] = np.ones(5)
    assert df(1.0) == 17.0
    value, pull = srcad.vjp(f, 1.0)
    assert (value, pull(1.0)) == (17.0, (17.0,))


def test_an_array_is_no_static_argument(project: Project) -> None:
    text = "def picked(x, cases):\n    return (x, x * x, x * x * x)[cases[0]]\n"
    df = srcad.grad(project.module(text).picked)
    assert df(3.0, np.array([1, 2])) == 6.0
    assert df(3.0, np.array([2, 1])) == 27.0
    assert df.cache_info()["misses"] == 1


def test_ids_are_not_used_again(project: Project) -> None:
    text = "def apply(x, act):\n    return act(x)\n\n\n" + "\n".join(
        f"def make{k}():\n    return lambda x: x * {k}.0\n\n" for k in range(20)
    )
    module = project.module(text)
    df = srcad.grad(module.apply)
    for k in range(20):
        assert df(1.0, getattr(module, f"make{k}")()) == float(k)
        gc.collect()


# -- memory: bounds


def test_dropped_functions_leave_nothing(project: Project) -> None:
    text = "def make(k):\n    def f(x):\n        return x * x * k\n    return f\n"
    module = project.module(text)

    def texts() -> int:
        return sum(name.startswith("<srcad") for name in linecache.cache)

    def alive() -> int:
        gc.collect()
        kinds = (srcad.Derivative, compiler.Compiled)
        return sum(isinstance(thing, kinds) for thing in gc.get_objects())

    before, texts_before = alive(), texts()
    functions: list[weakref.ref[Any]] = []
    for k in range(200):
        f = module.make(float(k))
        assert srcad.grad(f)(2.0) == 4.0 * k
        assert srcad.jvp(f, (2.0,), (1.0,))[1] == 4.0 * k  # kept with the function
        functions.append(weakref.ref(f))
    del f
    assert alive() == before and texts() == texts_before
    assert all(f() is None for f in functions)


def test_redefinitions_in_one_module_leave_nothing(project: Project) -> None:
    def texts() -> set[str]:
        gc.collect()
        return {name for name in linecache.cache if name.startswith("<srcad")}

    before = texts()
    for k in range(50):
        module = project.module(f"def f(x):\n    return x * x * {k}.0\n")
        module.df = srcad.grad(module.f)
        assert module.df(3.0) == 6.0 * k
    assert len(texts() - before) == 1
    del module
    del sys.modules[MODULE]
    assert texts() <= before


def test_arguments_are_not_kept_alive(project: Project) -> None:
    module = project.module("def f(p, x):\n    return (p['w'] * x).sum()\n")
    df = srcad.grad(module.f)
    w, x = np.ones(3), np.arange(3.0)
    alive = [weakref.ref(w), weakref.ref(x)]
    assert np.array_equal(df({"w": w}, x)["w"], x)
    del w, x
    gc.collect()
    assert [ref() for ref in alive] == [None, None]
    assert np.array_equal(df({"w": np.ones(2)}, np.ones(2))["w"], np.ones(2))
    assert df.cache_info()["misses"] == 1


@pytest.fixture
def few_signatures(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(derivative, "MAX_SIGNATURES", 8)
    yield 8


def test_many_values_of_a_static_argument(project: Project, few_signatures: int) -> None:
    text = "def f(x, n, k):\n    parts = (x, x * x) * 20\n    return parts[n] * k\n"
    df = srcad.grad(project.module(text).f)
    with pytest.warns(UserWarning, match="`n` changed with each call") as caught:
        for n in range(40):
            assert df(3.0, n, 2.0) == (12.0 if n % 2 else 2.0)
    assert len(caught) == 1
    assert df.cache_info()["entries"] <= 2 * few_signatures
    assert recompiled(project, df, 3.0, 39, 2.0)[1] == 0
    assert recompiled(project, df, 3.0, 0, 2.0)[1] == 0


def test_many_types_share_generic_code(project: Project, few_signatures: int) -> None:
    text = "import numpy as np\n\n\ndef f(x, y):\n    return np.sum(x * y)\n"
    df = srcad.grad(project.module(text).f)
    shapes = [(1,) * a + (2,) * b for a in range(5) for b in range(5)]
    with pytest.warns(UserWarning, match="`x`") as caught:
        for shape in shapes:
            x = np.full(shape, 3.0)
            assert np.array_equal(df(x, 2.0), np.full(shape, 2.0))
    assert len(caught) == 1
    assert project.compiled == few_signatures + 1
    assert recompiled(project, df, np.full((2,) * 5, 3.0), 2.0)[1] == 0
    assert df(3, 2.0) == 2.0 and type(df(3, 2.0)) is float
    with pytest.raises(srcad.SignatureError, match="int array"):
        df(np.array([1, 2]), 2.0)


def test_many_lengths(project: Project, few_signatures: int) -> None:
    text = (
        "def f(parts):\n    total = 0.0\n"
        "    for p in parts:\n        total = total + p * p\n    return total\n"
    )
    df = srcad.grad(project.module(text).f)
    with pytest.warns(UserWarning, match="`parts`") as caught:
        for length in range(1, 31):
            assert df((3.0,) * length) == (6.0,) * length
    assert len(caught) == 1
    assert df.cache_info()["entries"] <= 2 * few_signatures


# -- threads and processes


def test_threads_compile_once(project: Project) -> None:
    module = project.module()
    df = srcad.grad(module.loss)
    barrier = threading.Barrier(32)
    results: list[float] = []

    def call() -> None:
        barrier.wait()
        results.append(df(1.0))

    threads = [threading.Thread(target=call) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [pytest.approx(GRADIENT)] * 32
    assert project.compiled == 1 and df.cache_info()["misses"] == 1


def test_a_failed_compilation_leaves_no_lock(project: Project) -> None:
    df = srcad.grad(project.module("def f(x):\n    return (x, x)\n").f)
    for _ in range(2):
        with pytest.raises(srcad.SignatureError):
            df(1.0)
    thread = threading.Thread(target=lambda: pytest.raises(srcad.SignatureError, df, 1.0))
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_while_another_thread_compiles(project: Project) -> None:
    module = project.module()
    df = srcad.grad(module.loss)
    inside, go_on = threading.Event(), threading.Event()
    lower = compiler.lower

    def slow(*args: Any, **kwargs: Any) -> Any:
        inside.set()
        go_on.wait()
        return lower(*args, **kwargs)

    project.monkeypatch.setattr(compiler, "lower", slow)
    thread = threading.Thread(target=df, args=(1.0,))
    thread.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        compiler.lower = lower
        os._exit(0 if abs(df(1.0) - GRADIENT) < 1e-12 else 1)
    waiter = threading.Timer(60, os.kill, (child, 9))
    waiter.start()
    _, status = os.waitpid(child, 0)
    waiter.cancel()
    go_on.set()
    thread.join()
    assert status == 0
    assert df(1.0) == pytest.approx(GRADIENT)


# -- pickling


def square_loss(x: float, k: float = 2.0) -> float:
    return x * x * k


@srcad.grad(argnums="x")
def decorated(x: float) -> float:
    return x * x * x


gradient_of_square = srcad.value_and_grad(square_loss, argnums=(0, "k"))


def test_pickling_is_by_reference(tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(gradient_of_square, protocol))
        assert again.request == gradient_of_square.request
        assert again(3.0) == gradient_of_square(3.0) == (18.0, (12.0, 9.0))
    options = srcad.grad(square_loss, cache=tmp_path, generic=True, optimize=False)
    assert pickle.loads(pickle.dumps(options)).request == options.request
    second = srcad.grad(decorated)  # its function goes by the name of a derivative
    assert pickle.loads(pickle.dumps(second))(3.0) == 18.0
    assert len(pickle.dumps(second)) < 1000  # nothing compiled is in it


def test_what_has_no_name_is_not_pickled() -> None:
    df = srcad.grad(lambda x: x * x)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(df)


def test_a_spawned_worker_computes_derivatives() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(gradient_of_square, [1.0, 3.0]) == [(2.0, (4.0, 1.0)), (18.0, (12.0, 9.0))]
        assert pool.apply(decorated, (2.0,)) == 12.0
