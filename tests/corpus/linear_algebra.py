"""Products of vectors, matrices and stacks of matrices; norms, inverses and determinants."""

from __future__ import annotations

import numpy as np


def matrix_times_vector(a, u):
    return np.sum((a @ u) ** 2)


def vector_times_matrix(p, a):
    return np.sum((p @ a) ** 2)


def vector_times_vector(u, v):
    return (u @ v) * (u @ u)


def matrix_times_matrix(a, b):
    return np.sum(np.sin(a @ b))


def matrix_times_transposed(a, c):
    return np.sum((a @ c.T) ** 2) + np.sum(a.T @ c)


def chain_of_matrices(a, b, p):
    return np.sum(a @ b @ a @ (b @ p))


def quadratic_form(m, p):
    return p @ m @ p


def quotient_of_forms(m, p):
    return (p @ (m @ p)) / (p @ p)


def matrix_power_by_product(m):
    square = m @ m
    return np.sum(square @ square) * 0.01


def stack_times_matrix(q, b):
    return np.sum(np.tanh(0.2 * q @ b))


def stack_times_vector(q, u):
    return np.sum((q @ u) ** 2)


def stack_times_stack(q, a):
    return np.sum(np.matmul(q, np.swapaxes(q, 1, 2)) ** 2) + np.sum(q @ (a.T @ a))


def dot_of_vectors(u, v):
    return np.dot(u, v) * np.dot(v, v)


def dot_of_matrices(a, b, p):
    return np.sum(np.dot(a, b) ** 2) + np.sum(a.dot(b).dot(p))


def dot_of_scalar(x, u):
    return np.sum(np.dot(x, u) * u) + np.dot(x, x)


def inner_products(u, v, a, c):
    return np.inner(u, v) + np.sum(np.inner(a, c) ** 2) + np.sum(np.inner(a, u))


def outer_product(u, p):
    return np.sum(np.outer(p, u) ** 2) + np.sum(np.outer(u, u) * u)


def vdot(u, v, a, c):
    return np.vdot(u, v) * np.vdot(a, c) + np.vdot(u, u)


def tensordot_over_one_axis(a, b):
    return np.sum(np.tensordot(a, b, axes=1) ** 2)


def tensordot_over_pairs(q, a):
    return np.sum(np.tensordot(q, a, axes=((1, 2), (0, 1))) ** 2) + np.tensordot(a, a)


def einsum_of_matrices(a, b):
    return np.sum(np.einsum("ij,jk->ik", a, b) ** 2)


def einsum_of_three(a, u, p):
    return np.einsum("i,ij,j->", p, a, u) ** 2


def einsum_of_batch(q, c):
    return np.sum(np.einsum("bij,kj->bik", q, c) ** 2)


def einsum_reduces_and_transposes(a, q):
    return np.sum(np.einsum("ij->j", a) ** 2) + np.sum(np.einsum("bij->jib", q) ** 3)


def einsum_implicit(u, v, a):
    return np.einsum("i,i", u, v) * np.sum(np.einsum("ij", a))


def trace_by_einsum(m):
    return np.einsum("ii->", m @ m)


def norms(u, a):
    return np.linalg.norm(u) * np.linalg.norm(a)


def norms_over_axis(a, c):
    return np.sum(np.linalg.norm(a, axis=1) ** 3) + np.sum(
        np.linalg.norm(c, axis=0, keepdims=True) * c
    )


def distance_by_norm(u, v):
    return np.linalg.norm(u - 2.0 * v)


def solve(m, p):
    return np.sum(np.linalg.solve(m, p) ** 2)


def solve_for_matrix(m, a):
    return np.sum(np.linalg.solve(m, a) * a)


def inverse(m, p):
    return p @ np.linalg.inv(m) @ p


def determinant(m):
    return np.linalg.det(m) * 0.1


def log_determinant_by_products(m, p):
    return np.log(np.linalg.det(m @ m.T)) + p @ np.linalg.solve(m, p)


def neumann_series(m, p):
    total = p
    term = p
    for _ in range(4):
        term = p - 0.2 * (m @ term)
        total = total + term
    return np.sum(total**2)


def projection(u, v):
    return np.sum((u - (u @ v) / (v @ v + 1.0) * v) ** 3)


def least_squares(b, u):
    solution, squares, _, values = np.linalg.lstsq(b, u, rcond=None)
    return np.sum(solution**3) + np.sum(squares) * np.sum(np.log(values))


def least_squares_of_several(b, m):
    return np.sum(np.linalg.lstsq(b[1:], m, rcond=None)[0] ** 2)


def orthogonal_factor(b):
    q, r = np.linalg.qr(b)
    return np.sum(q**3) + np.sum(np.diag(r) ** 2) * np.linalg.qr(b).R[0, 1]


def fitted_parabola(u, x):
    places = np.arange(4.0) + 0.1 * u
    line = np.polyfit(places, u * u, 1, w=np.abs(u) + 1.0)
    return np.polyval(np.polyfit(places, u, 2), x) + np.sum(line**2)


def fitted_series(u):
    return np.sum(np.polynomial.polynomial.polyfit(np.arange(4.0), u, 2) ** 2)


def gram_schmidt_step(p, m):
    q = m[0] / np.linalg.norm(m[0])
    r = m[1] - (q @ m[1]) * q
    return np.sum(r * p) / np.linalg.norm(r)


SETTINGS = {
    "least_squares_of_several": {"size_one": False},
    "fitted_parabola": {"size_one": False},
    "fitted_series": {"size_one": False},
}

TYPED = {  # how many dimensions has the right side?
    "least_squares", "least_squares_of_several", "fitted_parabola", "fitted_series",
}  # fmt: skip
