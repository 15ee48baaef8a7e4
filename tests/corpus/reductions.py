"""Reductions and cumulative functions, with every kind of `axis` and `keepdims`."""

from __future__ import annotations

import numpy as np


def sum_of_all(a):
    return np.sum(a) ** 2


def sum_over_rows(a, u):
    return np.sum(np.sum(a, axis=0) * u)


def sum_over_last_axis(a, p):
    return np.sum(np.sum(a, axis=-1) * p)


def sum_over_two_axes(q, u):
    return np.sum(np.sum(q, axis=(0, 1)) * u**2)


def sum_over_tuple_with_negative_axis(q, p):
    return np.sum(np.sum(q, axis=(0, -1)) * p**2)


def sum_with_keepdims(a, row):
    return np.sum(a / (3.0 + np.sum(a * a, axis=0, keepdims=True)) * row)


def sum_of_all_with_keepdims(q):
    return np.sum(q * np.sum(q, keepdims=True))


def sum_over_no_axis(a):
    return np.sum(np.sum(a * a, axis=()) * a)


def sum_method(a, u):
    return (a * a).sum() + (a.sum(axis=0) * u).sum() + np.sum(a.sum(1, keepdims=True) ** 2)


def sum_of_scalar(x):
    return np.sum(x) * x


def mean_of_all(a):
    return np.mean(a * a) * np.mean(a)


def mean_over_axis(a, u):
    return np.sum(np.mean(a, axis=0) * u) + np.sum(np.mean(a, axis=1, keepdims=True) * a)


def mean_method(q):
    return q.mean() + np.sum(q.mean(axis=(1, 2)) ** 2) + np.sum(q.mean(-1) ** 3)


def product_of_all(u):
    return np.prod(u)


def product_over_axis(a, u):
    return np.sum(np.prod(a, axis=0) * u) + np.sum(a.prod(axis=1, keepdims=True) * a)


def product_with_a_zero(u):
    return np.prod(u - u[0]) + np.prod(u)


def variance_of_all(a):
    return np.var(a) * np.sum(a)


def variance_over_axis(a, u):
    return np.sum(np.var(a, axis=0) * u) + np.sum(a.var(axis=0, keepdims=True) * a)


def variance_with_ddof(a):
    return np.sum(np.var(a, axis=0, ddof=1) ** 2)


def deviation_of_all(a):
    return np.std(a) * np.mean(a)


def deviation_over_axis(a, u):
    return np.sum(np.std(a, axis=0) * u) + np.sum(a.std(axis=0, keepdims=True) * a)


def deviation_over_two_axes(q):
    return np.sum(np.std(q, axis=(0, 1)) ** 2)


def maximum_of_all(a):
    return np.max(a) * np.sum(a)


def maximum_over_axis(a, u):
    return np.sum(np.max(a, axis=0) * u) + np.sum(a.max(axis=1, keepdims=True) * a)


def minimum_over_axis(a, u):
    return np.sum(np.min(a, axis=0) * u) + np.sum(a.min(-1) ** 2) + np.min(a)


def extremes_over_two_axes(q):
    return np.sum(np.max(q, axis=(0, 2)) ** 2) - np.sum(np.amin(q, axis=(1, -1)) ** 2)


def range_of_values(u):
    return (np.max(u) - np.min(u)) * np.amax(u)


def running_sum(u, v):
    return np.sum(np.cumsum(u) * v)


def running_sum_over_axis(a):
    return np.sum(np.cumsum(a, axis=0) ** 2) + np.sum(a.cumsum(axis=-1) * a)


def running_sum_of_all(a):
    return np.sum(np.cumsum(a) ** 2)


def running_product(u, v):
    return np.sum(np.cumprod(u) * v)


def running_product_over_axis(a):
    return np.sum(np.cumprod(a, axis=1) * a) + np.sum(a.cumprod(axis=0))


def reduction_of_reduction(q):
    return np.max(np.sum(np.mean(q * q, axis=0), axis=1))


def softmax(u, v):
    shifted = np.exp(u - np.max(u))
    return np.sum(shifted / np.sum(shifted) * v)


def softmax_of_rows(a, c):
    e = np.exp(a - np.max(a, axis=1, keepdims=True))
    return np.sum(e / np.sum(e, axis=1, keepdims=True) * c)


def sum_of_empty(u, x):
    return np.sum(u[:0]) + np.sum(u) * x


def standard_score(u, v):
    return np.sum((u - np.mean(u)) / (np.std(u) + 0.1) * v)


def sums_of_some(a, u):
    rows = np.sum(a * a, axis=1, where=a > 0.2)
    return np.sum(rows**2) + u.sum(where=u < 1.0, initial=3.0) * np.add.reduce(u, where=u > 0.0)


def extrema_with_initial(u, x):
    largest = np.max(u, where=u < 1.0, initial=0.01) * u.min(initial=5.0)
    return largest * np.prod(u, where=u > 0.3, initial=x)


def moments_of_some(a):
    some = np.arange(a.shape[0])[:, None] % 2 == 0
    means = a.mean(axis=0, where=some)
    return np.sum(means**2) + np.var(a, ddof=1, where=some) + a.std(where=some)



def deviation_of_some_by_position(a):
    return np.sum(np.std(a, 0, None, None, 1, where=a > -5.0)) + np.std(a[0], where=np._NoValue)


SETTINGS = {
    "product_with_a_zero": {"size_one": False},
    "standard_score": {"size_one": False},
    "moments_of_some": {"size_one": False},
    "sums_of_some": {"size_one": False},
}
