"""Generated text as a live function, and the guards that say whether it still fits."""

from __future__ import annotations

import builtins
import gc
import inspect
import io
import linecache
import math
import multiprocessing
import pdb
import sys
import threading
import traceback
import types
from collections.abc import Callable

import numpy as np
import pytest

from srcad.cache import load as load_module
from srcad.cache.guards import Guard, guard_expression
from srcad.cache.load import load
from srcad.errors import InternalError


def module_function(source: str, name: str = "f", **names: object) -> types.FunctionType:
    """Return a function of a module of its own."""
    namespace: dict[str, object] = {"__name__": "model", **names}
    exec(source, namespace)
    function = namespace[name]
    assert isinstance(function, types.FunctionType)
    return function


SCALED = "def f(x):\n    return K * x\n"
SCALED_GRAD = "def f_grad(x, *, out_bar=1.0):\n    return K * out_bar\n"


# -- names


def test_global_is_read_live() -> None:
    primal = module_function(SCALED, K=2.0)
    gradient = load(SCALED_GRAD, "f_grad", primal, {}, "f_grad of model.py:1")
    assert gradient(1.0) == 2.0
    primal.__globals__["K"] = 5.0
    assert gradient(1.0) == 5.0


def test_deleted_global_is_a_name_error_with_the_users_name() -> None:
    primal = module_function(SCALED, K=2.0)
    gradient = load(SCALED_GRAD, "f_grad", primal, {}, "f_grad of model.py:1")
    del primal.__globals__["K"]
    with pytest.raises(NameError, match="name 'K' is not defined"):
        gradient(1.0)


def test_nonlocal_change_is_read_live() -> None:
    def make() -> tuple[types.FunctionType, Callable[[float], None]]:
        rate = 2.0

        def f(x: float) -> float:
            return rate * x

        def change(value: float) -> None:
            nonlocal rate
            rate = value

        return f, change  # type: ignore[return-value]

    primal, change = make()
    gradient = load("def f_grad(x):\n    return rate\n", "f_grad", primal, {}, "f_grad")
    assert gradient(1.0) == 2.0
    change(7.0)
    assert gradient(1.0) == 7.0


def test_text_may_write_the_users_cell_and_global() -> None:
    def make() -> tuple[types.FunctionType, Callable[[], int]]:
        count = 0

        def f(x: float) -> float:
            nonlocal count
            count += 1
            return x

        return f, lambda: count  # type: ignore[return-value]

    primal, count = make()
    text = "def f_fwd(x):\n    nonlocal count\n    count += 1\n    return x\n"
    forward = load(text, "f_fwd", primal, {}, "f_fwd")
    forward(1.0)
    forward(1.0)
    assert count() == 2

    primal = module_function(SCALED, K=2.0)
    text = "def f_fwd(x):\n    global K\n    K += 1\n    return x\n"
    load(text, "f_fwd", primal, {"K": "shadowed by the declaration"}, "f_fwd")(1.0)
    assert primal.__globals__["K"] == 3.0


def test_unbound_cell_is_a_name_error_until_it_is_bound() -> None:
    def make() -> tuple[types.FunctionType, Callable[[], None]]:
        def f(x: float) -> float:
            return later * x

        def bind() -> None:
            nonlocal later
            later = 3.0

        if False:
            later = 0.0
        return f, bind  # type: ignore[return-value]

    primal, bind = make()
    gradient = load("def f_grad(x):\n    return later\n", "f_grad", primal, {}, "f_grad")
    with pytest.raises(NameError, match="later"):
        gradient(1.0)
    bind()
    assert gradient(1.0) == 3.0


def test_order_of_resolution() -> None:
    def make() -> types.FunctionType:
        a = b = c = "cell"

        def f() -> tuple[str, ...]:
            return a, b, c

        return f  # type: ignore[return-value]

    primal = make()
    primal = types.FunctionType(
        primal.__code__, {"a": 0, "b": 0, "c": 0, "d": "global", "len": "global"},
        closure=primal.__closure__,
    )  # fmt: skip
    text = "def a():\n    return 'text'\ndef main():\n    return a(), b, c, d, len, max\n"
    main = load(text, "main", primal, {"a": "helper", "b": "helper"}, "main")
    assert main() == ("text", "helper", "cell", "global", "global", max)


