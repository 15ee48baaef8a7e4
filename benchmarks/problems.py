"""The functions that the benchmarks differentiate, and the arguments they are called with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import hand
from autoencoder import Parameters, initial_parameters
from autoencoder import loss as autoencoder

Array = np.ndarray
Generator = np.random.Generator


def autoencoder_batch(We1, We2, Wd, b1, b2, images):
    """The autoencoder's squared error of many images, one a row."""
    hidden = 1 / (1 + np.exp(-images @ We1.T - b1))
    code = 1 / (1 + np.exp(-hidden @ We2.T - b2))
    drawing = 1 / (1 + np.exp(-code @ Wd.T))
    return np.sum((images - drawing) ** 2)


def classifier(W1, b1, W2, b2, inputs, targets):
    """Mean cross-entropy of the softmax of a network with one hidden layer; one-hot targets."""
    hidden = np.tanh(inputs @ W1 + b1)
    logits = hidden @ W2 + b2
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.sum(targets * log_softmax) / len(inputs)


def rosenbrock(x):
    """Rosenbrock's function of n variables, in array operations."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_loop(x):
    """Rosenbrock's function of n variables, element by element."""
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def logistic(x, growth, steps):
    """The logistic map after `steps` steps."""
    for _ in range(steps):
        x = growth * x * (1.0 - x)
    return x


def pendulum(angle, velocity, damping, step, steps):
    """The angle of a damped pendulum after `steps` steps of the classical Runge-Kutta method."""
    for _ in range(steps):
        a1 = -math.sin(angle) - damping * velocity
        v2 = velocity + 0.5 * step * a1
        a2 = -math.sin(angle + 0.5 * step * velocity) - damping * v2
        v3 = velocity + 0.5 * step * a2
        a3 = -math.sin(angle + 0.5 * step * v2) - damping * v3
        v4 = velocity + step * a3
        a4 = -math.sin(angle + step * v3) - damping * v4
        angle += step / 6.0 * (velocity + 2.0 * v2 + 2.0 * v3 + v4)
        velocity += step / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
    return angle


def survey(x1, x2):
    """The example by which surveys of automatic differentiation explain it."""
    return math.log(x1) + x1 * x2 - math.sin(x2)


@dataclass(frozen=True)
class Problem:
    """A function to differentiate.

    Attributes
    ----------
    primal : callable
        The function; it returns a scalar.
    by_hand : callable
        Called like `primal`, it returns what the transform of `primal` returns.
    argnums : int or tuple of int
        The arguments to differentiate in.
    arguments : callable
        Draws the arguments of a call from a generator, in the size that is measured
        or, if the second argument is true, in a small size for tests.
    target : float
        The time of the generated gradient is to be at most this many times that by hand.
    is_loop : bool
        Whether it is a loop over scalars. Of a loop only the gradient is measured, because the
        value would cost a second loop that by hand is not needed.
    """

    primal: Callable[..., Any]
    by_hand: Callable[..., Any]
    argnums: int | tuple[int, ...]
    arguments: Callable[[Generator, bool], tuple[Any, ...]]
    target: float
    is_loop: bool = False

    @property
    def transform(self) -> str:
        return "grad" if self.is_loop else "value_and_grad"


def network(rng: Generator, small: bool) -> Parameters:
    return initial_parameters(rng, (6, 4, 3)) if small else initial_parameters(rng)


def autoencoder_arguments(rng: Generator, small: bool) -> tuple[Any, ...]:
    return *network(rng, small), rng.random(6 if small else 784)


def autoencoder_batch_arguments(rng: Generator, small: bool) -> tuple[Any, ...]:
    return *network(rng, small), rng.random((5, 6) if small else (64, 784))


def classifier_arguments(rng: Generator, small: bool) -> tuple[Any, ...]:
    count, inputs, hidden, classes = (5, 6, 4, 3) if small else (128, 784, 256, 10)
    return (
        rng.normal(0.0, 0.1, (inputs, hidden)),
        rng.normal(0.0, 0.1, hidden),
        rng.normal(0.0, 0.1, (hidden, classes)),
        rng.normal(0.0, 0.1, classes),
        rng.random((count, inputs)),
        np.eye(classes)[rng.integers(classes, size=count)],
    )


def rosenbrock_arguments(rng: Generator, small: bool) -> tuple[Any, ...]:
    return (rng.random(7 if small else 1_000_000),)


def rosenbrock_loop_arguments(rng: Generator, small: bool) -> tuple[Any, ...]:
    return (rng.random(7 if small else 1000),)


def rosenbrock_list_arguments(rng: Generator, small: bool) -> tuple[Any, ...]:
    return (rosenbrock_loop_arguments(rng, small)[0].tolist(),)


def logistic_arguments(rng: Generator, small: bool) -> tuple[Any, ...]:
    return 0.3, 2.9, 7 if small else 10_000


def pendulum_arguments(rng: Generator, small: bool) -> tuple[Any, ...]:
    return 0.5, 0.1, 0.2, 0.01, 7 if small else 10_000


def survey_arguments(rng: Generator, small: bool) -> tuple[Any, ...]:
    return 2.0, 5.0


PROBLEMS = {
    "autoencoder": Problem(
        autoencoder, hand.autoencoder, (0, 1, 2, 3, 4), autoencoder_arguments, 1.10
    ),
    "autoencoder-batch": Problem(
        autoencoder_batch,
        hand.autoencoder_batch,
        (0, 1, 2, 3, 4),
        autoencoder_batch_arguments,
        1.10,
    ),
    "classifier": Problem(classifier, hand.classifier, (0, 1, 2, 3), classifier_arguments, 1.10),
    "rosenbrock": Problem(rosenbrock, hand.rosenbrock, 0, rosenbrock_arguments, 1.10),
    "rosenbrock-dot": Problem(rosenbrock, hand.rosenbrock_dot, 0, rosenbrock_arguments, 1.10),
    "logistic": Problem(logistic, hand.logistic, (0, 1), logistic_arguments, 1.3, is_loop=True),
    "rosenbrock-loop": Problem(
        rosenbrock_loop, hand.rosenbrock_loop_array, 0, rosenbrock_loop_arguments, 1.3, is_loop=True
    ),
    "rosenbrock-list": Problem(
        rosenbrock_loop, hand.rosenbrock_loop, 0, rosenbrock_list_arguments, 1.3, is_loop=True
    ),
    "pendulum": Problem(pendulum, hand.pendulum, (0, 1, 2), pendulum_arguments, 1.3, is_loop=True),
    "survey": Problem(survey, hand.survey, (0, 1), survey_arguments, 2.0),
}
