"""Dictionaries of the surroundings that a function reads and fills: caches."""

from __future__ import annotations

import functools
import math

_NUMBERS: dict = {}
_SQUARES: dict = {}
_WEIGHTS: dict = {}
_TABLES: dict = {}
_BY_GET: dict = {}
_BY_ERROR: dict = {}
_RECURSIVE: dict = {}
_BY_WALRUS: dict = {}
_BY_SETDEFAULT: dict = {}
_BY_HELPERS: dict = {}
_REGISTRY: dict = {}


def cached_number(x):
    if x not in _NUMBERS:
        _NUMBERS[x] = math.sin(x) * x
    return _NUMBERS[x] * x


def cached_by_pair(x, y):
    key = (x, y)
    if key in _SQUARES:
        return _SQUARES[key]
    _SQUARES[key] = x * x * y
    return _SQUARES[key]


def cached_weights(x, n):
    if n not in _WEIGHTS:
        _WEIGHTS[n] = [1.0 / (k + 1.0) for k in range(n)]
    total = 0.0
    for k, w in enumerate(_WEIGHTS[n]):
        total += w * x**k
    return total


def cached_in_a_loop(x, n):
    total = 0.0
    for k in range(2 * n):
        if (x, k % n) not in _TABLES:
            _TABLES[x, k % n] = math.cos(x * (k % n))
        total += _TABLES[x, k % n]
    return total


def cached_by_get(x, n):
    found = _BY_GET.get((x, n))
    if found is None:
        found = math.exp(-x) * n
        _BY_GET[x, n] = found
    return found * x


def cached_by_walrus(x, n):
    if (found := _BY_WALRUS.get((x, n))) is not None:
        return found
    _BY_WALRUS[x, n] = x**n
    return _BY_WALRUS[x, n]


def cached_by_error(x, n):
    try:
        return _BY_ERROR[x, n]
    except KeyError:
        _BY_ERROR[x, n] = x * x * n
        return _BY_ERROR[x, n]


def cached_by_setdefault(x, n):
    return _BY_SETDEFAULT.setdefault((x, n), x**3) * n


def cached_recursion(x, n):
    return _legendre(x, n)


def _legendre(x, n):
    if (x, n) in _RECURSIVE:
        return _RECURSIVE[x, n]
    if n == 0:
        return 1.0
    if n == 1:
        return x
    found = ((2 * n - 1) * x * _legendre(x, n - 1) - (n - 1) * _legendre(x, n - 2)) / n
    _RECURSIVE[x, n] = found
    return found


def cached_by_helpers(x, y):
    known = _known((x, y))
    if known:
        return _BY_HELPERS[x, y]
    return _remembered((x, y), math.hypot(x, y))


def _known(key):
    return key in _BY_HELPERS


def _remembered(key, value):
    _BY_HELPERS[key] = value
    return value


def _memoized(function):
    cache = {}

    @functools.wraps(function)
    def wrapper(*args):
        if args not in cache:
            cache[args] = function(*args)
        return cache[args]

    return wrapper


@_memoized
def _cube(x, n):
    return x**3 * n


def memoized_helper(x, n):
    return _cube(x, n) + _cube(x, n) * x


def default_of_a_helper(x, n):
    return _power(x, n) * _power(x, n)


def _power(x, n, known={}):  # noqa: B006
    if (x, n) not in known:
        known[x, n] = x**n
    return known[x, n]


def default_of_the_function(x, n, known={}):  # noqa: B006
    if (x, n) not in known:
        known[x, n] = x**n
    return known[x, n] * known[x, n]


def _registered(function):
    _REGISTRY[function.__name__] = function
    return function


@_registered
def _softplus(x):
    return math.log(1.0 + math.exp(x))


def table_that_others_filled(x):
    return _REGISTRY["_softplus"](x) * x


# What they hold was computed in double precision.
SETTINGS = {
    name: {"float32": False}
    for name in (
        "cached_by_pair", "cached_by_walrus", "cached_by_error", "cached_recursion",
        "memoized_helper", "default_of_a_helper", "default_of_the_function",
    )
}  # fmt: skip
