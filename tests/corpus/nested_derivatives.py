"""Derivatives inside of the function: each must see its own variable and no other's."""

from __future__ import annotations

import numpy as np

import srcad


def _quartic(x):
    return x**4 - x * x + 0.5 * x


def _energy(u):
    return np.sum(u**3) + u[0] * u[-1]


def _product(x, y):
    return x * x * np.sin(y)


_quartic_derivative = srcad.grad(_quartic)
_force = srcad.grad(_energy)


def perturbation_confusion(x):
    """The inner derivative is 1, whatever x is."""
    return x * srcad.grad(lambda y: x + y)(1.0)


def inner_product_with_outer_variable(x):
    return x * srcad.grad(lambda y: x * y * y)(2.0)


def derivative_of_closure(x, y):
    def energy(z):
        return z * z * x * y

    return srcad.grad(energy)(y) * x


def derivative_made_outside(x):
    return _quartic_derivative(x) * x


def derivative_made_in_place(x):
    return srcad.grad(_quartic)(x * x)


def gradient_of_vector(u):
    return np.sum(_force(u) ** 2)


def gradient_descent(x, n):
    for _ in range(n):
        x = x - 0.05 * _quartic_derivative(x)
    return x


def value_and_derivative(x, y):
    value, slope = srcad.value_and_grad(_product, argnums=1)(x, y)
    return value * slope


def two_arguments(x, y):
    x_bar, y_bar = srcad.grad(_product, argnums=(0, 1))(x, y)
    return x_bar * y_bar


def second_derivative(x):
    return srcad.grad(_quartic_derivative)(x) * x


def directional(x, y):
    value, slope = srcad.jvp(_product, (x, y), (y, 0.5))
    return value * slope


def _misfit(layers, u):
    for weight, bias in layers:
        u = np.tanh(weight * u + bias)
    return np.sum(u**2)


def step_of_descent(u, v, x):
    """The gradient has the structure of the argument."""
    layers = [(u, x), (v, 0.5)]
    slopes = srcad.grad(_misfit)(layers, u)
    layers = [(w - 0.1 * dw, b - 0.1 * db) for (w, b), (dw, db) in zip(layers, slopes)]
    return _misfit(layers, u)


def _scaled_energy(state):
    return np.sum(state["u"] ** 3) * state["scale"][0]


def slopes_by_name(u, x):
    state = {"u": u, "scale": (x,)}
    slopes = srcad.grad(_scaled_energy)(state)
    slopes["u"][0] = x
    _, along = srcad.jvp(_scaled_energy, (state,), ({"scale": (x,), "u": slopes["u"]},))
    return along * slopes["scale"][0]


# The lambdas are compiled anew for each value that differences need.
SETTINGS = {
    "perturbation_confusion": {"inputs": {"x": 0.7}, "float32": False},
    "inner_product_with_outer_variable": {"inputs": {"x": 0.7}, "float32": False},
    "derivative_of_closure": {"inputs": {"x": 0.7, "y": 1.3}, "float32": False},
}


def _to_a_power(x, n):
    result = 1.0
    for _ in range(n):
        result = result * x
    return result


def integer_that_stays(x):
    return srcad.grad(_to_a_power)(x, 3) * srcad.jvp(_to_a_power, (x, 2), (1.0, None))[1]