def test_cells_of_a_callee_are_read_live_and_come_before_those_of_the_primal() -> None:
    def make(k: float) -> types.FunctionType:
        return lambda: k  # type: ignore[return-value]

    primal, cell = make(0.0), types.CellType(1.0)
    text = "def f_grad():\n    return k\n"
    gradient = load(text, "f_grad", primal, {}, "f_grad", cells={"k": cell})
    assert gradient() == 1.0
    cell.cell_contents = 4.0
    assert gradient() == 4.0
    assert load(text, "f_grad", primal, {"k": cell}, "f_grad", cells={"k": cell})() is cell


def test_without_a_primal_the_text_stands_alone() -> None:
    text = "def f_grad(x):\n    return abs(np.cos(x))\n"
    assert load(text, "f_grad", None, {"np": np}, "f_grad")(0.0) == 1.0
    with pytest.raises(NameError, match="np"):
        load(text, "f_grad", None, {}, "f_grad")(0.0)


def test_nothing_is_written_into_the_users_module() -> None:
    primal = module_function(SCALED, K=2.0)
    before = dict(primal.__globals__)
    load(SCALED_GRAD, "f_grad", primal, {"np": np}, "f_grad")(1.0)
    assert primal.__globals__ == before
    assert vars(primal) == {}


def test_functions_of_the_text_call_each_other_and_themselves() -> None:
    text = (
        "def even(n):\n    return True if n == 0 else odd(n - 1)\n"
        "def odd(n):\n    return False if n == 0 else even(n - 1)\n"
        "def main(n, f=1):\n    return even(n), main(n - 1, f * n) if n else f\n"
    )
    main = load(text, "main", None, {}, "main")
    assert main(3) == (False, (True, (False, (True, 6))))


def test_nested_function_and_lambda_see_the_cells() -> None:
    text = (
        "def main(x):\n"
        "    def pull(y_bar):\n"
        "        return [(lambda: k * y_bar * x)()]\n"
        "    return pull\n"
    )
    assert load(text, "main", None, {"k": 2.0}, "main")(3.0)(5.0) == [30.0]


def test_defaults_are_those_of_the_text() -> None:
    parameters = "(x, y=-1.5, z=(1, None), *, out_bar=1.0, flag, mode='a')"
    text = f"def main{parameters}:\n    return y, z, out_bar\n"
    main = load(text, "main", None, {}, "main")
    assert main.__defaults__ == (-1.5, (1, None))
    assert main.__kwdefaults__ == {"out_bar": 1.0, "mode": "a"}
    assert main(0.0, flag=1) == (-1.5, (1, None), 1.0)
    assert str(inspect.signature(main)) == parameters
    with pytest.raises(TypeError, match=r"^main\(\) missing"):
        main()


def test_name_docstring_and_module() -> None:
    primal = module_function(SCALED, K=2.0)
    main = load(
        'def f_grad(x):\n    """Gradient of f."""\n    return K\n', "f_grad", primal, {}, "l"
    )
    assert (main.__name__, main.__qualname__, main.__module__) == ("f_grad", "f_grad", "model")
    assert main.__doc__ == "Gradient of f."


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def f_grad(x:\n", "does not parse"),
        ("def f_grad(x):\n    return x\n    break\n", "does not compile"),
        ("import numpy\ndef f_grad(x):\n    return x\n", "something else than plain functions"),
        ("@d\ndef f_grad(x):\n    return x\n", "something else than plain functions"),
        ("def f_grad(x):\n    return x\n" * 2, "defines 'f_grad' twice"),
        ("def g(x):\n    return x\n", "no function 'f_grad'"),
        ("def f_grad(x=K):\n    return x\n", "not a literal"),
    ],
)
def test_text_that_srcad_does_not_generate_is_refused(text: str, what: str) -> None:
    with pytest.raises(InternalError, match=what) as caught:
        load(text, "f_grad", None, {}, "f_grad")
    assert caught.value.ir == text


# -- the text in tracebacks

FAILING = (
    "def g_fwd(x):\n    y = x\n    return y / 0.0  # here\n\n\n"
    "def f_grad(x):\n    return g_fwd(x)\n"
)


def test_traceback_and_getsource_show_the_text() -> None:
    gradient = load(FAILING, "f_grad", None, {}, "f_grad of model.py:12")
    name = gradient.__code__.co_filename
    assert name.startswith("<srcad f_grad of model.py:12 #") and name.endswith(">")
    assert len(name) == len("<srcad f_grad of model.py:12 #1a2b3c>")
    linecache.checkcache()
    with pytest.raises(ZeroDivisionError) as caught:
        gradient(1.0)
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert f'File "{name}", line 7, in f_grad\n    return g_fwd(x)\n' in shown
    assert f'File "{name}", line 3, in g_fwd\n    return y / 0.0  # here\n' in shown
    assert inspect.getsource(gradient) == "def f_grad(x):\n    return g_fwd(x)\n"


