"""Errors that are caught: which handler runs, what is assigned by then, and how blocks are left."""

from __future__ import annotations

import math
import warnings
from contextlib import nullcontext, suppress

import numpy as np


class _TooBig(ValueError):
    pass


def partly_assigned(x, y):
    a = b = x
    try:
        a = x * x
        c = y / 0.0
        b = c * 7.0
    except ZeroDivisionError:
        b = b + a * y
    return a * b


def second_of_two(x, y):
    try:
        value = math.log(-x * x) * y
    except ZeroDivisionError:
        value = x
    except (ValueError, TypeError):
        value = x * y
    return value


def in_its_middle(x, y):
    try:
        value = x * math.sqrt(y * y - 100.0) + 1.0 / x
    except ValueError:
        value = math.sin(x) * y
    return value


def taken_by_value(x, n):
    total = 0.0
    for k in range(n + 1):
        try:
            total += x**2 / (k - 1)
        except ZeroDivisionError:
            total += math.exp(x)
    return total


def left_by_continue(x, n):
    total = 1.0
    for k in range(n + 2):
        try:
            term = x / (k - 2)
        except ZeroDivisionError:
            continue
        total = total * (1.0 + term * term)
    return total


def left_by_break(x, n):
    total = x
    for k in range(n + 5):
        try:
            total = total + math.sqrt(2.5 - k) * x
        except ValueError:
            break
    return total * x


def loop_inside(x, n):
    total = x
    try:
        for k in range(n + 5):
            total = total * x + 1.0 / (3 - k)
    except ZeroDivisionError:
        total = total * total
    return total


def while_inside(x):
    k = 4
    total = x
    try:
        while 1.0 / k < 10.0:
            total = total * 0.5 * x + k
            k -= 1
    except ZeroDivisionError:
        total = total * x
    return total


def returned_inside(x, y):
    try:
        return math.log(x * x + 0.1) * y
    except ValueError:
        return 0.0


def returned_by_one(x, y):
    try:
        z = math.acosh(x * x * 0.01)
    except ValueError:
        return x * y * y
    return z * x


def nested(x, y):
    try:
        try:
            value = x / (y - y)
        except ValueError:
            value = 0.0
        value = value + 1.0
    except ZeroDivisionError:
        value = x * x * y
    return value


def raised_in_a_handler(x, y):
    try:
        try:
            value = x / 0
        except ZeroDivisionError:
            raise ValueError("zero") from None
    except ValueError:
        value = x * y
    return value


def raised_again(x, y):
    try:
        try:
            value = math.sqrt(-1.0 - x * x)
        except ValueError:
            y = y * 2.0
            raise
    except ValueError:
        value = x * y
    return value


def error_with_a_name(x, y):
    try:
        if x * x + 1.0 > 0.5:
            raise _TooBig("too big")
        value = x
    except _TooBig as error:
        text = str(error)
        value = x * y + 0.0 * len(text)
    return value


def else_and_finally(x, y):
    steps = 1.0
    try:
        value = x / (y * y + 1.0)
    except ZeroDivisionError:
        value = 0.0
    else:
        value = value * x
        steps += y
    finally:
        steps *= 2.0
    return value * steps


def finally_after_return(x, y):
    values = [x, y]
    _kept(values)
    return values[0] * values[1]


def _kept(values):
    try:
        return values[0]
    finally:
        values[1] = values[1] * values[0]


def finally_in_a_loop(x, n):
    count = 1.0
    total = 0.0
    for k in range(n + 3):
        try:
            if k == 1:
                continue
            if k == n + 2:
                break
            total += x * k
        finally:
            count = count * x + 1.0
    return total * count


def raised_in_a_helper(x, y):
    try:
        value = _inverse(x * 0.0) * y
    except ZeroDivisionError:
        value = x * y
    return value


def raised_in_some_calls(x, n):
    total = 0.0
    for k in range(n + 2):
        try:
            total += _inverse((k - 1) * 0.5) * x
        except ZeroDivisionError:
            total += x * x * x
    return total


def _inverse(value):
    shifted = value * 2.0
    return 1.0 / shifted


