"""Gradients as an expert writes them by hand: the measure for the generated ones.

Each function has the name and the arguments of its primal in `problems.py`. The array functions
and `survey` return the value and the gradient, the scalar loops the gradient only, all in reverse
mode. An array that is no longer needed is overwritten or deleted where that saves time, `exp` is
taken once, and the derivative of a sigmoid s is s * (1 - s).
"""

from __future__ import annotations

from math import cos, log, sin

import numpy as np

Array = np.ndarray


def autoencoder(
    We1: Array, We2: Array, Wd: Array, b1: Array, b2: Array, image: Array
) -> tuple[float, tuple[Array, ...]]:
    hidden = 1.0 / (1.0 + np.exp(-(We1 @ image) - b1))
    code = 1.0 / (1.0 + np.exp(-(We2 @ hidden) - b2))
    drawing = 1.0 / (1.0 + np.exp(-(Wd @ code)))
    error = drawing - image
    # z_bar is the derivative in the argument of each layer's sigmoid.
    drawing_z_bar = 2.0 * error * drawing * (1.0 - drawing)
    code_z_bar = (drawing_z_bar @ Wd) * code * (1.0 - code)
    hidden_z_bar = (code_z_bar @ We2) * hidden * (1.0 - hidden)
    gradient = (
        outer(hidden_z_bar, image),
        outer(code_z_bar, hidden),
        outer(drawing_z_bar, code),
        hidden_z_bar,
        code_z_bar,
    )
    return error @ error, gradient


def outer(x: Array, y: Array) -> Array:
    # Half to two thirds of the time of np.outer, for which NumPy broadcasts a multiplication.
    return np.einsum("i,j->ij", x, y)


def autoencoder_batch(
    We1: Array, We2: Array, Wd: Array, b1: Array, b2: Array, images: Array
) -> tuple[float, tuple[Array, ...]]:
    hidden = images @ We1.T
    hidden += b1
    sigmoid_in_place(hidden)
    code = hidden @ We2.T
    code += b2
    sigmoid_in_place(code)
    drawing = code @ Wd.T
    sigmoid_in_place(drawing)
    z_bar = drawing - images
    value = np.vdot(z_bar, z_bar)
    z_bar *= 2.0
    through_sigmoid_in_place(z_bar, drawing)
    del drawing
    Wd_bar = z_bar.T @ code
    z_bar = z_bar @ Wd
    through_sigmoid_in_place(z_bar, code)
    del code
    We2_bar = z_bar.T @ hidden
    b2_bar = z_bar.sum(axis=0)
    z_bar = z_bar @ We2
    through_sigmoid_in_place(z_bar, hidden)
    del hidden
    We1_bar = z_bar.T @ images
    return value, (We1_bar, We2_bar, Wd_bar, z_bar.sum(axis=0), b2_bar)


def sigmoid_in_place(z: Array) -> None:
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1.0
    np.divide(1.0, z, out=z)


def through_sigmoid_in_place(s_bar: Array, s: Array) -> None:
    """Turn the derivative in s = sigmoid(z) into the one in z; s is lost."""
    s_bar *= s
    np.subtract(1.0, s, out=s)
    s_bar *= s


def classifier(
    W1: Array, b1: Array, W2: Array, b2: Array, inputs: Array, targets: Array
) -> tuple[float, tuple[Array, ...]]:
    hidden = inputs @ W1
    hidden += b1
    np.tanh(hidden, out=hidden)
    shifted = hidden @ W2
    shifted += b2
    shifted -= shifted.max(axis=1, keepdims=True)
    softmax = np.exp(shifted)
    total = softmax.sum(axis=1, keepdims=True)
    count = len(inputs)
    # Each row of targets sums to one; so the derivative in the logits is softmax - targets.
    value = (np.log(total).sum() - np.vdot(targets, shifted)) / count
    softmax /= total
    softmax -= targets
    softmax /= count
    del shifted
    W2_bar = hidden.T @ softmax
    z_bar = softmax @ W2.T
    np.square(hidden, out=hidden)
    np.subtract(1.0, hidden, out=hidden)
    z_bar *= hidden
    del hidden
    return value, (inputs.T @ z_bar, z_bar.sum(axis=0), W2_bar, softmax.sum(axis=0))