def test_pdb_lists_the_text() -> None:
    gradient = load(FAILING, "f_grad", None, {}, "f_grad of model.py:12")
    out = io.StringIO()
    debugger = pdb.Pdb(stdin=io.StringIO("step\nlist\ncontinue\n"), stdout=out)
    tracer = sys.gettrace()
    try:
        with pytest.raises(ZeroDivisionError):
            debugger.runcall(gradient, 1.0)
    finally:
        sys.settrace(tracer)
    assert "return y / 0.0  # here" in out.getvalue()


def test_real_file_gives_its_own_lines(tmp_path) -> None:
    file = tmp_path / "f_grad.py"
    file.write_text("# header\n# header\n\n" + FAILING, encoding="utf-8")
    entries = len(linecache.cache)
    gradient = load(FAILING, "f_grad", None, {}, "f_grad", filename=str(file), first_line=4)
    assert len(linecache.cache) == entries
    assert inspect.getsource(gradient) == "def f_grad(x):\n    return g_fwd(x)\n"
    with pytest.raises(ZeroDivisionError) as caught:
        gradient(1.0)
    last = traceback.extract_tb(caught.tb)[-1]
    assert (last.filename, last.lineno, last.line) == (str(file), 6, "return y / 0.0  # here")


def test_unicode_line_separator_in_a_string_does_not_shift_lines() -> None:
    text = "def f_grad(x):\n    s = '\u2028\x0c'\n    return x / 0\n"
    gradient = load(text, "f_grad", None, {}, "f_grad")
    assert linecache.getline(gradient.__code__.co_filename, 3) == "    return x / 0\n"


def srcad_entries() -> list[str]:
    return [name for name in linecache.cache if name.startswith("<srcad ")]


def test_dropped_functions_leave_nothing_in_linecache() -> None:
    gc.collect()
    before = len(srcad_entries())
    for i in range(1000):
        text = f"def f_grad(x):\n    return {i}.0\n"
        assert load(text, "f_grad", None, {}, f"f_grad of model.py:{i}")(0.0) == i
        assert len(srcad_entries()) <= before + 1
    assert len(srcad_entries()) == before
    text = "def f_grad(x):\n    return f_grad(x - 1) if x else 0\n"  # a cycle: for the collector
    for i in range(10):
        load(text, "f_grad", None, {}, f"f_grad of model.py:{i}")
    gc.collect()
    assert len(srcad_entries()) == before


def test_equal_texts_share_an_entry_until_the_last_is_gone() -> None:
    first = load(SCALED_GRAD, "f_grad", None, {}, "f_grad of model.py:1")
    second = load(SCALED_GRAD, "f_grad", None, {}, "f_grad of model.py:1")
    name = first.__code__.co_filename
    assert second.__code__.co_filename == name
    del first
    assert name in linecache.cache
    assert inspect.getsource(second) == SCALED_GRAD
    del second
    assert name not in linecache.cache


def test_texts_with_the_same_short_digest_keep_their_own_lines(monkeypatch) -> None:
    digests = {b"def f(): return 1\n": "abcdef0", b"def f(): return 2\n": "abcdef1"}
    monkeypatch.setattr(
        load_module.hashlib, "sha256",
        lambda content: types.SimpleNamespace(hexdigest=lambda: digests[content] + "0" * 57),
    )  # fmt: skip
    one, two = (load(text.decode(), "f", None, {}, "f") for text in digests)
    assert one.__code__.co_filename == "<srcad f #abcdef>"
    assert two.__code__.co_filename == "<srcad f #abcdef1>"
    assert inspect.getsource(one) == "def f(): return 1\n"
    assert inspect.getsource(two) == "def f(): return 2\n"


def test_release_while_the_lock_is_held_is_done_later() -> None:
    gradient = load(SCALED_GRAD, "f_grad", None, {}, "f_grad of model.py:99")
    name = gradient.__code__.co_filename
    with load_module._lock:
        del gradient  # as the collector may do at any moment, in the thread that loads
    load("def g(): pass\n", "g", None, {}, "g")
    assert name not in linecache.cache


