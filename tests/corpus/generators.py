"""Generator functions, consumed by loops, builtins, itertools, unpacking and other generators."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import operator

import numpy as np


def _powers(x, n):
    value = 1.0
    for _ in range(n):
        value = value * x
        yield value


def _fibonacci(a, b):
    while True:
        yield a
        a, b = b, a + 0.5 * b


def _squares(iterable):
    for v in iterable:
        yield v * v


def _positive(iterable):
    for v in iterable:
        if v > 0.0:
            yield v


def _until(values, bound):
    for v in values:
        if v > bound:
            return
        yield v


def _three(x, scale=2.0, *, shift=0.25):
    yield x
    yield scale * x * x
    yield x + shift


def _running(values):
    total = 0.0
    for v in values:
        total = total + v
        yield total


# ---------------------------------------------------------------------- loops


def one_yield(x):
    total = 0.0

    def only():
        yield x * x

    for v in only():
        total += v * x
    return total


def two_yields_in_loop(u):
    def ends():
        for v in u:
            yield v
            yield v * v

    total = 0.0
    for e in ends():
        total += math.sin(e)
    return total


def defaults_and_keywords(x):
    total = 0.0
    for v in _three(x):
        total += v
    for v in _three(x, 3.0, shift=x):
        total += v * v
    return total


def yield_of_tuples(u, v):
    def pairs():
        for i in range(len(u)):
            yield i, u[i] * v[i]

    total = 0.0
    for i, product in pairs():
        total += (i + 1) * product
    return total


def yield_in_branches(u):
    def parts():
        for v in u:
            if v > 0.5:
                yield v * v
            else:
                yield -v

    total = 1.0
    for p in parts():
        total = total * (1.0 + 0.1 * p)
    return total


def break_leaves_generator(u, x):
    total = 0.0
    for v in _running(u):
        total += v * x
        if total > 2.0:
            break
    return total


def continue_in_consumer(u):
    total = 0.0
    for v in _running(u):
        if v < 0.0:
            continue
        total += v * v
    return total + 0.1 * float(np.sum(u))


def return_in_consumer(u, x):
    for v in _running(u):
        if v > 0.8:
            return v * x
    return x * x


def else_of_consumer(u, x):
    for v in _running(u):
        if v > 100.0:
            break
    else:
        return x * v
    return x


def break_in_while_true(x):
    total = 0.0
    for k, v in enumerate(_fibonacci(x, 1.0)):
        if k == 6:
            break
        total += v * v
    return total


def break_on_value(x):
    def growing():
        value = x
        while True:
            yield value
            value = value * 1.5 + 1.0

    last = 0.0
    for v in growing():
        last = v
        if v > 20.0:
            break
    return last * last


def early_return_of_generator(u, x):
    return sum(v * x for v in _until(u, 1.0)) + x


def generator_with_while(x):
    def halving(value):
        while value > 0.01:
            yield value
            value = value / 3.0

    total = 0.0
    for v in halving(x * x):
        total += math.sqrt(v)
    return total


def loop_with_carried_state(u):
    def smoothed(values, rate):
        state = values[0]
        for v in values:
            state = (1.0 - rate) * state + rate * v
            yield state

    best = 0.0
    for k, s in enumerate(smoothed(u, 0.3)):
        best += s * s * (k + 1)
    return best


def differences_of_neighbours(u):
    def differences(values):
        before = None
        for v in values:
            if before is not None:
                yield v - before
            before = v

    return sum(d * d for d in differences(u)) + u[0]


def nested_consumers(u, x):
    total = 0.0
    for a in _running(u):
        for b in _powers(x, 3):
            total += a * b
    return total


def generator_in_while(x):
    total = x
    k = 0
    while k < 3:
        for v in _powers(x, 2):
            total += v * k
        k += 1
    return total


def rows_of_a_matrix(a):
    def rows():
        for i in range(a.shape[0]):
            yield a[i]

    total = 0.0
    for row in rows():
        total += float(np.dot(row, row))
    return total


def blocks_of_a_vector(u):
    def blocks(values, size):
        for start in range(0, len(values), size):
            yield values[start : start + size]

    total = 0.0
    for k, block in enumerate(blocks(u, 2)):
        total += (k + 1) * float(np.sum(block**2))
    return total


def stores_in_consumer(u, x):
    out = np.zeros(len(u))
    for i, v in enumerate(_running(u)):
        out[i] = v * x
    return float(np.sum(out**2))


def list_filled_in_consumer(u):
    seen = []
    for v in _running(u):
        seen.append(v * v)
    return sum(seen)


def generator_changes_a_list(x):
    log = []

    def noisy():
        for k in range(3):
            log.append(x * k)
            yield x + k

    total = 0.0
    for v in noisy():
        total += v
    return total + sum(log) * x


def nonlocal_in_generator(u):
    count = 0.0

    def counted():
        nonlocal count
        for v in u:
            count += v
            yield v * v

    total = 0.0
    for v in counted():
        total += v * count
    return total + count


def consumer_changes_what_is_read(x):
    scale = 1.0

    def scaled():
        for k in range(4):
            yield scale * k

    total = 0.0
    for v in scaled():
        total += v * x
        scale = scale * x
    return total


def finally_runs_at_the_end(x):
    log = []

    def guarded():
        try:
            yield x
            yield x * x
        finally:
            log.append(x * 3.0)

    total = 0.0
    for v in guarded():
        total += v
    return total + log[0]


def finally_runs_at_break(x):
    log = []

    def guarded():
        try:
            yield x
            yield x * x
        finally:
            log.append(x * 3.0)

    total = 0.0
    for v in guarded():
        total += v
        break
    return total * log[0]


def error_inside_is_caught(u):
    def inverse():
        for v in u:
            try:
                yield 1.0 / (float(v) - 0.5)
            except ZeroDivisionError:
                yield 0.0

    return sum(inverse())


# ---------------------------------------------------------------------- builtins


def summed(x, n):
    return sum(_powers(x, n))


def summed_with_start(x):
    return sum(_three(x), x * x)


def extremes(x):
    return max(_three(x)) - min(_three(x)) * x


def extremes_of_run_time_length(u):
    return max(_running(u)) * min(_running(u))


def maximum_with_key(x, y):
    def points():
        yield x, y
        yield y, 3.0 * x

    best = max(points(), key=lambda p: p[0] * p[1])
    return best[0] + best[1] * best[1]


def listed(u):
    values = list(_running(u))
    return values[-1] * values[0]


def tupled(x):
    values = tuple(_three(x))
    return values[0] * values[1] + len(values) * values[2]


def ordered(x):
    values = sorted(_three(x), reverse=True)
    return values[0] * 3.0 + values[1] * 2.0 + values[2]


def tested(u, x):
    if any(v > 100.0 for v in _running(u)):
        return x
    if all(v > -100.0 for v in _running(u)):
        return x * x
    return 0.0


def mapped(u):
    return sum(map(math.sin, _running(u)))


def mapped_over_two(u, x):
    return sum(map(operator.mul, _running(u), _fibonacci(x, 1.0)))


def filtered(u):
    return sum(filter(lambda v: v > 0.0, _running(u)))


def reduced(x):
    return functools.reduce(lambda a, b: a * b + 1.0, _three(x))


def reduced_from_start(u):
    return functools.reduce(lambda a, b: 0.5 * a + b, _running(u), 1.0)


def product_of_generator(x):
    return math.prod(_three(x))


def array_of_list(u):
    values = np.array(list(_running(u)))
    return float(np.sum(values * values))


def array_from_iterator(u):
    values = np.fromiter(_running(u), dtype=float)
    return float(np.dot(values, values))


def zipped_with_array(u, v):
    return sum(a * b for a, b in zip(_running(u), v))


def zipped_with_range(x):
    total = 0.0
    for k, v in zip(range(5), _fibonacci(x, 1.0)):
        total += (k + 1) * v
    return total


def zipped_generators(u, x):
    total = 0.0
    for a, b in zip(_running(u), _fibonacci(x, 1.0)):
        total += a * b
    return total


def zipped_with_constants(u):
    weights = (0.5, 2.0, 1.0)
    return sum(w * v for w, v in zip(weights, _running(u)))


def enumerated_from_one(u):
    total = 0.0
    for k, v in enumerate(_running(u), start=1):
        total += v / k
    return total


def comprehension_over_generator(u):
    doubled = [2.0 * v for v in _running(u) if v > 0.0]
    return sum(doubled) + len(doubled)


def dictionary_of_generator(x):
    def pairs():
        yield "first", x
        yield "second", x * x

    table = dict(pairs())
    return table["first"] * table["second"]


def star_of_generator(x):
    return math.hypot(*_powers(x, 2))


def star_in_list(x):
    values = [1.0, *_three(x), x]
    return values[1] * values[2] + values[4] * len(values)


def unpacked(x):
    a, b, c = _three(x)
    return a * b + c


def unpacked_with_star(x):
    first, *others = _three(x)
    return first * sum(others)


def unpacked_from_range(x):
    a, b, c = _powers(x, 3)
    return a + b * c


# ---------------------------------------------------------------------- generators of generators


def pipeline(u):
    return sum(_squares(_positive(_running(u))))


def delegated(x):
    def both():
        yield from _three(x)
        yield from (x, x * x)
        yield x**3

    return sum(math.sin(v) for v in both())


def delegated_result(x):
    def inner():
        yield x
        yield x * x
        return 3.0 * x

    def outer():
        last = yield from inner()
        yield last * last

    return sum(outer())


def delegated_in_loop(u, x):
    def terms():
        for v in u:
            yield from _powers(v * x, 2)

    return sum(terms())


def recursive_tree(x):
    def leaves(tree):
        if isinstance(tree, tuple):
            for part in tree:
                yield from leaves(part)
        else:
            yield tree

    return sum(v * v for v in leaves((x, (2.0 * x, (x + 1.0, 3.0)), 0.5)))


def recursive_depth(x):
    def dyadic(value, depth):
        if depth == 0:
            yield value
        else:
            yield from dyadic(value * 0.5, depth - 1)
            yield from dyadic(value * 1.5, depth - 1)

    return sum(math.sin(v) for v in dyadic(x, 3))


def generator_as_argument(u):
    def total(iterable):
        result = 0.0
        for v in iterable:
            result += v * v
        return result

    return total(_running(u))


def generator_returned(u, x):
    def make(scale):
        return (scale * v for v in u)

    def chosen():
        return _powers(x, 2)

    return sum(make(x)) + sum(chosen())


def generator_function_as_argument(u):
    def total(make):
        return sum(v * v for v in make(u))

    return total(_running) + total(_squares)


def generator_expression_of_generator(u, x):
    scaled = (x * v for v in _running(u))
    shifted = (v + 1.0 for v in scaled if v > 0.0)
    return sum(shifted)


def trapezoids(x):
    def intervals(a, b, n):
        h = (b - a) / n
        for i in range(n):
            yield a + i * h, a + (i + 1) * h

    return sum(0.5 * (b - a) * (math.sin(a) + math.sin(b)) for a, b in intervals(0.0, x, 8))


def newton_iterates(x):
    def iterates(value):
        while True:
            yield value
            value = value - (value * value - x) / (2.0 * value)

    for k, root in enumerate(iterates(1.5)):
        if k == 5:
            return root
    return 0.0


def euler_trajectory(x, y):
    def trajectory(state, speed, dt):
        while True:
            yield state
            state, speed = state + dt * speed, speed - dt * state

    end = x
    for state in itertools.islice(trajectory(x, y, 0.1), 12):
        end = state
    return end * end


# ---------------------------------------------------------------------- itertools


def sliced(x):
    return sum(itertools.islice(_fibonacci(x, 1.0), 6))


def sliced_with_step(x):
    return sum(itertools.islice(_fibonacci(x, 1.0), 1, 8, 3))


def sliced_by_argument(x, n):
    return sum(v * v for v in itertools.islice(_fibonacci(x, 1.0), n))


def chained(u, x):
    return sum(v * v for v in itertools.chain(_running(u), [x, 2.0], _three(x)))


def chained_from_generator(u, x):
    return sum(itertools.chain.from_iterable([_running(u), _powers(x, 2)]))


def neighbours(u):
    return sum(a * b for a, b in itertools.pairwise(_running(u))) + u[0]


def taken_while(x):
    return sum(itertools.takewhile(lambda v: v < 30.0, _fibonacci(x * x + 1.0, 2.0)))


def dropped_while(u):
    return sum(itertools.dropwhile(lambda v: v < 0.5, _running(u))) + u[0]


def accumulated(x):
    return sum(itertools.accumulate(_three(x)))


def accumulated_products(x):
    products = itertools.accumulate(_fibonacci(x, 1.0), operator.mul)
    return sum(itertools.islice(products, 4))


def starred_map(u, x):
    def pairs():
        for v in u:
            yield v, x

    return sum(itertools.starmap(lambda a, b: a * b * b, pairs()))


def cycled(u, x):
    return sum(a * b for a, b in zip(u, itertools.cycle((x, 1.0, x * x))))


def compressed(x):
    return sum(itertools.compress(_three(x), (True, False, True)))


def counted(x):
    total = 0.0
    for k, v in zip(itertools.count(1), _three(x)):
        total += k * v
    return total


# ---------------------------------------------------------------------- next


def next_of_generator(x):
    values = _three(x)
    first = next(values)
    second = next(values)
    return first * second + next(values)


def next_of_endless(x):
    numbers = _fibonacci(x, 1.0)
    next(numbers)
    next(numbers)
    third = next(numbers)
    return third * next(numbers)


def next_in_loop(u, x):
    numbers = _fibonacci(x, 1.0)
    total = 0.0
    for v in u:
        total += v * next(numbers)
    return total


def next_then_loop(u):
    values = _running(u)
    best = next(values)
    for v in values:
        if v > best:
            best = v
    return best * best


def next_with_default(x):
    values = _powers(x, 2)
    a = next(values, 0.0)
    b = next(values, 0.0)
    c = next(values, 5.0)
    return a * b + c * x


def loop_left_and_read_on(u):
    values = _squares(u)
    total = 0.0
    for v in values:
        total += v
        if v > 0.1:
            break
    return total * 2.0 + sum(values)


def first_that_fits(u, x):
    return next((v * x for v in u if v > 0.2), x)


def next_of_list_iterator(x):
    numbers = iter([x, x * x, 3.0])
    first = next(numbers)
    return first + sum(v * first for v in numbers)


def next_of_array_iterator(u):
    values = iter(u)
    result = next(values)
    for v in values:
        result = 0.5 * result + v * v
    return result


def generator_expression_stepwise(u, x):
    terms = (x * v for v in u)
    first = next(terms)
    return first * sum(terms) + first


# ---------------------------------------------------------------------- iterators of classes


class _Vector:
    def __init__(self, *parts):
        self.parts = list(parts)

    def __iter__(self):
        for p in self.parts:
            yield 1.0 * p

    def __len__(self):
        return len(self.parts)

    def __contains__(self, part):
        return any(p == part for p in self.parts)

    def __reversed__(self):
        for k in range(len(self.parts) - 1, -1, -1):
            yield self.parts[k]


class _Table:
    def __init__(self, values):
        self.values = values

    def __getitem__(self, k):
        return self.values[k]

    def __len__(self):
        return len(self.values)


class _Countdown:
    def __init__(self, start, ratio):
        self.value = start
        self.ratio = ratio

    def __iter__(self):
        return self

    def __next__(self):
        if self.value < 0.1:
            raise StopIteration
        value = self.value
        self.value = value * self.ratio
        return value


class _Samples:
    def __init__(self, values, weight):
        self.values = values
        self.weight = weight

    def weighted(self, power=1):
        for v in self.values:
            yield self.weight * v**power

    def __iter__(self):
        return iter(self.values)

    def items(self):
        return enumerate(self.values)

    @staticmethod
    def steps(x):
        yield x
        yield 2.0 * x

    @property
    def halves(self):
        return (0.5 * v for v in self.values)


def iterated_object(x, y):
    return sum(p * p for p in _Vector(x, y, x * y))


def unpacked_object(x, y):
    a, b = _Vector(x * y, y)
    return a - b * b


def reversed_object(x, y):
    total = 0.0
    for p in reversed(_Vector(x, y)):
        total = total * 0.5 + p * p
    return total


def object_in_builtins(x, y):
    v = _Vector(x, y)
    return max(v) * sum(v) + len(list(v)) * x


def contained_object(x, y):
    v = _Vector(x, y)
    return x * x if x in v and 3.0 not in v else y


def object_in_star(x, y):
    return math.hypot(*_Vector(x, y))


def object_in_zip(u, x):
    return sum(a * b for a, b in zip(_Vector(x, 2.0, x * x), u))


def object_by_index(u):
    return sum(v * v for v in _Table(u))


def object_with_next(x):
    return sum(_Countdown(x * x + 1.0, 0.4))


def generator_method(u, x):
    samples = _Samples(u, x)
    return sum(samples.weighted()) + sum(samples.weighted(power=2))


def iter_of_attribute(u, x):
    total = 0.0
    for v in _Samples(u, x):
        total += v * v * x
    return total


def iterator_of_method(u, x):
    return sum(k * v for k, v in _Samples(u, x).items()) + x


def generator_of_staticmethod(x):
    return sum(_Samples.steps(x * x))


def generator_of_property(u, x):
    return sum(_Samples(u, x).halves) * x


# ---------------------------------------------------------------------- with


@contextlib.contextmanager
def _scaled(values, factor):
    values *= factor
    yield values
    values /= factor


@contextlib.contextmanager
def _logged(log, amount):
    log.append(amount)
    try:
        yield amount * amount
    finally:
        log.append(2.0 * amount)


@contextlib.contextmanager
def _forgiving():
    try:
        yield
    except ZeroDivisionError:
        pass


def with_generator(u, x):
    values = u * 1.0
    with _scaled(values, x) as inside:
        total = float(np.sum(inside**2))
    return total + float(np.sum(values))


def with_generator_and_finally(x):
    log = []
    with _logged(log, x) as square:
        result = square * x
    return result + log[0] * log[1]


def return_within_with(x):
    log = []

    def inside():
        with _logged(log, x) as square:
            return square * x

    return inside() + sum(log)


def with_in_loop(u):
    log = []
    total = 0.0
    for v in u:
        with _logged(log, v) as square:
            if square > 2.0:
                continue
            total += square
    return total + sum(log)


def with_that_catches(x):
    result = x
    with _forgiving():
        result = x * x
        result = 1.0 / float(x - x)
    return result


def with_defined_inside(x):
    @contextlib.contextmanager
    def doubled(value):
        yield 2.0 * value

    with doubled(x) as twice, doubled(twice) as four:
        return twice * four


# `+=` and `*=` on a number or an array?
TYPED = {"generator_in_while", "with_generator"}

_SIGNS = {"u": np.array([0.7, -0.4, 1.3, -0.2])}

SETTINGS = {
    "filtered": {"size_one": False},
    "comprehension_over_generator": {"size_one": False},
    "generator_expression_of_generator": {"size_one": False},
    "break_leaves_generator": {"inputs": [{}, {"u": np.array([0.5, 0.7]), "x": 0.3}]},
    "return_in_consumer": {"inputs": [{}, {"u": np.array([0.1, 0.2])}]},
    "early_return_of_generator": {"inputs": [{}, _SIGNS]},
}  # fmt: skip
