"""The examples of the texts that srcad was made after, in Python and NumPy."""

from __future__ import annotations

import numpy as np

LEARNING_RATE = 0.02


def survey_example(x, y):
    """The running example of the survey of automatic differentiation in machine learning."""
    return np.log(x) + x * y - np.sin(y)


def survey_example_step_by_step(x, y):
    v1 = np.log(x)
    v2 = x * y
    v3 = np.sin(y)
    v4 = v1 + v2
    v5 = v4 - v3
    return v5


def dual_number_example(x, y):
    return 2 * x + x * y**3 + np.sin(x)


def dual_number_example_on_vectors(u, v):
    return np.sum(2.0 * u + u * v**3 + np.sin(u))


def square(x):
    return x**2


def squares(u):
    return u**2


def chain_rule(x):
    h = np.sin(x)
    y_hat = h * h + x
    return np.exp(-y_hat)


def chain_rule_with_two_inputs(x, y):
    h = _inner(x)
    return _outer(h, y)


def _inner(theta):
    return np.tanh(theta)


def _outer(h, theta):
    return (h - theta) ** 2 * theta


def autoencoder_error(m, b, a, p, u):
    """Three layers with sigmoids; the image `p` is the input and the target."""
    first_layer = 1 / (1.0 + np.exp(-m @ p - 0.1))
    encoded = 1 / (1.0 + np.exp(-b @ first_layer - u))
    reconstructed = 1 / (1.0 + np.exp(-a @ encoded))
    return np.sum((p - reconstructed) ** 2)


def autoencoder_error_of_batch(m, a, b, row, p):
    """The same for many images, one a row, with biases that are broadcast."""
    first_layer = _sigmoid(m @ a + row)
    encoded = _sigmoid(first_layer @ b + p)
    reconstructed = _sigmoid(encoded @ (a @ b))
    return np.sum((m - reconstructed) ** 2) / len(m)


def _sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def linear_least_squares(u, a, p):
    """Sum over the observations, written with matrices."""
    return np.sum((p - a @ u) ** 2)


def linear_least_squares_by_loop(u, a, p):
    cost = 0.0
    for observation, target in zip(a, p):  # noqa: B905
        estimate = observation @ u
        cost += (target - estimate) ** 2
    return cost


def line_fit(x, y, u, v):
    return np.sum((v - (x + y * u)) ** 2)


def step_of_gradient_descent(u, a, p):
    gradient = -2.0 * a.T @ (p - a @ u)
    new = u - LEARNING_RATE * gradient
    return np.sum((p - a @ new) ** 2)


def gradient_descent(x, y, n):
    """Minimise (z - x)**2 + y*z*z from z = 1 by n steps."""
    z = 1.0
    for _ in range(n):
        z = z - LEARNING_RATE * (2.0 * (z - x) + 2.0 * y * z)
    return z


def linear_layers_with_relu(a, b, p, u, row):
    hidden = _relu(u @ b + p)
    output = hidden @ a + row[0]
    return np.sum(output * output)


def _relu(z):
    return np.maximum(z, 0.0)


def network_with_softmax(a, b, u, p):
    log_posterior = a @ _relu(b @ p + u)
    shifted = log_posterior - np.max(log_posterior)
    posterior = np.exp(shifted) / np.sum(np.exp(shifted))
    return -np.log(posterior[1])


def network_with_binary_cross_entropy(a, b, p, mask):
    posterior = _sigmoid(b @ np.tanh(a @ (b @ p)))
    label = mask * 1.0
    return -np.sum(label * np.log(posterior) + (1.0 - label) * np.log(1.0 - posterior))


def expression_swell(x, n):
    """The logistic map of the survey's table on symbolic differentiation."""
    for _ in range(n):
        x = 4.0 * x * (1.0 - x)
    return x


def expression_swell_in_full(x):
    return 64.0 * x * (1.0 - x) * (1.0 - 2.0 * x) ** 2 * (1.0 - 8.0 * x + 8.0 * x * x) ** 2


SETTINGS = {
    "survey_example": {"positive": True, "inputs": [{"x": 2.0, "y": 5.0}, {}]},
    "survey_example_step_by_step": {"positive": True},
    "dual_number_example": {"inputs": [{"x": 3.0, "y": 5.0}, {}]},
    "squares": {"scalar": False},
    "expression_swell": {"inputs": [{"x": 0.3, "n": 0}, {"x": 0.3, "n": 4}]},
}