def raised_deep_below(x, y):
    try:
        value = _outer(x, y)
    except _TooBig:
        value = x * x * y
    return value


def _outer(x, y):
    return _limited(x * x + 50.0) + y


def _limited(value):
    if value > 40.0:
        raise _TooBig(value)
    return value


def helper_that_catches(x, y):
    return _safe_ratio(x, y) + _safe_ratio(x, 0.0)


def _safe_ratio(a, b):
    try:
        return a / b
    except ZeroDivisionError:
        return a * a


def in_a_conditional_expression(x, y):
    try:
        value = x if x * x < 0.0 else y * math.log(-x * x)
    except ValueError:
        value = x * y
    return value


def in_a_condition(x, y):
    try:
        if math.sqrt(-x * x - 1.0) > 2.0:
            value = x
        else:
            value = y
    except ValueError:
        value = x * y
    return value


def element_out_of_range(u):
    total = 0.0
    i = 0
    try:
        while True:
            total += u[i] * u[i]
            i += 1
    except IndexError:
        total = total * i
    return total


def store_before_the_error(u):
    y = np.zeros(3)
    try:
        y[0] = u[0] * u[1]
        y[1] = u[1] / len(u)
        y[2] = math.sqrt(-1.0 - u[0] * u[0])
    except ValueError:
        y[2] = u[0]
    return np.sum(y * y)


def singular_matrix(x, y):
    a = np.array([[x, x], [x, x]]) * 0.0
    try:
        value = np.linalg.inv(a)[0, 0]
    except np.linalg.LinAlgError:
        value = x * y
    return value


def everything_caught(x, y):
    try:
        value = math.exp(x * 0.1 + 1000.0)
    except Exception:
        value = x * y
    return value


def bare_handler(x, y):
    try:
        value = x / (y * 0.0)
    except:  # noqa: E722
        value = x * y
    return value


def text_that_is_no_number(x):
    try:
        factor = float("three")
    except ValueError:
        factor = 3.0
    return factor * x * x


def table_without_the_key(x, y):
    table = {"a": 2.0, "b": 3.0}
    total = 0.0
    for key in ("a", "c"):
        try:
            total += table[key] * x
        except KeyError:
            total += y * x
    return total


def suppressed(x, n):
    total = x
    for k in range(n + 2):
        with suppress(ZeroDivisionError, ValueError):
            total = total * 1.1
            total = total + x / (k - 1)
    return total


def several_contexts(x, y):
    with nullcontext(x * y) as product, np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = product * x
    return value


def no_length(x, y):
    try:
        count = len(x)
    except TypeError:
        count = 3
    return count * x * y


def not_to_be_unpacked(x):
    try:
        first, second = x
    except (TypeError, ValueError):
        first = second = x
    return first * second**2


def method_of_another_class(x, y):
    try:
        value = x.no_such_method() * y
    except AttributeError:
        value = x * y**2
    return value


def list_without_a_method(x, y):
    values = [x, y]
    try:
        total = values.sum()
    except AttributeError:
        total = sum(values) ** 2
    return total


def none_in_an_expression(x, factor=None):
    try:
        value = factor * x
    except TypeError:
        value = 2.0 * x
    return value * x


def divided_by_anything(x, y):
    total = 0.0
    for divisor in (y, "text", None, [1.0], 0.0):
        try:
            total += x / divisor
        except ZeroDivisionError:
            total += x * y
        except TypeError:
            total += x
    return total


def tuple_stored_into(x, y):
    pair = (x, y)
    try:
        pair[0] = 0.0
    except TypeError:
        pair = (x * y, *pair[1:])
    return pair[0] * pair[1]


SETTINGS = {
    name: {"float32": False}  # NumPy divides by zero without an error
    for name in (
        "partly_assigned", "nested", "raised_in_a_handler", "raised_in_a_helper",
        "helper_that_catches", "bare_handler", "in_its_middle", "everything_caught",
        "taken_by_value", "left_by_continue", "suppressed", "divided_by_anything",
    )
}  # fmt: skip
SETTINGS["store_before_the_error"] = {"size_one": False}

TYPED = {"divided_by_anything", "method_of_another_class"}  # whether they raise
