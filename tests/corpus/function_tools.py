"""Signatures, decorators, recursion, closures and the tools of the standard library for them."""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
import math
import operator
import typing
from functools import partial, reduce, singledispatch, wraps
from operator import attrgetter, itemgetter, methodcaller
from typing import Any, cast

import numpy as np

from . import _library
from ._library import SCALE as scale_of_library
from ._library import polynomial as evaluated

_WEIGHTS = {"a": 2.0, "b": 0.5}
_TABLE = (1.0, 0.5, 0.25)
_ENABLED = True


def _logged(function):
    calls = []

    @wraps(function)
    def wrapper(*args, **kwargs):
        calls.append(function.__name__)
        return function(*args, **kwargs)

    return wrapper


def _clipped(low, high):
    def decorate(function):
        @wraps(function)
        def wrapper(*args):
            return min(max(function(*args), low), high)

        return wrapper

    return decorate


def _with_defaults(**defaults):
    def decorate(function):
        def wrapper(*args, **given):
            return function(*args, **{**defaults, **given})

        return wrapper

    return decorate


class _Scaled:
    """A decorator that is a class."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *args):
        return 3.0 * self.function(*args)


class _Repeated:
    def __init__(self, times):
        self.times = times

    def __call__(self, function):
        @wraps(function)
        def wrapper(value):
            for _ in range(self.times):
                value = function(value)
            return value

        return wrapper


@_logged
def _square(x):
    return x * x


@_clipped(-50.0, 50.0)
@_logged
def _cube(x):
    return x**3


@_with_defaults(power=3, scale=0.5)
def _powered(x, power, scale):
    return scale * x**power


@_Scaled
def _line(x, y):
    return x + 2.0 * y


@_Repeated(3)
def _contracted(x):
    return 0.5 * x + math.sin(x)


@functools.cache
def _binomial(n, k):
    return 1 if k in (0, n) else _binomial(n - 1, k - 1) + _binomial(n - 1, k)


@functools.lru_cache
def _cached_square(x):
    return x * x


@singledispatch
def _described(value):
    return value * 2.0


@_described.register
def _(value: int):
    return value + 0.5


@_described.register(list)
@_described.register(tuple)
def _(value):
    return sum(value)


def decorated_by_a_logger(x):
    return _square(x) * _square(2.0)


def decorated_by_clipping(x):
    return _cube(x) * x


def decorated_with_defaults(x, y):
    return _powered(x) + _powered(x, scale=y) + _powered(y, power=2)


def decorated_by_a_class(x, y):
    return _line(x, y) * x


def decorated_by_an_object(x):
    return _contracted(x) ** 2


def decorator_applied_by_hand(x):
    return _logged(lambda t: t**4)(x) + _Scaled(math.sin)(x)


def decorator_defined_inside(x, y):
    def scaled(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            return y * function(*args, **kwargs)

        return wrapper

    @scaled
    def model(t, *, power=2):
        """What is wrapped."""
        return t**power

    return model(x) + model(x, power=3)


def decorators_chained_inside(x):
    def twice(function):
        return lambda t: function(function(t))

    def negative(function):
        def wrapper(t):
            return -function(t)

        return wrapper

    @twice
    @negative
    @wraps(math.sin)
    def f(t):
        return math.sin(t) + t

    return f(x)


def cached_inside(x):
    @functools.cache
    def power(k):
        return 1.0 if k == 0 else x * power(k - 1)

    return power(3) + power(2)


def cached_of_constants(x, n):
    return sum(_binomial(n, k) * x**k for k in range(n + 1))


def cached_of_variables(x, y):
    return _cached_square(x) * _cached_square(y)


def memo_by_hand(x, n):
    memo = {0: 1.0, 1: x}

    def legendre(k):
        if k not in memo:
            memo[k] = ((2 * k - 1) * x * legendre(k - 1) - (k - 1) * legendre(k - 2)) / k
        return memo[k]

    return legendre(4) + legendre(3)


def memo_in_a_default(x):
    def fibonacci(k, memo={}):  # noqa: B006
        if k < 2:
            return x
        if k not in memo:
            memo[k] = fibonacci(k - 1) * 0.5 + fibonacci(k - 2)
        return memo[k]

    return fibonacci(5) * x


def dispatched_by_type(x):
    return _described(x) * _described(3) + _described((x, x * x))


def partial_with_keywords(x, y):
    model = partial(_weighted, weight=y)
    return model(x) + partial(model, weight=2.0, offset=x)(y)


def _weighted(x, weight=1.0, *, offset=0.0):
    return weight * x * x + offset


def partial_method_caller(x, y):
    return operator.methodcaller("index", 2)([1, 2]) * x * y


def reduced_by_lambda(x, y):
    return reduce(lambda a, b: a * b + x, [x, y, 2.0], 1.0)


def reduced_by_operator(x, y):
    return reduce(operator.mul, (x, y, x + y)) + reduce(operator.add, [x, y])


def items_and_attributes(x, y):
    pair = itemgetter(0, 2)((x, y, x * y))
    return pair[0] * pair[1] + attrgetter("real")(x) * itemgetter("k")({"k": y})


def sorted_by_item(x, y):
    rows = sorted([(3, x), (1, y), (2, x * y)], key=itemgetter(0))
    return rows[0][1] + 2.0 * rows[1][1] + 3.0 * rows[2][1]


def cast_and_optional(x, y: float | None = None):
    scale = cast(float, x) if y is None else cast("float", y)
    return x * cast(tuple[float, ...], (scale, x))[0]


def none_by_default(x, y):
    return _maybe(x) + _maybe(x, y)


def _maybe(x, scale: float | None = None):
    if scale is None:
        scale = 2.0
    return scale * x * x


def mutable_default(x, y):
    return _appended(x)[0] * _appended(y, [x])[1]


def _appended(value, values=None):
    values = [] if values is None else values
    values.append(value)
    return values


def positional_only(x, y):
    return _ordered(x, y) + _ordered(y, 2.0, x)


def _ordered(a, b, /, c=1.0):
    return a * a * b + c


def keyword_only(x, y):
    return _explicit(slope=x, at=y) - _explicit(at=2.0, slope=y)


def _explicit(*, slope, at):
    return slope * at * at


def name_of_positional_as_keyword(x, y):
    return _both(x, a=y)


def _both(a, /, **kwargs):
    return a * a * kwargs["a"]


def star_expressions(x, y):
    first = (x, y)
    joined = [*first, *(v * v for v in first), 2.0]
    head, *middle, last = joined
    return head * middle[1] + last * sum(middle)


def star_star_merged(x, y):
    options = {"a": x, **{"b": y}, "c": x * y}
    return _three(**options) + _three(*[x, y], c=2.0) + _three(**{**options, "a": y})


def _three(a, b, c):
    return a * b + c


def star_arguments_changed(x, y):
    return _shifted(x, y, x * y)


def _shifted(first, *rest, **options):
    rest = (*rest, first)
    return sum(r * k for k, r in enumerate(rest)) * options.get("scale", 1.5)


def keywords_looped_over(x, y):
    return _dotted(a=x, b=y)


def _dotted(**values):
    return sum(_WEIGHTS[name] * value for name, value in values.items())


def lambda_defaults(x, y):
    f = lambda t, a=x, *, b=y: a * t + b  # noqa: E731
    return f(1.0) + f(2.0, a=y) * f(x, b=2.0)


def lambda_returns_lambda(x, y):
    return (lambda a: lambda b: a * b + x)(x)(y)


def functions_in_a_tuple(x):
    total = 0.0
    for f, g in ((math.sin, math.cos), (math.exp, math.tanh)):
        total += f(x) * g(x)
    return total


def functions_in_nested_dicts(x, y):
    table = {"trig": {"sin": math.sin}, "own": {"sq": _square, "inc": lambda t: t + y}}
    return sum(f(x) for group in table.values() for f in group.values())


def function_attribute(x):
    return _annotated(x) * _annotated.scale


def _annotated(x):
    return x * x


_annotated.scale = 1.5


def function_returned_by_condition(x, n):
    return _chosen(n)(x) * _chosen(0)(x)


def _chosen(n):
    if n > 2:
        return math.sin

    def own(t):
        return t * t

    return own


def function_chosen_by_value(x, y):
    f = math.sin if x > y else math.cos
    return f(x) * y


def own_function_chosen_by_value(x, y):
    def rising(t):
        return t * t + y

    f = rising if x > y else (lambda t: t - x * y)
    return f(x) + f(y)


def method_chosen_by_value(x, u):
    best = np.sum if x > 0 else np.prod
    return best(u) * x


def functions_passed_two_levels(x, y):
    def apply(f, *args):
        return f(*args)

    return apply(apply, apply, lambda a, b: a * a * b, x, y)


def fixed_point_of(x):
    return _fixed(lambda t: 0.5 * math.cos(x * t), 0.5)


def _fixed(step, t, tolerance=1e-10):
    for _ in range(200):
        following = step(t)
        if abs(following - t) < tolerance:
            return following
        t = following
    raise RuntimeError("no fixed point")


def quicksorted(x, y):
    def sort(values):
        if len(values) <= 1:
            return values
        pivot, *rest = values
        low = [v for v in rest if v < pivot]
        high = [v for v in rest if v >= pivot]
        return sort(low) + [pivot] + sort(high)

    result = sort([x, y, x * y, 0.3])
    return result[0] + 2.0 * result[1] + 3.0 * result[2] + 4.0 * result[3]


def ackermann_like(x, n):
    def f(m, k, value):
        if m == 0:
            return value * x + k
        if k == 0:
            return f(m - 1, 1, value)
        return f(m - 1, k - 1, f(m, k - 1, value))

    return f(2, 1, x)


def mutual_recursion_of_closures(x):
    def even(k, value):
        return value if k == 0 else odd(k - 1, value * x)

    def odd(k, value):
        return value if k == 0 else even(k - 1, value + math.sin(x))

    return even(5, x)


def mutual_recursion_by_value(x):
    return _shrink(x * x + 4.0)


def _shrink(value):
    return value if value < 1.0 else _pull(value * 0.7)


def _pull(value):
    return value * value if value < 1.0 else _shrink(value - 0.5)


def recursion_over_nested_lists(x, y):
    return _flat_sum([x, [y, [x * y, 2.0]], [[y]]])


def _flat_sum(values):
    total = 0.0
    for value in values:
        total += _flat_sum(value) if isinstance(value, list) else value * value
    return total


def recursion_over_a_dict(x, y):
    return _leaves({"a": x, "b": {"c": y, "d": {"e": x * y}}})


def _leaves(tree):
    return sum(_leaves(v) if isinstance(v, dict) else v * v for v in tree.values())


def recursive_power(x, n):
    if n == 0:
        return 1.0
    half = recursive_power(x, n // 2)
    return half * half * (x if n % 2 else 1.0)


def recursive_divide(u):
    def total(low, high):
        if high - low == 1:
            return u[low] ** 2
        middle = (low + high) // 2
        return total(low, middle) + 0.5 * total(middle, high)

    return total(0, len(u))


def newton_by_recursion(x):
    def root(guess):
        following = 0.5 * (guess + (x * x + 1.0) / guess)
        return following if abs(following - guess) < 1e-12 else root(following)

    return root(1.0)


def nonlocal_two_levels(x, y):
    total = x

    def outer():
        def inner():
            nonlocal total
            total = total * y + x

        inner()
        inner()

    outer()
    return total


def nonlocal_array(u):
    best = 0.0
    where = 0

    def visit(k):
        nonlocal best, where
        value = u[k] * u[k]
        if value > best:
            best, where = value, k

    for k in range(len(u)):
        visit(k)
    return best * u[where]


def closure_over_loop_variable(x):
    functions = []
    for k in range(3):
        functions.append(lambda t: t**k)  # noqa: B023
    return sum(f(x) for f in functions)


def closure_list_state(x, y):
    history = []

    def record(value):
        history.append(value * x)
        return len(history)

    record(y)
    count = record(x)
    return sum(history) * count


def calls_counted_on_a_function(x, y):
    def counted(function):
        @functools.wraps(function)
        def wrapper(*args):
            wrapper.calls += 1
            wrapper.last = function(*args)
            return wrapper.last

        wrapper.calls = 0
        return wrapper

    @counted
    def square(v):
        return v * v

    @counted
    def cube(v):
        return v**3

    total = square(x) + square(y) + cube(x)
    return total * square.calls + cube.calls * cube.last


def cache_on_a_function(x):
    def remembering(function):
        def wrapper(n):
            if n not in wrapper.known:
                wrapper.known[n] = function(n)
            return wrapper.known[n]

        wrapper.known = {}
        return wrapper

    @remembering
    def term(n):
        return x**n / (n + 1)

    return sum(term(k % 2) for k in range(5)) * len(term.known)


def attribute_on_a_function(x, y):
    def make(a):
        def f(t):
            return a * t * t

        f.note = "kept"
        return f

    return make(x)(y) + make(y)(x)


def counter_closure(x):
    def counter():
        count = 0

        def step():
            nonlocal count
            count += 1
            return count

        return step

    step = counter()
    return x ** step() + x ** step() + x ** step()


def imported_from_package(x, y):
    from math import atan2 as angle

    from ._library import SCALE, polynomial

    return polynomial(x, y) * SCALE + angle(x, y)


def names_from_module(x, y):
    return evaluated(x, y) * scale_of_library + _library.polynomial(y, x)


def import_of_submodule(m):
    import numpy.linalg as la

    return la.det(m) + np.linalg.norm(m)


def imports_with_fallback(x):
    try:
        from math import no_such_name as root
    except ImportError:
        from math import sqrt as root
    return root(x * x + 1.0)


def shadowed_names(x, y):
    list = x * y
    float = list + 1.0
    abs = lambda t: t * t  # noqa: E731
    return abs(float) + list


def comprehension_scope(x, y):
    t = x
    values = [t * y for t in (1.0, x, 2.0)]
    return t * sum(values)


def walrus_in_a_comprehension(x, y):
    values = [last := v * x for v in (1.0, y, 2.0)]
    return last * values[1]


def walrus_in_while(x):
    total, k = 0.0, 0
    while (term := x / (k + 1.0)) and k < 4:
        total += term * term
        k += 1
    return total


def conditional_definition(x, n):
    if n > 2:
        def f(t):
            return t * t * x
    else:
        def f(t):
            return t
    return f(x)


def constants_of_the_module(x):
    return x * _TABLE[1] + x**2 * _TABLE[-1] if _ENABLED else 0.0


def typed_locals(x, y) -> float:
    values: list[float] = [x, y]
    pair: tuple[float, ...] = (x, x * y)
    anything: Any = values[0]
    return anything * pair[1] + typing.cast(float, values[1])


def counter_of_constants(x):
    counts = collections.Counter("abracadabra")
    return counts["a"] * x * x + counts["z"] * x


def defaultdict_of_numbers(x, y):
    totals = collections.defaultdict(float)
    for name, value in (("a", x), ("b", y), ("a", x * y)):
        totals[name] += value
    return totals["a"] * totals["b"]


def deque_of_numbers(x, y):
    window = collections.deque([x, y], maxlen=2)
    window.append(x * y)
    return window[0] * window[1]


def ordered_dict(x, y):
    table = collections.OrderedDict(a=x)
    table["b"] = y * x
    return sum(table.values()) * table["b"]


def chained_maps(x, y):
    return collections.ChainMap({"a": x}, {"a": 1.0, "b": y})["b"] * x


def grouped(x, y):
    total = 0.0
    rows = [("a", x), ("a", y), ("b", x * y)]
    for key, group in itertools.groupby(rows, key=itemgetter(0)):
        factor = 2.0 if key == "a" else 3.0
        total += factor * sum(value for _, value in group)
    return total


def method_caller(x, u):
    return methodcaller("sum")(u) * x


def compared_functions(x):
    f = _square
    return x * x if f is _square and callable(f) and f.__name__ == "_square" else x


def identity_of_names(x, y):
    def same(a):
        return a

    return same(same)(x) * same(y)


def passed_through_and_late_bound(x, y):
    scale = x

    def model(t):
        return scale * t

    same = _handed_back(model)
    scale = y
    return same(x)


def passed_through_with_state(x, y):
    level = x

    def step(t):
        nonlocal level
        level = level * t
        return level

    same = _handed_back(step)
    same(y)
    return step(y) * level


def _handed_back(function):
    return function


def function_in_a_new_object(x, y):
    return _holder(x).function(y) * _holder(y).function(x * x)


class _Holder:
    pass


def _holder(scale):
    made = _Holder()
    made.function = lambda t: t * scale
    return made


def lambda_of_a_recursion(x):
    return _nested_lambda(3)(x)


def _nested_lambda(k):
    return lambda t: t if k == 0 else _nested_lambda(k - 1)(t * 1.1) * k


def closures_of_a_recursion(x, y):
    def outer(k, scale):
        def inner(t):
            if k == 0:
                return t * scale
            return outer(k - 1, scale * y)(t) + k * scale

        return inner

    return outer(3, x)(y)


def two_recorders(x, y):
    first, second = _recorder(), _recorder()
    first(x)
    second(y)
    return first(1.0) * second(2.0)


def _recorder():
    values = []

    def add(value):
        values.append(value)
        return sum(values)

    return add


def appends_to_the_list_of_the_caller(x, y):
    values = [x]
    add = _appender(values)
    add(y)
    return add(1.0) * sum(values) * values[1]


def _appender(values):
    def add(value):
        values.append(value)
        return sum(values)

    return add


def two_recorders_handed_on(x, y):
    first, second = _prepared(x), _prepared(y)
    return first(1.0) * second(x)


def _prepared(value):
    add = _recorder()
    add(value)
    return add


def two_functions_of_one_maker(x, y):
    first, second = _line_through(x), _line_through(x * y)
    return first(second(2.0)) + first(y)


def _line_through(slope):
    def line(t):
        return slope * t

    return line


def cached_method(x, y):
    return _Cached(x).power(3) * _Cached(y).power(2)


class _Cached:
    def __init__(self, base):
        self.base = base

    @functools.cache  # noqa: B019
    def power(self, k):
        return 1.0 if k == 0 else self.base * self.power(k - 1)


def exit_stack(x, y):
    with contextlib.ExitStack() as stack:
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(contextlib.nullcontext())
        value = x * y
    return value * x


def compose_by_reduce(x):
    functions = [math.sin, lambda t: t * t, math.exp]
    return reduce(lambda f, g: lambda t: g(f(t)), functions)(x)


def curried(x, y):
    def add(a):
        def to(b):
            def times(c):
                return (a + b) * c

            return times

        return to

    return add(x)(y)(x * y)


def operator_of_module(x, y):
    return operator.add(operator.mul(x, y), operator.pow(x, 2)) + operator.itemgetter(1)([x, y])


def y_combinator(x):
    def fix(f):
        return lambda n: f(fix(f), n)

    return fix(lambda again, n: 1.0 if n == 0 else x * again(n - 1))(3)


NOT_YET = {"exit_stack"}

SETTINGS = {"cached_of_variables": {"float32": False}}  # the cache would need a hash of arrays

TYPED = {"memo_by_hand"}
