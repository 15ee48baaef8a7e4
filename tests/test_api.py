"""The public functions, called in each of the ways that they allow."""

from __future__ import annotations

import functools
import inspect
import linecache
import math
import pickle
import threading
import traceback

import numpy as np
import pytest

import srcad
from srcad.testing import assert_close


def f(x, y=2.0):
    """A product."""
    return x * x * y


@srcad.grad
def bare(x):
    return x**3


@srcad.grad(argnums="y")
def named(x, y):
    return x * y * y


@srcad.value_and_grad(argnums=("x", "y"), has_aux=True)
def auxiliary(x, y):
    return x * y, {"sum": x + y}


def test_decorators():
    assert_close(bare(2.0), 12.0)
    assert_close(named(3.0, 2.0), 12.0)
    assert_close(auxiliary(3.0, 2.0), ((6.0, {"sum": 5.0}), (2.0, 3.0)))


@pytest.mark.parametrize(
    "argnums, expected",
    [(0, 12.0), (-1, 9.0), ("x", 12.0), ("y", 9.0), ((0,), (12.0,)), ((1, 0), (9.0, 12.0)),
     (("x", 1), (12.0, 9.0)),
     ((), ())],
)  # fmt: skip
def test_argnums(argnums, expected):
    assert_close(srcad.grad(f, argnums)(3.0, 2.0), expected)


def of_empty_derivatives(x, y):
    value, gradient = srcad.value_and_grad(f, ())(x, y)
    return value + len(gradient) + len(srcad.grad(f, ())(x, y))


@pytest.mark.parametrize("options", [{}, {"generic": True}, {"optimize": False}])
def test_no_arguments_give_no_gradients(options):
    assert srcad.grad(f, (), **options)(3.0, 2.0) == ()
    assert_close(srcad.value_and_grad(f, (), **options)(3.0, 2.0), (f(3.0, 2.0), ()))
    pair = srcad.grad(lambda x: (x * x, {"x": x}), (), has_aux=True, **options)
    assert_close(pair(3.0), ((), {"x": 3.0}))
    assert_close(srcad.jvp(f, (3.0, 2.0), (None, None), **options), (f(3.0, 2.0), 0.0))
    assert srcad.hvp(f, (3.0, 2.0), (None, None), **options) == (None, None)
    value, pull = srcad.vjp(f, x=3.0, y=2.0, **options)
    assert_close(value, f(3.0, 2.0))
    assert pull(1.0) == ()
    assert_close(
        srcad.grad(of_empty_derivatives, (0, 1), **options)(3.0, 2.0),
        srcad.grad(f, (0, 1))(3.0, 2.0),
    )


def by_path(p):
    return p["a"][1] ** 2 * p["a"][0] + p["b"]


def test_argnums_as_path():
    p = {"a": (2.0, 3.0), "b": 1.0}
    assert_close(srcad.grad(by_path, "p['a'][1]")(p), 12.0)
    assert_close(srcad.grad(by_path, ("p['b']", "p['a']"))(p), (1.0, (9.0, 12.0)))


class Model:
    def __init__(self, k):
        self.k = k

    @srcad.grad(argnums="x")
    def slope(self, x):
        return self.k * x * x


def test_argnums_of_starred_arguments():
    def f(x, *rest):
        return x * rest[0] ** 2 * rest[1]

    assert srcad.grad(f, argnums=(0, 1, 2))(2.0, 3.0, 5.0) == (45.0, 60.0, 18.0)
    assert srcad.grad(f, argnums="rest")(2.0, 3.0, 5.0) == (60.0, 18.0)
    assert srcad.jvp(f, (2.0, 3.0, 5.0), (1.0, None, 1.0)) == (90.0, 63.0)
    assert srcad.vjp(f, 2.0, 3.0, 5.0)[1](1.0) == (45.0, 60.0, 18.0)
    with pytest.raises(srcad.errors.SignatureError, match=r"no argument `rest\[2\]`"):
        srcad.grad(f, argnums=3)(2.0, 3.0, 5.0)


def doubled(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return 2.0 * function(*args, **kwargs)

    return wrapper


@doubled
def shown(x, y=3.0, *, z=1.0):
    return x * y * y * z


def test_names_that_a_decorated_function_shows():
    assert srcad.grad(shown, argnums=("y", "x"))(2.0, 5.0) == (40.0, 50.0)
    assert srcad.grad(shown, argnums=("y", "z"))(2.0) == (24.0, 36.0)
    assert srcad.grad(shown, argnums=("y", "z"))(2.0, y=5.0, z=1.0) == (40.0, 100.0)
    assert srcad.vjp(shown, 2.0, 5.0)[1](1.0) == (50.0, 40.0)


def scaled_by_others(count):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args[:count]) * sum(args[count:], 1.0)

        return wrapper

    return decorate


