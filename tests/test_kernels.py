"""The gradients of array programs with updates in place, against differences."""

from __future__ import annotations

import functools
import tracemalloc
from typing import Any

import numpy as np
import pytest
from kernels import Kernel, kernels
from oracle import generator, inner, like, tree_map

import srcad
from srcad import errors
from srcad.testing import assert_close, numerical_jvp, weighted_sum

# Kernels that are refused today; what is supported has to leave this set.
NOT_YET: set[str] = set()

KERNELS = {kernel.name: kernel for kernel in kernels()}
NAMES = list(KERNELS)
TODAY = [name for name in NAMES if name not in NOT_YET]

# Kernels whose turns are linear in the state: nothing has to be kept for the reverse sweep. Their
# first argument is the number of turns.
LINEAR_SCANS = (
    "jacobi_1d", "jacobi_2d", "heat_3d", "heat_3d_by_loops", "fdtd_2d", "seidel_2d", "adi",
)  # fmt: skip


def weights_of(kernel: Kernel) -> Any:
    """One random weight for each element of the result."""
    rng = generator(kernel.name, "weights")
    result = kernel.function(*kernel.args())
    return tree_map(lambda y: like(rng.normal(size=np.shape(y)), y), result)


@functools.cache
def scalar(name: str) -> Any:
    """The kernel as a function with one float as its result: the weighted sum of its arrays."""
    kernel = KERNELS[name]
    return weighted_sum(kernel.function, len(kernel.args()), weights_of(kernel))


def tangents_of(kernel: Kernel, salt: str = "tangents") -> tuple[Any, ...]:
    rng = generator(kernel.name, salt)
    return tuple(
        like(rng.normal(size=np.shape(a)), a) if i in kernel.argnums else None
        for i, a in enumerate(kernel.args())
    )


def chosen(kernel: Kernel, values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(values[i] for i in kernel.argnums)


def snapshot(args: tuple[Any, ...]) -> list[Any]:
    return [(a.dtype, a.shape, a.tobytes()) if isinstance(a, np.ndarray) else a for a in args]


def test_the_sets_name_kernels() -> None:
    assert len(NAMES) == len(kernels()) >= 45
    assert NOT_YET <= KERNELS.keys()
    assert set(LINEAR_SCANS) <= KERNELS.keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_has_a_derivative(name: str) -> None:
    """Differences of several steps agree, and with the sum of those of the single arguments."""
    kernel = KERNELS[name]
    args, tangents = kernel.args(), tangents_of(kernel)
    whole = numerical_jvp(scalar(name), args, tangents)
    assert np.isfinite(whole)
    parts = [
        numerical_jvp(
            scalar(name), args, tuple(t if j == i else None for j, t in enumerate(tangents))
        )
        for i in kernel.argnums
    ]
    assert_close(float(sum(parts)), float(whole), rtol=1e-5, atol=1e-6)
    assert any(part != 0.0 for part in parts)


@pytest.mark.parametrize("name", sorted(NOT_YET))
def test_not_yet(name: str) -> None:
    """Whatever is differentiated from now on has to leave `NOT_YET`."""
    kernel = KERNELS[name]
    with pytest.raises(errors.SrcadError):
        srcad.value_and_grad(scalar(name), argnums=kernel.argnums)(*kernel.args())


@pytest.mark.parametrize("name", TODAY)
def test_gradient_against_differences(name: str) -> None:
    kernel = KERNELS[name]
    args, tangents = kernel.args(), tangents_of(kernel)
    before = snapshot(args)
    value, gradient = srcad.value_and_grad(scalar(name), argnums=kernel.argnums)(*args)
    assert snapshot(args) == before
    expected = scalar(name)(*kernel.args())
    assert type(value) is type(expected)
    assert np.asarray(value).tobytes() == np.asarray(expected).tobytes()
    assert_close(gradient, tree_map(like, gradient, chosen(kernel, kernel.args())))  # in kind
    for i, slope in zip(kernel.argnums, gradient):
        only = tuple(t if j == i else None for j, t in enumerate(tangents))
        assert_close(
            float(inner(tangents[i], slope)),
            float(numerical_jvp(scalar(name), kernel.args(), only)),
            rtol=1e-5,
            atol=1e-6,
        )


@pytest.mark.parametrize("name", TODAY)
def test_forward_against_reverse(name: str) -> None:
    kernel = KERNELS[name]
    args, tangents, weights = kernel.args(), tangents_of(kernel), weights_of(kernel)
    before = snapshot(args)
    value, tangent = srcad.jvp(kernel.function, args, tangents)
    assert snapshot(args) == before
    primal, pull = srcad.vjp(kernel.function, *args)
    cotangents = chosen(kernel, pull(weights))
    assert snapshot(args) == before
    assert_close(value, kernel.function(*kernel.args()))
    assert_close(primal, value)
    assert_close(
        float(inner(weights, tangent)),
        float(inner(chosen(kernel, tangents), cotangents)),
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize("name", TODAY)
def test_second_order_forward_over_reverse(name: str) -> None:
    kernel = KERNELS[name]
    args, tangents, second = kernel.args(), tangents_of(kernel), tangents_of(kernel, "second")
    gradient = srcad.grad(scalar(name), argnums=kernel.argnums)
    _, product = srcad.jvp(gradient, args, tangents)

    def slope(*primals: Any) -> Any:
        return inner(chosen(kernel, second), gradient(*primals))

    expected = numerical_jvp(slope, kernel.args(), tangents, complex_step=False)
    found = inner(chosen(kernel, second), product)
    assert_close(float(found), float(expected), rtol=1e-5, atol=1e-5)


def scan(name: str, turns: int) -> tuple[Any, ...]:
    """Arguments of a linear scan for so many turns."""
    args = list(KERNELS[name].args())
    args[0] = turns
    if name == "fdtd_2d":  # one number of the source for each turn
        args[-1] = np.linspace(0.0, 1.0, 400)
    return tuple(args)


def peak_of(call: Any, args: tuple[Any, ...]) -> int:
    """Bytes that the call allocates at most at one time."""
    tracemalloc.start()
    try:
        call(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def forward_sweep(text: str) -> str:
    """Of the text of a gradient what runs before the reverse sweep."""
    functions = [part for part in text.split("\ndef ") if "_bwd(" not in part.splitlines()[0]]
    return "\n".join(part.split("# reverse sweep")[0] for part in functions)


@pytest.mark.parametrize("name", [name for name in LINEAR_SCANS if name in TODAY])
def test_linear_scan_keeps_nothing(name: str) -> None:
    gradient = srcad.grad(scalar(name), argnums=KERNELS[name].argnums)
    few, many = scan(name, 20), scan(name, 400)
    gradient(*few)  # compiles
    assert ".append(" not in forward_sweep(gradient.source)  # what is kept is of one size
    assert peak_of(gradient, many) < 1.1 * peak_of(gradient, few) + 2000