def test_threads_load_and_drop_at_once() -> None:
    gc.collect()
    before = len(srcad_entries())
    failures: list[object] = []

    def work() -> None:
        for i in range(100):
            gradient = load(f"def f(x):\n    return {i % 3}\n", "f", None, {}, "f")
            if gradient(0) != i % 3 or not linecache.getlines(gradient.__code__.co_filename):
                failures.append(i)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load("def g(): pass\n", "g", None, {}, "g")
    assert failures == []
    assert len(srcad_entries()) == before


def load_in_child(answers: multiprocessing.SimpleQueue[float]) -> None:
    answers.put(load("def f(x):\n    return x\n", "f", None, {}, "f")(3.0))


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="processes cannot fork here"
)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_while_another_thread_loads() -> None:
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=load_in_child, args=(answers,))
    with load_module._lock:
        child.start()
    child.join(30)
    alive = child.is_alive()
    child.kill()
    assert not alive
    assert answers.get() == 3.0


# -- guards


def checks(guards: tuple[Guard, ...]) -> list[Callable[[], bool]]:
    """Functions that say by text whether the guards hold, one for each form of the text."""
    expression, bindings = guard_expression(guards)
    plain = load(f"def check():\n    return {expression}\n", "check", None, bindings, "c")
    expression, bindings = guard_expression(guards, may_raise=True)
    raising = load(f"def check():\n    return {expression}\n", "check", None, bindings, "c")

    def caught() -> bool:
        try:
            return raising()
        except KeyError:
            return False

    return [plain, caught]


def holds(*guards: Guard) -> bool:
    """Return whether the guards hold, asked in all ways, which must agree."""
    return Watch(*guards, hold=None).holds()


class Watch:
    """The expression made while the guards held, evaluated again after a change."""

    def __init__(self, *guards: Guard, hold: bool | None = True) -> None:
        self.guards = guards
        self.checks = checks(guards)
        assert hold is None or self.holds() is hold

    def holds(self) -> bool:
        found = all(guard.holds() for guard in self.guards)
        for check in self.checks:
            by_text = check()
            assert type(by_text) is bool
            assert by_text is found
        return found


def test_no_guards_hold() -> None:
    assert guard_expression([]) == ("True", {})


def test_global_guard() -> None:
    primal = module_function("def g(x): return x\ndef f(x): return g(x)\n")
    namespace = primal.__globals__
    g = namespace["g"]
    watch = Watch(Guard("global", namespace, "g", g))
    namespace["g"] = lambda x: x
    assert not watch.holds()
    namespace["g"] = g
    assert watch.holds()
    del namespace["g"]
    assert not watch.holds()


def test_global_that_is_none_is_not_a_missing_one() -> None:
    namespace: dict[str, object] = {"K": None}
    watch = Watch(Guard("global", namespace, "K", None))
    del namespace["K"]
    assert not watch.holds()


def test_builtin_guard_fails_when_a_global_shadows_it() -> None:
    namespace = module_function("def f(x): return len(x)\n").__globals__
    watch = Watch(Guard("builtin", namespace, "len", len))
    namespace["len"] = len
    assert not watch.holds()
    del namespace["len"]
    assert watch.holds()


def test_builtin_guard_fails_when_the_builtin_is_replaced(monkeypatch) -> None:
    watch = Watch(Guard("builtin", globals(), "ascii", ascii))
    monkeypatch.setattr(builtins, "ascii", repr)
    assert not watch.holds()
    monkeypatch.delattr(builtins, "ascii")
    assert not watch.holds()


def test_attribute_guard_of_a_module(monkeypatch) -> None:
    watch = Watch(Guard("attribute", np, "sin", np.sin))
    monkeypatch.setattr(np, "sin", np.cos)
    assert not watch.holds()
    monkeypatch.delattr(np, "sin")
    assert not watch.holds()


def test_attribute_guard_of_a_module_that_makes_attributes_when_asked() -> None:
    module = types.ModuleType("lazy")
    module.__getattr__ = lambda name: math.sin  # type: ignore[method-assign]
    watch = Watch(Guard("attribute", module, "sin", math.sin))
    module.sin = math.cos  # type: ignore[attr-defined]
    assert not watch.holds()


