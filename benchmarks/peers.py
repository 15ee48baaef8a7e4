"""The same derivatives by autograd and by JAX, where these packages are installed."""

from __future__ import annotations

import importlib
import importlib.util
import types
from collections.abc import Callable
from typing import Any

from problems import Problem

Derivative = Callable[..., Any]

PEERS = ("autograd", "jax")


def installed(peer: str) -> bool:
    return importlib.util.find_spec(peer) is not None


def peers_of(problem: Problem, arguments: tuple[Any, ...]) -> dict[str, Derivative]:
    """The derivative by each peer that is installed and suited to the problem."""
    peers = {}
    if installed("autograd"):
        peers["autograd"] = by_autograd(problem)
    # JAX would unroll the thousands of rounds of a Python loop while it compiles.
    if installed("jax") and not problem.is_loop:
        peers["jax"] = by_jax(problem, arguments)
    return peers


def by_autograd(problem: Problem) -> Derivative:
    transform = getattr(importlib.import_module("autograd"), problem.transform)
    derivative: Derivative = transform(on(problem, "autograd.numpy"), problem.argnums)
    return derivative


def by_jax(problem: Problem, arguments: tuple[Any, ...]) -> Derivative:
    """Compile for JAX; its arguments are converted once, here, and not at each call."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    derivative = jax.jit(getattr(jax, problem.transform)(on(problem, "jax.numpy"), problem.argnums))
    own_arguments = jax.tree.map(importlib.import_module("jax.numpy").asarray, arguments)
    return lambda *_: jax.block_until_ready(derivative(*own_arguments))


def on(problem: Problem, package: str) -> Callable[..., Any]:
    """Copy a primal so that its `np` and its `math` are the NumPy of a peer."""
    peer_numpy = importlib.import_module(package)
    primal = problem.primal
    scope = {**primal.__globals__, "np": peer_numpy, "math": peer_numpy}
    return types.FunctionType(primal.__code__, scope, primal.__name__)
