"""Every function of the corpus in every mode and nesting, against differences.

The typical arguments of a function run forward and reverse at first and second order, typed and
generic, optimised and not; the mixed nestings typed and optimised. The other variants of the
arguments run typed and optimised, in one test each. That is the whole matrix; it runs on every
third function (more than 700), and its core on the others. With ``SRCAD_FULL_MATRIX=1`` it runs on
all, which takes 7 minutes more.
"""

from __future__ import annotations

import io
import itertools
import os
import zlib
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest
from oracle import Case, entries, inner, like, tree_map

import srcad
from srcad import errors
from srcad.testing import OracleError, assert_close, directional_derivative, weighted_sum

FULL = os.environ.get("SRCAD_FULL_MATRIX") == "1"


def is_whole(case: Case) -> bool:
    """Whether all of the matrix runs on a function: on every third one, by its name."""
    return FULL or zlib.crc32(case.entry.name.encode()) % 3 == 1


CASES = [list(entry.cases()) for entry in entries()]
TODAY = [c for c in CASES if not (c[0].settings.error or c[0].settings.not_yet)]
TYPICAL = [cases[0] for cases in TODAY]
OTHER = [case for cases in TODAY for case in cases[1:] if is_whole(case)]
NOT_YET = [case for cases in CASES for case in cases if case.settings.not_yet]
REFUSED = [cases[0] for cases in CASES if cases[0].settings.error]

MODES = ("forward", "reverse", "forward-over-forward", "reverse-over-reverse")
MIXED_MODES = ("forward-over-reverse", "reverse-over-forward")
# Beside it each function runs in `test_value_and_arguments` (reverse, typed) and `hvp`.
CORE = (("forward", "typed"), ("reverse", "generic"))
OPTIONS = {
    "typed": {},
    "typed-unoptimised": {"optimize": False},
    "generic": {"generic": True},
    "generic-unoptimised": {"generic": True, "optimize": False},
}


# Right in value, but a NumPy scalar where a float is due: it went through a list of lists.
_KIND = "a NumPy scalar where a Python float is due, or the reverse"
_ASIDE = "NaN: what a loop left aside reaches the second reverse sweep through a tape"
KNOWN = {
    f"{name}-{kind}": _KIND
    for name in (
        "nested_lists.sums_of_lists-mixed-reverse-over-reverse",
        "generators.chained_from_generator-mixed-forward-over-forward",
        "iterators.sum_error_caught_outside-mixed-forward-over-forward",
    )
    for kind in ("typed", "typed-unoptimised")
} | {
    f"left_aside.in_a_loop-given-reverse-over-reverse-{kind}": _ASIDE for kind in OPTIONS
} | {
    "reductions.extrema_with_initial-positive":
    "the last bit of a value: NumPy multiplies with `initial` first"
}


def marks(identity: str) -> Any:
    return pytest.mark.xfail(reason=KNOWN[identity]) if identity in KNOWN else ()


