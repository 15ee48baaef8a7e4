"""Errors that carry values to their handlers, and what generators are sent and return."""

from __future__ import annotations


class _Found(Exception):
    def __init__(self, value, note=""):
        super().__init__(note)
        self.value = value

    def doubled(self):
        return 2.0 * self.value


class _FoundLate(_Found):
    pass


class _Keeper:
    """A context manager that takes an error, and keeps what it carries."""

    def __enter__(self):
        self.kept = 0.0
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None and issubclass(kind, _Found):
            self.kept = error.value
            return True
        return False


def raised_in_a_helper(x, y):
    def search(values):
        for k, value in enumerate(values):
            if value * value > 0.01:
                raise _Found(value * y, f"at {k}")

    try:
        search([0.0 * x, x, 2.0 * x])
    except _Found as found:
        return found.doubled() * x + len(str(found))
    return x


def raised_in_a_loop(u):
    total = 0.0
    for k, v in enumerate(u):
        try:
            if k % 2:
                raise _Found(v * v)
            if k > 1:
                raise _FoundLate(v)
            total += v
        except _FoundLate as found:
            total += 3.0 * found.value * total
        except _Found as found:
            total += found.value
    return total


def one_of_two_classes(x, y):
    try:
        if x * x > 0.0001:
            raise _FoundLate(x * y)
        raise _Found(x)
    except _Found as found:
        factor = 2.0 if isinstance(found, _FoundLate) else 1.0
        return found.value * factor * len(type(found).__name__)


def array_carried(u):
    try:
        raise ValueError("array", u * u)
    except ValueError as error:
        note, squares = error.args
    return squares.sum() * len(note)


def changed_and_raised_again(x):
    def inner(v):
        try:
            raise _Found(v * v)
        except _Found as found:
            found.value *= v
            raise

    try:
        inner(x)
    except _Found as found:
        return found.value


def raised_from_another(x):
    try:
        try:
            raise _Found(x)
        except _Found as found:
            raise KeyError(found.value * x) from found
    except KeyError as error:
        return error.args[0] * x


def class_of_errors_inside(x, y):
    class Below(ValueError):
        def __init__(self, value, limit):
            super().__init__(f"{value} below {limit}")
            self.value, self.limit = value, limit

    def checked(value):
        if value < 100.0:
            raise Below(value, y)
        return value

    try:
        return checked(x)
    except Below as below:
        return below.limit * below.value**2


def kept_for_later(x):
    errors = []
    for k in range(3):
        try:
            raise _Found(x * k)
        except _Found as found:
            errors.append(found)
    return sum(found.value**2 for found in errors)


def kept_by_a_manager(x, y):
    with _Keeper() as keeper:
        raise _Found(x * y)
    return keeper.kept * x


def class_of_an_operation(x):
    try:
        return x / (x - x)
    except (ValueError, ArithmeticError) as error:
        name = type(error).__name__
        return x * x if isinstance(error, ZeroDivisionError) else len(name) * x


def running_average(x, y):
    def averager():
        total, count, average = 0.0, 0, None
        while True:
            value = yield average
            total += value
            count += 1
            average = total / count

    average = averager()
    next(average)
    result = 0.0
    for value in (x, y, x * y):
        result = result * x + average.send(value)
    return result


def value_of_stop_iteration(x):
    def squares():
        total = 0.0
        for k in range(3):
            total += x * k
            yield total
        return total * x

    values = squares()
    last = 0.0
    while True:
        try:
            last = next(values)
        except StopIteration as stop:
            return stop.value * last


def name_without_a_value(x, y):
    try:
        if x * y > 100.0:
            scale = y
        return scale * x
    except UnboundLocalError:
        return x * x * y


def return_in_finally(x, y):
    def settled(v):
        try:
            if v * v > 0.0001:
                raise _Found(v)
            return v
        finally:
            v = v * y
            return v * v  # noqa: B012

    return settled(x)


def continue_in_finally(u):
    total = 0.0
    for k, v in enumerate(u):
        try:
            if k == 1:
                raise KeyError(k)
            total += v
        finally:
            total *= v
            continue  # noqa: B012
    return total


SETTINGS = {"class_of_an_operation": {"float32": False}}  # NumPy divides by zero
TYPED = {"value_of_stop_iteration"}
