"""Generators and iterators: the order of effects, what code they become, and what is refused."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np
import pytest

import srcad
from srcad import errors
from srcad.testing import assert_close


def powers(x, n):
    value = 1.0
    for _ in range(n):
        value = value * x
        yield value


def weighted(u, x):
    total = 0.0
    for k, p in enumerate(powers(x, 100)):
        total = total + u[k % len(u)] * p
    return total


def test_a_generator_is_a_loop_not_copies():
    text = srcad.source(weighted, "x", types="u: f64[*], x: float")
    assert len(text.splitlines()) < 60
    u = np.array([0.5, -1.0, 2.0])
    h = 1e-6
    difference = float(weighted(u, 0.9 + h) - weighted(u, 0.9 - h)) / (2 * h)
    assert_close(srcad.grad(weighted, "x")(u, 0.9), difference, rtol=1e-6)


def traced(x, log):
    def numbers():
        log.append("begin")
        try:
            for k in range(3):
                print("yield", k)
                yield x * k
        finally:
            print("finally")

    for v in numbers():
        print("got")
        if v > 0.5:
            break
    print("end")
    return v


def test_effects_are_in_order_and_once(capsys):
    def f(x):
        return traced(x, [])

    f(1.0)
    expected = capsys.readouterr().out
    assert srcad.grad(f)(1.0) == 1.0
    assert capsys.readouterr().out == expected == (
        "yield 0\ngot\nyield 1\ngot\nfinally\nend\n"
    )


def stores_through_an_argument(x):
    w = np.ones(3) * x

    def store(v):
        v[0] = 5.0 * x
        return w[0] * x

    return store(w)


def stores_before_a_closure_reads(x):
    w = np.ones(3) * x

    def store(v, read):
        v[0] = 5.0 * x
        return read()

    return store(w, lambda: w[0] * x)


def store_and_sum(v, numbers, x):
    v[0] = 5.0 * x
    return sum(numbers)


def stores_before_a_generator_reads(x):
    w = np.ones(3) * x

    def numbers():
        yield w[0] * x

    return store_and_sum(w, numbers(), x)


def stores_before_an_expression_reads(x):
    w = np.ones(3) * x
    return store_and_sum(w, (w[0] * x for _ in range(1)), x)


@pytest.mark.parametrize(
    "f",
    [
        stores_through_an_argument, stores_before_a_closure_reads,
        stores_before_a_generator_reads, stores_before_an_expression_reads,
    ],
)  # fmt: skip
def test_an_argument_is_what_functions_see_by_name(f):
    value, gradient = srcad.value_and_grad(f)(2.0)
    assert value == f(2.0) == 20.0
    assert gradient == 20.0


def end_is_reached_at_run_time(x, n):
    numbers = powers(x, n)
    total = 0.0
    for _ in range(3):
        total = total + next(numbers)
    return total


def test_next_raises_at_run_time():
    assert_close(srcad.grad(end_is_reached_at_run_time)(2.0, 3), 1.0 + 4.0 + 12.0)
    with pytest.raises(StopIteration):
        end_is_reached_at_run_time(2.0, 2)
    with pytest.raises((StopIteration, errors.SrcadError)):
        srcad.grad(end_is_reached_at_run_time)(2.0, 2)


# ---------------------------------------------------------------------- what is refused


def pair(x):
    yield x
    yield x * x




def two_places(x):
    def numbers():
        if x > 0.0:
            yield x
            yield 1.0
        else:
            yield 2.0

    found = numbers()
    return next(found) * x


def read_in_some_turns(x, n):
    numbers = powers(x, 10)
    total = 0.0
    for k in range(n):
        if x > 0.1 * k:
            total = total + next(numbers)
    return total


def in_a_try(x):
    def numbers():
        try:
            yield x
        finally:
            pass

    found = numbers()
    return next(found)


def many_copies(x):
    def numbers():
        for k in list(range(500)):
            yield 1.0 * k

    total = 0.0
    for v in numbers():
        total = total + v * x
    return total


def sent_to_at_once(x):
    return pair(x).send(x)


def closed(x):
    numbers = pair(x)
    next(numbers)
    numbers.close()
    return x


def as_a_manager(x):
    with pair(x) as v:
        return v


def in_an_expression(x):
    def numbers():
        total = x if (yield x) is None else 1.0
        yield total

    return sum(numbers())


def strictly(x, u):
    return sum(a * b for a, b in zip(pair(x), u, strict=True))


def read_twice(x):
    numbers = pair(x)
    return sum(numbers) + sum(numbers)


def nothing_left(x):
    numbers = pair(x)
    next(numbers)
    next(numbers)
    return next(numbers)


def recursion_of_run_time(x, y):
    def numbers(v):
        if v > 0.1:
            yield v
            yield from numbers(v * x)

    return sum(numbers(y))


def result_is_a_generator(x):
    return pair(x)


@contextlib.contextmanager
def twice(x):
    yield x
    yield x


def manager_that_yields_twice(x):
    with twice(x) as v:
        return v


@contextlib.contextmanager
def perhaps(x):
    if x > 0.0:
        yield x


def manager_that_may_not_yield(x):
    with perhaps(x) as v:
        return v


def cartesian(x, u):
    return sum(a * b for a, b in itertools.product(pair(x), powers(x, len(u))))


STANDS = "at which `yield` this generator stands is not known while compiling"
REFUSED = {
    two_places: (
        STANDS, "it comes to one or to another, as a condition of run time says",
        "read it by a `for` loop, or bring both to one `yield`",
    ),
    read_in_some_turns: (
        STANDS,
        "it was read further on some paths, or in some turns of a loop, than on others",
        "read it in a loop of its own, or make a list of it first",
    ),
    in_a_try: (
        "a generator with a `yield` in this statement is read by `next`",
        "srcad follows step by step only what stands in `if`, `for` and `while`",
        "read the generator by a `for` loop",
    ),
    many_copies: (
        "the body of this loop would be compiled more than 400 times",
        "it stands in the place of each `yield` of the generator",
        "loop over a list of what the generator gives, or move the body into a function",
    ),
    sent_to_at_once: (
        "a value is sent to a generator that has not begun", "Python raises TypeError here",
        "call `next` first",
    ),
    closed: (
        "`close` of a generator cannot be differentiated",
        "its body stands in the place of the loop that reads it",
        "pass what it needs as an argument, or keep it in a variable that both see",
    ),
    as_a_manager: (
        "`__enter__` of a generator cannot be differentiated", "Python raises TypeError here",
        "decorate the generator function with `contextlib.contextmanager`",
    ),
    in_an_expression: (
        "a `yield` in the middle of an expression cannot be differentiated",
        "what consumes the value would stand within the expression",
        "give it a statement of its own: `y = yield x`",
    ),
    strictly: (
        "`zip(..., strict=True)` of a generator cannot be differentiated",
        "its length is not known while compiling",
        "compare the lengths first, and leave `strict` out",
    ),
    read_twice: (
        "a generator that may have been read before is read here",
        "it gives its elements once, and is empty the second time", "make a list of it first",
    ),
    nothing_left: (
        "there is no next element", "Python raises StopIteration here", "pass a default",
    ),
    recursion_of_run_time: (
        "generators nest deeper than 50 here",
        "each stands in the place of the loop that consumes it, and this one comes to itself "
        "again, as often as only the arguments say",
        "write it as a loop, or as a function that returns a list",
    ),
    result_is_a_generator: (
        "the function returns a generator",
        "a derivative can return numbers, arrays, tuples, lists and dicts",
        "return the numbers or arrays themselves",
    ),
    manager_that_yields_twice: (
        "this context manager yields twice", "Python raises RuntimeError here",
        "let it come to one `yield` only",
    ),
    manager_that_may_not_yield: (
        "this context manager may come to its end without a `yield`",
        "Python raises RuntimeError then", "let it come to one `yield` on every path",
    ),
}  # fmt: skip
ARGUMENTS = {"x": 0.5, "y": 2.0, "n": 4, "u": np.array([0.5, 1.5])}


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_refused(f):
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    with pytest.raises(errors.UnsupportedSyntaxError) as caught:
        srcad.grad(f)(*(ARGUMENTS[n] for n in names))
    assert (caught.value.what, caught.value.reason, caught.value.advice) == REFUSED[f]
    assert caught.value.loc is not None


def test_product_lists_its_generators():
    u = np.ones(3)
    h = 1e-6
    difference = (cartesian(0.5 + h, u) - cartesian(0.5 - h, u)) / (2 * h)
    assert_close(srcad.grad(cartesian)(0.5, u), difference, rtol=1e-6)