def rosenbrock(x: Array) -> tuple[float, Array]:
    left, right = x[:-1], x[1:]
    residual = left * left
    np.subtract(right, residual, out=residual)
    slack = 1.0 - left
    slack *= slack
    x_bar = np.empty_like(x)
    terms = np.multiply(residual, residual, out=x_bar[1:])  # it has no other use yet
    terms *= 100.0
    terms += slack
    value = np.sum(terms)
    np.subtract(1.0, left, out=slack)
    residual *= 200.0
    x_bar[0] = 0.0
    x_bar[1:] = residual
    residual *= left
    residual += slack
    residual *= 2.0
    x_bar[:-1] -= residual
    return value, x_bar


def rosenbrock_dot(x: Array) -> tuple[float, Array]:
    """The same function by scalar products: faster, but its value is not that of the primal."""
    left, right = x[:-1], x[1:]
    x_bar = np.empty_like(x)
    slack = 1.0 - left
    residual = left * left
    np.subtract(right, residual, out=residual)
    value = 100.0 * (residual @ residual) + slack @ slack
    residual *= 200.0
    x_bar[0] = 0.0
    x_bar[1:] = residual
    residual *= left
    residual += slack
    residual *= 2.0
    x_bar[:-1] -= residual
    return value, x_bar


def rosenbrock_loop(x: list[float]) -> list[float]:
    # Nothing of the sum is needed again, so one loop is enough.
    x_bar = []
    right_bar = 0.0
    elements = iter(x)
    left = next(elements)
    for right in elements:
        residual_bar = 200.0 * (right - left * left)
        x_bar.append(right_bar - 2.0 * (residual_bar * left + 1.0 - left))
        right_bar = residual_bar
        left = right
    x_bar.append(right_bar)
    return x_bar


def rosenbrock_loop_array(x: Array) -> Array:
    return np.array(rosenbrock_loop(x.tolist()))


def logistic(x: float, growth: float, steps: int) -> tuple[float, float]:
    tape = []
    for _ in range(steps):
        tape.append(x)
        x = growth * x * (1.0 - x)
    x_bar = 1.0
    growth_bar = 0.0
    for x in reversed(tape):
        product = x_bar * x
        growth_bar += product - product * x
        x_bar = growth * (x_bar - product - product)
    return x_bar, growth_bar


def pendulum(
    angle: float, velocity: float, damping: float, step: float, steps: int
) -> tuple[float, float, float]:
    half = 0.5 * step
    sixth = step / 6.0
    tape = []
    for _ in range(steps):
        a1 = -sin(angle) - damping * velocity
        v2 = velocity + half * a1
        a2 = -sin(angle + half * velocity) - damping * v2
        v3 = velocity + half * a2
        a3 = -sin(angle + half * v2) - damping * v3
        v4 = velocity + step * a3
        a4 = -sin(angle + step * v3) - damping * v4
        tape.append((angle, velocity, v2, v3, v4))
        angle += sixth * (velocity + 2.0 * (v2 + v3) + v4)
        velocity += sixth * (a1 + 2.0 * (a2 + a3) + a4)
    angle_bar, velocity_bar, damping_bar = 1.0, 0.0, 0.0
    for angle, v1, v2, v3, v4 in reversed(tape):
        v_bar = sixth * angle_bar  # what each stage gets from the sum over the stages
        a_bar = sixth * velocity_bar
        # s_bar is the derivative in the angle of a stage, which is the argument of its sine.
        v4_bar = v_bar - damping * a_bar
        s4_bar = cos(angle + step * v3) * a_bar
        a3_bar = 2.0 * a_bar + step * v4_bar
        s3_bar = cos(angle + half * v2) * a3_bar
        v3_bar = 2.0 * v_bar - step * s4_bar - damping * a3_bar
        a2_bar = 2.0 * a_bar + half * v3_bar
        s2_bar = cos(angle + half * v1) * a2_bar
        v2_bar = 2.0 * v_bar - half * s3_bar - damping * a2_bar
        a1_bar = a_bar + half * v2_bar
        damping_bar -= a1_bar * v1 + a2_bar * v2 + a3_bar * v3 + a_bar * v4
        velocity_bar += v_bar + v2_bar + v3_bar + v4_bar - half * s2_bar - damping * a1_bar
        angle_bar -= cos(angle) * a1_bar + s2_bar + s3_bar + s4_bar
    return angle_bar, velocity_bar, damping_bar


def survey(x1: float, x2: float) -> tuple[float, tuple[float, float]]:
    return log(x1) + x1 * x2 - sin(x2), (1.0 / x1 + x2, x1 - cos(x2))