def test_attribute_guard_of_a_class_its_base_and_an_instance() -> None:
    class Base:
        def step(self) -> float:
            return 1.0

    class Model(Base):
        @classmethod
        def make(cls) -> Model:
            return cls()

    model = Model()
    watch = Watch(Guard("attribute", Model, "step", Base.step))
    bound = Watch(Guard("attribute", model, "step", model.step))
    made = Watch(Guard("attribute", Model, "make", Model.make))
    Base.step = lambda self: 2.0  # type: ignore[method-assign]
    assert not watch.holds()
    assert not bound.holds()
    assert made.holds()
    del Model.make
    assert not made.holds()
    assert not holds(Guard("attribute", Model(), "step", model.step))


def test_cell_guard() -> None:
    cell = types.CellType(np.sin)
    watch = Watch(Guard("cell", cell, "fn", np.sin))
    cell.cell_contents = np.cos
    assert not watch.holds()
    del cell.cell_contents
    assert not watch.holds()


def test_default_guard() -> None:
    def f(x: float, k: float = 2.0, *, mode: str = "a") -> float:
        return k * x

    watch = Watch(Guard("default", f, "k", 2.0))
    f.__defaults__ = (2.0,)
    assert watch.holds()
    f.__defaults__ = (1.0, 2.0)  # x has a default too: k keeps its own
    assert watch.holds()
    f.__defaults__ = (3.0,)
    assert not watch.holds()
    assert not holds(Guard("default", f, "k", 2.0))
    f.__defaults__ = None
    assert not watch.holds()


def test_kwdefault_guard() -> None:
    def f(x: float, *, mode: str = "a") -> float:
        return x

    watch = Watch(Guard("kwdefault", f, "mode", "a"))
    f.__kwdefaults__["mode"] = "b"
    assert not watch.holds()
    f.__kwdefaults__ = {"mode": "a"}
    assert watch.holds()
    f.__kwdefaults__ = None
    assert not watch.holds()


def test_code_guard() -> None:
    f = module_function(SCALED)
    watch = Watch(Guard("code", f, "f", f.__code__))
    f.__code__ = module_function("def f(x):\n    return x\n").__code__
    assert not watch.holds()


NAN = float("nan")


@pytest.mark.parametrize(
    ("expected", "same", "different"),
    [
        (2.5, [float("2.5")], [2.5000000000000004, np.float64(2.5), "2.5"]),
        (1.0, [float("1")], [1, True, 1 + 0j]),
        (0.0, [float("0")], [-0.0, 0, False]),
        (-0.0, [-float("0")], [0.0]),
        (NAN, [float("nan")], [0.0, 1.0]),
        (complex(0.0, -0.0), [complex("0-0j")], [complex(0.0, 0.0), complex(-0.0, -0.0)]),
        (10**30, [int("1" + "0" * 30)], [10**30 + 1, 1e30]),
        (1, [int("1")], [True, 1.0]),
        (True, [True], [False, 1]),
        (None, [None], [False, 0]),
        ("ab!", ["".join(["a", "b!"])], ["ab", b"ab!"]),
        (b"ab!", [bytes([97, 98, 33])], ["ab!", bytearray(b"ab!")]),
        ((1, (2.0, "a")), [(1, (float("2"), "a"))], [(1, (2, "a")), (1,), [1, (2.0, "a")]]),
        ((0.0, NAN), [(float("0"), float("nan"))], [(-0.0, NAN)]),
    ],
)
def test_constants_are_compared_by_type_and_exact_value(expected, same, different) -> None:
    namespace = {"K": expected}
    watch = Watch(Guard("global", namespace, "K", expected))
    for value in same:
        namespace["K"] = value
        assert watch.holds(), value
    for value in different:
        namespace["K"] = value
        assert not watch.holds(), value


def test_other_objects_are_compared_by_identity() -> None:
    for expected, equal in [([1], [1]), (np.ones(3), np.ones(3)), (np.float64(1), np.float64(1))]:
        namespace = {"K": expected}
        watch = Watch(Guard("global", namespace, "K", expected))
        namespace["K"] = equal
        assert not watch.holds()


def test_guards_of_a_callee_all_count_and_repeated_ones_are_checked_once() -> None:
    namespace = {"np": np, "K": 1.0}
    guards = [
        Guard("global", namespace, "np", np),
        Guard("attribute", np, "cos", np.cos),
        Guard("global", namespace, "K", 1.0),
        Guard("global", namespace, "np", np),
    ]
    expression, _ = guard_expression(guards, prefix="check_")
    assert expression.count("'np'") == 1
    assert "check_0" in expression
    watch = Watch(*guards)
    for name in list(namespace):
        kept = namespace.pop(name)
        assert not watch.holds()
        namespace[name] = kept
        assert watch.holds()
