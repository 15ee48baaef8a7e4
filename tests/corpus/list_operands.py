"""Lists and tuples of numbers in the places of arrays, as NumPy takes them."""

from __future__ import annotations

import numpy as np

_WEIGHTS = [1.0, 2.0, 4.0, -3.0]


def dot_with_a_list(u):
    return np.dot(_WEIGHTS, u) * np.dot(u, [2, 1, 3, 1])


def matrix_product_with_a_list(u):
    return (_WEIGHTS @ u) ** 2


def list_times_array(u):
    return np.sum(_WEIGHTS * u * u)


def powers_from_a_list(u):
    return np.sum(u ** [1.0, 2.0, 3.0, 2.0]) + np.sum(np.power(u * u, (1.0, 2.0, 1.0, 0.5)))


def einsum_with_a_list(u):
    return np.einsum("i,i", _WEIGHTS, u) ** 2


def solved_with_a_nested_list(p):
    return np.sum(np.linalg.solve([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 0.0, 5.0]], p) ** 2)


def functions_of_a_list_of_numbers(x, y, z):
    numbers = [x, y * x, z]
    ordered = np.dot(np.sort(numbers), [1.0, 2.0, 3.0])
    return np.sum(np.diff(numbers) ** 2) + ordered + np.var(numbers)


SETTINGS = {
    "dot_with_a_list": {"size_one": False}, "matrix_product_with_a_list": {"size_one": False},
    "list_times_array": {"size_one": False}, "powers_from_a_list": {"size_one": False},
    "einsum_with_a_list": {"size_one": False}, "functions_of_a_list_of_numbers": {"float32": False},
}  # fmt: skip