def matrix() -> Iterator[Any]:
    whole = [*itertools.product(MODES, OPTIONS), *itertools.product(MIXED_MODES, ["typed"])]
    for case, (mode, name) in itertools.product(TYPICAL, whole):
        if not is_whole(case) and (mode, name) not in CORE:
            continue
        if case.settings.gradient is None or "over" not in mode:  # kinks have first order only
            identity = f"{case}-{mode}-{name}"
            yield pytest.param(case, mode, OPTIONS[name], id=identity, marks=marks(identity))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Some functions of the corpus print."""
    with redirect_stdout(io.StringIO()):
        yield


@pytest.mark.parametrize("case", TYPICAL + NOT_YET, ids=str)
def test_oracle_knows_the_derivative(case: Case) -> None:
    check_oracle(case)


def check_oracle(case: Case) -> None:
    assert case.argnums
    if case.settings.gradient is None:
        assert_close(
            inner(case.cotangent(), case.tangent),
            inner(case.gradient, case.chosen(case.tangents())),
            **loose(case),
        )
    else:
        with pytest.raises(OracleError):
            case.numerical_gradient(*case.args())


@pytest.mark.parametrize("case, mode, options", list(matrix()))
def test_derivative(case: Case, mode: str, options: dict[str, bool]) -> None:
    check = {"forward": check_forward, "reverse": check_reverse}.get(mode, check_second_order)
    if case.settings.typed and options.get("generic"):
        with pytest.raises(errors.SrcadError):
            check(case, mode, options)
        return
    check(case, mode, options)


def check_forward(case: Case, mode: str, options: dict[str, bool]) -> None:
    args = case.args()
    value, tangent = srcad.jvp(case.call, args, case.tangents(), **options)
    assert_close(value, case.call(*args))
    assert_close(tangent, case.tangent, **first_order(case))


def check_reverse(case: Case, mode: str, options: dict[str, bool]) -> None:
    args = case.args()
    if case.settings.scalar:
        gradient = srcad.grad(case.function, argnums=case.argnums, **options)
        assert_close(gradient(*args, **case.kwargs()), case.gradient)
    else:
        _, pull = srcad.vjp(case.call, *args, **options)
        assert_close(case.chosen(pull(case.cotangent())), case.gradient)


def check_second_order(case: Case, mode: str, options: dict[str, bool]) -> None:
    outer, inside = mode.split("-over-")
    args, tangents = case.args(), case.tangents()
    if inside == "forward":
        derivative, seed = directional_derivative(case.call, tangents), case.cotangent()
    else:
        scalar = case.call
        if not case.settings.scalar:
            scalar = weighted_sum(case.call, len(args), case.cotangent())
        derivative = srcad.grad(scalar, argnums=case.argnums, **options)
        seed = case.chosen(tangents)
    if outer == "reverse":
        _, pull = srcad.vjp(derivative, *args, **options)
        assert_close(case.chosen(pull(seed)), case.hessian_product, **loose(case))
    elif inside == "reverse":
        _, product = srcad.jvp(derivative, args, tangents, **options)
        assert_close(product, case.hessian_product, **loose(case))
    else:
        directions = case.tangents("second direction")
        _, curvature = srcad.jvp(derivative, args, directions, **options)
        assert_close(curvature, tree_map(like, curvature, case.tangent))  # in type and shape
        assert_close(
            inner(seed, curvature),
            inner(case.chosen(directions), case.hessian_product),
            **loose(case),
        )


@pytest.mark.parametrize("case", TYPICAL, ids=str)
def test_value_and_arguments(case: Case) -> None:
    check_value_and_arguments(case)


@pytest.mark.parametrize("case", [pytest.param(c, id=str(c), marks=marks(str(c))) for c in OTHER])
def test_other_arguments(case: Case) -> None:
    check_oracle(case)
    check_forward(case, "forward", {})
    check_value_and_arguments(case)
    if case.settings.gradient is None:
        check_second_order(case, "forward-over-reverse", {})


def check_value_and_arguments(case: Case) -> None:
    """Reverse mode, with the value: nothing else has changed, and no memory is shared."""
    args, seed = case.args(), case.cotangent()
    before = [snapshot(arg) for arg in args]
    if case.settings.scalar:
        transform = srcad.value_and_grad(case.function, argnums=case.argnums)
        value, gradient = transform(*args, **case.kwargs())
    else:
        value, pull = srcad.vjp(case.function, *args, **case.kwargs())
        gradient = case.chosen(pull(seed))
    assert tree_map(snapshot, value) == tree_map(snapshot, case.call(*case.args()))
    assert [snapshot(arg) for arg in args] == before
    assert_close(gradient, case.gradient)
    arrays = [leaf for leaf in gradient if isinstance(leaf, np.ndarray)]
    given = [leaf for leaf in [*args, *leaves(seed)] if isinstance(leaf, np.ndarray)]
    for own, other in [*itertools.combinations(arrays, 2), *itertools.product(arrays, given)]:
        assert not np.shares_memory(own, other)


TWICE = [c for c in TYPICAL if c.settings.scalar and c.settings.gradient is None]


@pytest.mark.parametrize("case", TWICE, ids=str)
def test_hessian_vector_product(case: Case) -> None:
    product = srcad.hvp(case.call, case.args(), case.tangents())
    assert_close(case.chosen(product), case.hessian_product, **loose(case))


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refusal(case: Case) -> None:
    args = case.args()
    case.call(*args)  # Python has nothing against it
    with pytest.raises(getattr(errors, case.settings.error)):
        srcad.grad(case.function)(*args)


@pytest.mark.parametrize("case", NOT_YET, ids=str)
def test_not_yet(case: Case) -> None:
    """Whatever is differentiated from now on has to leave the set `NOT_YET` of its module."""
    with pytest.raises(errors.SrcadError):
        if case.settings.scalar:
            srcad.grad(case.function, argnums=case.argnums)(*case.args(), **case.kwargs())
        else:
            srcad.vjp(case.call, *case.args())


def first_order(case: Case) -> dict[str, float]:
    """float32 loses digits where the function itself does: log(1 - h), a chaotic map."""
    return {"rtol": 1e-3, "atol": 1e-5} if case.variant == "float32" else {}


def loose(case: Case) -> dict[str, float]:
    """Tolerances for sums of products, and for second derivatives by differences."""
    if case.variant == "float32":
        return {"rtol": 1e-3, "atol": 1e-3}
    return {"rtol": 1e-5, "atol": 1e-6}


def snapshot(value: Any) -> Any:
    """All that can be seen of a value, bit by bit."""
    if isinstance(value, (np.ndarray, np.generic)):
        return type(value), value.dtype, value.shape, value.tobytes()
    return type(value), repr(value)


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, tuple):
        return [leaf for entry in tree for leaf in leaves(entry)]
    return [tree]