@scaled_by_others(2)
def product(x, y):
    return x * y


def test_arguments_divided_by_a_number_of_the_surroundings():
    assert srcad.grad(product, argnums=(0, 1, 2))(2.0, 3.0, 4.0) == (15.0, 10.0, 6.0)
    assert srcad.grad(product, argnums=(0, 1))(2.0, 3.0) == (3.0, 2.0)


@pytest.mark.parametrize(
    "function, args, named, positions",
    [
        (np.sin, (0.5,), "x", 0),
        (np.std, (np.array([1.0, 2.0, 4.0]),), "a", 0),
        (np.polyval, ([1.0, 2.0, 3.0], 2.0), "x", 1),
        (math.hypot, (3.0, 4.0), (0, 1), (0, 1)),
        (functools.partial(shown, z=2.0), (2.0, 5.0), ("x", "y"), (0, 1)),
        (functools.lru_cache(shown), (2.0, 5.0), ("x", "y"), (0, 1)),
    ],
)
def test_functions_that_are_not_plain_python(function, args, named, positions):
    def call(*args):
        return function(*args)

    assert_close(srcad.grad(function, named)(*args), srcad.grad(call, positions)(*args))
    assert srcad.vjp(function, *args)[0] == function(*args)


def refuse(x):
    raise ValueError(f"{x} is too small")


def checked(x):
    if x > 1.0:
        return x * x
    refuse(x)


def test_errors_of_functions_that_always_raise():
    assert srcad.grad(checked)(3.0) == 6.0
    with pytest.raises(ValueError, match="0.5 is too small"):
        srcad.value_and_grad(checked)(0.5)


def test_argnums_of_keywords():
    def f(x, **options):
        return x * options["scale"] ** 2 * math.factorial(options["n"])

    derivative = srcad.grad(f, argnums=("x", "scale"))
    assert derivative(3.0, scale=2, n=3) == (24.0, 72.0)
    assert derivative(3.0, n=3, scale=2.0) == (24.0, 72.0)
    assert srcad.grad(f, argnums="options['scale']")(3.0, scale=2.0, n=3) == 72.0
    with pytest.raises(srcad.errors.SignatureError, match="no .*factor"):
        srcad.grad(f, argnums="factor")(3.0, scale=2.0, n=3)
    with pytest.raises(srcad.errors.SignatureError, match="no argument 'scale'"):
        srcad.grad(lambda x: x, argnums="scale")


@pytest.mark.parametrize("others", [[3, 4], [True], [], np.array([3])])
@pytest.mark.parametrize("options", [{}, {"generic": True}])
def test_a_list_without_derivative_joined_with_an_array(others, options):
    def f(x, others):
        return np.sum(np.append(x, others) ** 2)

    x = np.array([1.0, 2.0])
    assert_close(srcad.grad(f, **options)(x, others), 2.0 * x)
    assert srcad.jvp(f, (x, others), (np.ones(2), None), **options)[1] == 6.0


def test_cotangents_of_a_list_are_left_alone():
    def f(u):
        out = []
        for x in u:
            if x > 0.0:
                out.append(x * x)
        return out

    value, pull = srcad.vjp(f, np.array([1.0, -2.0, 3.0]))
    seed = [1.0] * len(value)
    for _ in range(2):
        assert_close(pull(seed)[0], np.array([2.0, 0.0, 6.0]))
    assert seed == [1.0, 1.0]


def test_ints_beside_what_is_differentiated_stay():
    def f(params):
        return params["a"] ** params["n"] * math.factorial(params["n"])

    assert srcad.grad(f, argnums="params['a']")({"a": 2, "n": 3}) == 72.0


def test_method():
    one, two = Model(3.0), Model(5.0)
    assert_close((one.slope(2.0), two.slope(2.0)), (12.0, 20.0))
    one.k = 10.0
    assert_close(one.slope(2.0), 40.0)
    assert_close(Model.slope(two, x=1.0), 10.0)


def test_signature_and_docs_are_kept():
    df = srcad.grad(f)
    assert (df.__name__, df.__doc__, df.__module__) == ("f", "A product.", __name__)
    assert str(inspect.signature(df)) == "(x, y=2.0)"
    assert_close(df(3.0), 12.0)
    assert_close(df(y=1.0, x=3.0), 6.0)


def test_pickle():
    for df in (srcad.grad(f, "y"), bare, named):
        copy = pickle.loads(pickle.dumps(df))
        assert_close(copy(3.0, 2.0) if df is not bare else copy(3.0),
                     df(3.0, 2.0) if df is not bare else df(3.0))  # fmt: skip
    assert_close(pickle.loads(pickle.dumps(srcad.grad(srcad.grad(f))))(3.0, 2.0), 4.0)


