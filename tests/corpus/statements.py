"""Statements around numbers: match, with, try, else of loops, del, raise, warnings, logging."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import warnings
from contextlib import suppress

import numpy as np

_LOCK = threading.Lock()
_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def _nothing():
    yield


def match_text(x):
    scheme = "midpoint"
    match scheme:
        case "euler":
            return x
        case "midpoint" | "heun":
            return x * x
        case _:
            return 0.0


def match_number(x, n):
    match n:
        case 0:
            return x
        case 3:
            return x**3
        case _:
            return 2.0 * x


def match_tuple(x, y):
    match ("circle", x, y):
        case ("circle", radius, _):
            return math.pi * radius**2
        case ("box", a, b):
            return a * b


def match_with_guard(x, y):
    match (x, y):
        case (a, b) if a > 9.0:
            return a
        case (a, b):
            return a * b


def match_dict(x, y):
    match {"kind": "linear", "slope": x}:
        case {"kind": "linear", "slope": slope}:
            return slope * y
        case _:
            return 0.0


def with_errstate(x, y):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(x * x) / np.float64(y)
    return ratio * y * y


def with_warnings(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = math.sqrt(x * x + 1.0)
    return value * x


def with_suppress(x):
    value = x
    with suppress(ZeroDivisionError):
        value = x / (x * x + 1.0)
    return value


def with_lock(x):
    with _LOCK:
        total = x * x
    return total


def with_own_context(x):
    with _nothing():
        return x**3


def try_without_error(x):
    try:
        value = math.log(x * x)
    except ValueError:
        value = 0.0
    return value * x


def try_caught(x, y):
    try:
        if x * x >= 0.0:
            raise ValueError("always")
        value = x
    except ValueError:
        value = x * y
    return value


def try_key_error(x, y):
    table = {"a": x}
    try:
        return table["b"]
    except KeyError:
        return table["a"] * y


def try_else_finally(x):
    steps = 0
    try:
        value = 1.0 / x
    except ZeroDivisionError:
        value = 0.0
    else:
        value = value * value
    finally:
        steps += 1
    return value * steps


def try_import(x):
    try:
        import no_such_module_of_numbers as numbers
    except ImportError:
        numbers = None
    return x * x if numbers is None else x


def try_attribute(x):
    try:
        root = math.no_such_function(x)
    except AttributeError:
        root = x * x
    return root


def try_finally_return(x):
    try:
        return x * x
    finally:
        _LOG.debug("left")


def try_in_loop(x):
    total = 0.0
    for k in range(3):
        try:
            total += x / k
        except ZeroDivisionError:
            total += x * x
    return total


def for_else(x, n):
    for k in range(n):
        if k > 10:
            break
        x = x * 0.9 + 0.1
    else:
        x = x * x
    return x


def for_else_broken(x, n):
    for k in range(n):
        if k == 1:
            break
        x = x * 1.1
    else:
        x = 0.0
    return x * x


def while_else(x):
    count = 0
    while count < 3:
        x = 0.5 * x + 0.2
        count += 1
    else:
        x = x**2
    return x


def deleted_name(x):
    temporary = x * x
    value = temporary + x
    del temporary
    return value


def raise_in_untaken_branch(x):
    if x * x < 0.0:
        raise ValueError(f"{x} is negative")
    return math.sqrt(x * x + 0.1)


def raise_for_unknown_option(x, n):
    if n == 3:
        return x * x
    elif n == 4:
        return x
    raise ValueError("n must be 3 or 4")


def raise_in_helper(x):
    return _checked(x * x + 0.1) ** 0.5


def _checked(value):
    if not value > 0.0:
        raise ValueError("not positive")
    return value


def asserted(x):
    assert x * x >= 0.0, "never"
    return x**3


def warning_in_untaken_branch(x):
    if abs(x) > 100.0:
        warnings.warn("out of range", RuntimeWarning, stacklevel=2)
    return x * x


def logging_of_values(x):
    energy = 0.5 * x * x
    _LOG.debug("energy %s", energy)
    return energy * x


def f_string_of_constant(x, n):
    label = f"order_{n}"
    return x**2 if label == "order_3" else x


def f_string_of_value(x):
    text = f"{x:.3f}"
    return x * x + 0.0 * len(text)


def dict_by_f_string(x, y):
    params = {"w0": x, "w1": y}
    return sum(params[f"w{k}"] ** (k + 1) for k in range(2))


def chained_assignment(x, y):
    a = b = x * y
    a += 1.0
    return a * b


def nested_targets(x, y):
    (a, (b, c)), d = (x, (y, x * y)), 2.0
    return a * b + c * d


def pass_and_ellipsis(x):
    if x > 9.0:
        pass
    else:
        ...
    return x * x


def conditional_import(x, n):
    if n > 2:
        from math import sinh as f
    else:
        from math import cosh as f
    return f(x)


def loop_variable_after_loop(x):
    for k in (1.0, 2.0, 3.0):  # noqa: B007
        pass
    return k * x * x


SETTINGS = {"try_in_loop": {"float32": False}}  # NumPy divides by zero without an error

TYPED = {"chained_assignment"}  # `+=` on a number or an array?
