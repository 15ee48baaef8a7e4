"""Builtins and the standard library's tools on numbers that carry a derivative."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from functools import partial, reduce
from itertools import accumulate, chain, product

import numpy as np


def sum_of_generator(u):
    return sum(e * e for e in u)


def sum_with_start(x, y):
    return sum([x * y, y], x)


def generator_with_condition(u):
    return sum(math.sin(e) for e in u if e < 0.9)


def generator_of_pairs(u, v):
    return sum((a - b) ** 2 for a, b in zip(u, v))


def generator_over_range(x, n):
    return sum(x**k / math.factorial(k) for k in range(n + 2))


def double_generator(x, y):
    return sum(x**i * y**j for i in range(2) for j in range(3))


def min_and_max_of_list(x, y):
    return max([x, y + 5.0, x * y]) * min([x - 7.0, y])


def max_of_three(x, y):
    return max(x, y + 4.0, 0.1) ** 2


def max_with_key(x, y):
    return max([x, y - 6.0], key=abs) ** 2


def max_with_default(x):
    return max([x * x], default=0.0) * x


def max_of_generator(x):
    return max(x * k for k in (1.0, 2.0)) if x > 0.0 else x * x


def any_and_all(x, y):
    values = [x + 3.0, y + 4.0]
    return values[0] * values[1] if all(v > 0.0 for v in values) else 0.0


def any_of_array(u):
    return np.sum(u * u) if any(e > 0.0 for e in u) else np.sum(u)


def sorted_values(x, y):
    low, middle, high = sorted([x, y + 5.0, x * y - 9.0])
    return low * high + middle**2


def sorted_descending(x, y):
    ranked = sorted([x, y + 4.0], reverse=True)
    return ranked[0] - 2.0 * ranked[1]


def sorted_by_key(x, y):
    points = sorted([(2.0, x), (1.0, y)], key=lambda p: p[0])
    return points[0][1] ** 2 * points[1][1]


def map_and_sum(u):
    return sum(map(math.tanh, u))


def map_of_lambda(x, y):
    return sum(map(lambda a, b: a * b, [x, y], [y, 2.0]))


def map_to_list(x, y):
    squares = list(map(lambda e: e * e, (x, y)))
    return squares[0] - squares[1] * x


def filtered(u):
    return sum(filter(lambda e: e > 0.05, u)) + np.sum(u * u)


def zip_of_three(x, y):
    return sum(a * b * c for a, b, c in zip([x, y], [y, x], [1.0, 0.5]))


def unzipped(x, y):
    xs, ys = zip((x, 1.0), (y, x * y))
    return sum(xs) * sum(ys)


def enumerate_from_one(x, y):
    return sum(k * v for k, v in enumerate([x, y, x * y], start=1))


def reversed_list(x, y):
    value = 0.0
    for c in reversed([x, y, 1.0]):
        value = 0.5 * value + c * c
    return value


def length(u):
    return np.sum(u) / len(u)


def absolute(x, y):
    return abs(x) * y + abs(x * y)


def rounding(x):
    return round(x * 10.0) * x


def rounding_to_digits(x):
    return x * x + round(3.14159, 2)


def divmod_of_time(x):
    days, rest = divmod(x + 17.3, 5.0)
    return days * rest**2


def powers(x, y):
    return pow(x, 3) + pow(abs(y), 1.5)


def conversions(x, n):
    return float(n) * float(x) + int(2.7) * x


def float_of_text(x):
    return float("0.25") * x * x


def boolean_arithmetic(x, y):
    return (x > 0.0) * x * y + bool(y) * y


def is_instance(x, y):
    return x * y if isinstance(x, float) else y


def reduce_product(x, y):
    return reduce(lambda a, b: a * b, [x, y, x + y])


def reduce_with_start(x, y):
    return functools.reduce(lambda value, c: value * x + c, (y, 1.0, 0.5), 0.0)


def reduce_operator(x, y):
    return reduce(operator.mul, [x, y, 3.0], 1.0) + reduce(operator.add, (x, y))


def partial_function(x, y):
    return partial(_decay, rate=0.3)(x) + partial(_decay, y)(rate=x * x)


def _decay(amount, rate):
    return amount * math.exp(-rate)


def partial_of_active(x, y):
    scaled = partial(operator.mul, y)
    return scaled(x) + scaled(2.0)


def product_of_indices(x, y):
    return sum(x**i * y**j for i, j in product(range(2), range(2)))


def product_with_repeat(x):
    total = 0.0
    for signs in itertools.product((-1.0, 1.0), repeat=2):
        total += math.exp(0.3 * x * sum(signs))
    return total


def accumulated(x, y):
    path = list(accumulate([x, y, x * y]))
    return path[1] * path[2]


def accumulated_product(x, y):
    return sum(accumulate([1.0 + x, 1.0 + y], operator.mul))


def chained(x, y):
    return sum(v * v for v in chain([x], (y, x * y)))


def chained_from_iterable(x, y):
    return sum(chain.from_iterable([[x, y], [x * y]]))


def combinations(x, y, z):
    return sum(a * b for a, b in itertools.combinations([x, y, z], 2))


def pairwise_differences(x, y, z):
    points = [x, y, z]
    return sum((b - a) ** 2 for a, b in zip(points[:-1], points[1:]))


def repeated(x):
    return sum(v * x for v in itertools.repeat(0.5, 3))


def counting(x):
    total = 0.0
    for k, c in zip(itertools.count(1), [1.0, 0.5, 0.25]):
        total += c * x**k
    return total


def star_map(x, y):
    return sum(itertools.starmap(lambda a, b: a * b, [(x, y), (y, 2.0)]))


def sliced_iterator(x, y):
    return sum(itertools.islice([x, y, x * y, 1.0], 1, 3))


def operator_functions(x, y):
    total = operator.add(x, operator.mul(x, y))
    return operator.sub(total, operator.truediv(y, 2.0)) + operator.neg(x)


def operator_powers(x):
    return operator.pow(x, 2) + operator.abs(x) * 0.5


def item_getter(x, y):
    second = operator.itemgetter(1)
    return second((x, y)) ** 2 * x


def comparison_by_operator(x, y):
    return x * y if operator.lt(-9.0, x) else y


def math_sums(x, y):
    return math.fsum([x, y, x * y]) + math.prod([x, 2.0, y])


def distances(x, y):
    return math.dist((x, y), (3.0, 4.0)) + math.hypot(x, y)


def net_present_value(x, y):
    flows = [-1.0, y, y, y + 1.0]
    return sum(flow / (1.0 + abs(x)) ** k for k, flow in enumerate(flows))


def weighted_median_step(x, y):
    values = sorted(zip([x, y + 3.0], [0.25, 0.75]))
    return sum(v * w for v, w in values)


def largest_pair(u):
    value, place = max((v, i) for i, v in enumerate(u))
    return value * (place + 1)


def largest_pair_with_ties(u):
    first, second = max((v, 5.0 * u[0]) for v in u)
    return first * second


def largest_of_tuples(x, y):
    first, second = max((x, 1.0), (x, y), (x, x * y))
    return first + second * 3.0


def smallest_of_lists(u):
    chosen = min([u[0], u[1]], [u[2], u[3]])
    return chosen[0] * chosen[1]


def extremes_of_a_sorted_list(u):
    pairs = [(v, i) for i, v in enumerate(u)]
    pairs.sort()
    low, i = pairs[0]
    high, j = max(pairs)
    return low * high + u[i] * u[j]


SETTINGS = {
    "is_instance": {"float32": False},  # np.float32 is no float
    "smallest_of_lists": {"size_one": False},
}