def test_threads():
    df = srcad.grad(f, (0, 1))
    wrong = []
    barrier = threading.Barrier(16)

    def work(k):
        barrier.wait()
        for _ in range(20):
            x = float(k) if k % 2 else np.array(float(k))
            gx, gy = df(x, 2.0)
            if gx != 4.0 * k or gy != float(k * k) or type(gx) is not type(x):
                wrong.append((k, gx, gy))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(df.signatures) == 2


@pytest.mark.parametrize(
    "x", [3, 3.0, np.float32(3.0), np.array(3.0), np.array(3.0, np.float32)], ids=repr
)
def test_kind_of_a_gradient_is_that_of_its_argument(x):
    got = srcad.grad(f)(x)
    assert type(got) is (float if type(x) is int else type(x))
    assert getattr(got, "dtype", None) == getattr(x, "dtype", None)
    assert got == 12.0


def rosenbrock(u):
    return np.sum(100.0 * (u[1:] - u[:-1] ** 2) ** 2 + (1.0 - u[:-1]) ** 2)


def test_nesting():
    d2 = srcad.grad(srcad.grad(f))
    assert_close(d2(3.0, 2.0), 4.0)
    assert_close(srcad.grad(srcad.grad(srcad.grad(math_of)))(0.5), -math.cos(0.5))
    assert_close(srcad.jvp(srcad.grad(f), (3.0,), (1.0,)), (12.0, 4.0))
    value, pull = srcad.vjp(srcad.grad(f), 3.0)
    assert_close((value, pull(2.0)), (12.0, (8.0,)))
    u, d = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    hessian = np.array([[1200 * u[0] ** 2 - 400 * u[1] + 2, -400 * u[0]], [-400 * u[0], 200.0]])
    assert_close(srcad.hvp(rosenbrock, (u,), (d,)), (hessian @ d,))


def math_of(x):
    return math.sin(x)


def scaled(x, n, name, *, factor=1.0):
    return x * n * factor if name == "scaled" else x


def test_vjp():
    value, pull = srcad.vjp(scaled, np.array([1.0, 2.0]), np.array(2), "scaled", factor=5.0)
    assert_close(value, np.array([10.0, 20.0]))
    for _ in range(2):  # it may be called again
        gx, gn, gname = pull(np.array([1.0, -1.0]))
        assert_close(gx, np.array([10.0, -10.0]))
        assert gn is None and gname is None


def in_turns(x, counts):
    for count in counts:
        for k in range(count):
            x = x * (k + 1)
    return x


def test_vjp_leaves_ints_in_containers_as_they_are():
    for counts in ((2, 3), [2, 3]):
        value, pull = srcad.vjp(in_turns, 1.5, counts)
        assert value == 18.0
        assert pull(1.0) == (12.0, None)


def test_jvp_of_an_argument_that_does_not_move():
    assert_close(srcad.jvp(f, (3.0, 2.0), (1.0, None)), (18.0, 12.0))
    assert_close(srcad.jvp(f, (3.0, 2.0), (None, 1.0)), (18.0, 9.0))


def test_looking_inside():
    df = srcad.grad(f)
    df(3.0, 2.0)
    df(3.0, 2.0)
    df(np.array(3.0), 2.0)
    assert df.signatures == ["x: float, y: float", "x: f64[], y: float"]
    assert df.cache_info()["misses"] == df.cache_info()["entries"] == 2
    assert "def " in df.source
    namespace = {"np": np}
    exec(df.source, namespace)
    df.cache_clear()
    assert df.cache_info()["entries"] == 0 and df.signatures == []
    assert_close(df(3.0, 2.0), 12.0)


def fails(x):
    y = math.log(x)
    return y * y


def test_traceback_and_getsource_show_generated_text():
    df = srcad.grad(fails)
    assert_close(df(math.e), 2.0 / math.e)
    with pytest.raises(ValueError) as caught:
        df(-1.0)
    frames = traceback.extract_tb(caught.value.__traceback__)
    last = frames[-1]
    assert "log(x)" in last.line
    text = "".join(linecache.getlines(last.filename))  # what pdb lists
    assert text.splitlines()[last.lineno - 1].strip() == last.line
    code = caught.tb
    while code.tb_next is not None:
        code = code.tb_next
    assert "log(x)" in inspect.getsource(code.tb_frame.f_code)


def test_arguments_are_not_changed_and_gradients_are_fresh():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])

    gx, gy = srcad.grad(total, (0, 1))(x, y)
    assert not np.shares_memory(gx, gy)
    assert not any(np.shares_memory(g, a) for g in (gx, gy) for a in (x, y))
    gx += 1.0
    assert_close(gy, np.ones(2))
    assert_close((x, y), (np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    seed = np.ones(2)
    _, pull = srcad.vjp(identity, x)
    assert not np.shares_memory(pull(seed)[0], seed)


def total(x, y):
    return np.sum(x + y)


def identity(x):
    return x
