"""Check derivatives: those that srcad compiles, and the rules that you write for it.

`check_grads` compares the derivatives of a function with differences and with each other.
What the comparison stands on is public too: `assert_close`, which takes nothing for equal that is
not, and `numerical_jvp`, which gives a derivative only where differences can be trusted.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import linecache
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.errors import SignatureError, SrcadError

__all__ = ["OracleError", "assert_close", "check_grads", "numerical_jvp"]

# Relative and absolute tolerance for each size of a real number, in bytes.
_TOLERANCES = {2: (3e-2, 1e-2), 4: (1e-3, 1e-4), 8: (1e-6, 1e-8)}

# What a function that is made for real numbers may raise when it is given a complex one.
_NOT_FOR_COMPLEX = (TypeError, ValueError, ArithmeticError, np.exceptions.ComplexWarning)

_numbers = itertools.count(1)


class OracleError(SrcadError, ArithmeticError):
    """Differences give no derivative that can be trusted: at a kink or a jump, or beside one.

    Move the arguments away from it, or scale the function so that it varies less.
    """


# --- comparison --------------------------------------------------------------------------------


def assert_close(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None
) -> None:
    """Raise unless `actual` is what `expected` says, up to rounding.

    Types must be equal (a Python float, a NumPy scalar and an array of no dimensions are three
    things), and shapes and dtypes too. Floating-point elements must satisfy
    ``abs(actual - expected) <= atol + rtol * abs(expected)``; NaN equals only NaN and an infinity
    only itself. Everything else must be equal. Tuples, lists and dictionaries are compared entry
    by entry.

    Parameters
    ----------
    actual, expected : object
        Numbers, arrays, or tuples, lists and dictionaries of these.
    rtol, atol : float, optional
        Relative and absolute tolerance; by default those that suit the dtype of the element.

    Raises
    ------
    AssertionError
        Naming the entry that differs and its worst element.

    Examples
    --------
    >>> assert_close((1.0, np.ones(2)), (1.0, np.ones(2)))
    >>> assert_close((1.0, np.ones(2)), (1.0, np.array([1.0, 2.0])))
    Traceback (most recent call last):
        ...
    AssertionError: result[1] is wrong in 1 of 2 elements; the worst, at [1]: 1.0 instead of 2.0 \
(rtol=1e-06, atol=1e-08)
    """
    _assert_close(actual, expected, rtol, atol, "result")


def _assert_close(
    actual: Any, expected: Any, rtol: float | None, atol: float | None, path: str
) -> None:
    for a, e, place in _matched_leaves(actual, expected, path):
        if _is_inexact(e):
            _assert_elements_close(np.asarray(a), np.asarray(e), rtol, atol, place)
        elif not np.array_equal(a, e):
            raise AssertionError(f"{place} is {a!r} instead of {e!r}")


def _matched_leaves(actual: Any, expected: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    """Yield the pairs of leaves with their places; raise where structure or kind differ."""
    _assert_same_kind(actual, expected, path)
    if isinstance(expected, (tuple, list)):
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            yield from _matched_leaves(a, e, f"{path}[{i}]")
    elif isinstance(expected, dict):
        for key, e in expected.items():
            yield from _matched_leaves(actual[key], e, f"{path}[{key!r}]")
    else:
        yield actual, expected, path


def _assert_same_kind(actual: Any, expected: Any, path: str) -> None:
    """Raise unless type, and length, keys or shape and dtype, are the same."""
    same = type(actual) is type(expected)
    if same and isinstance(expected, np.ndarray):
        same = actual.dtype == expected.dtype and actual.shape == expected.shape
    elif same and isinstance(expected, dict):
        same = actual.keys() == expected.keys()
    elif same and isinstance(expected, (tuple, list)):
        same = len(actual) == len(expected)
    if not same:
        raise AssertionError(f"{path} is {_described(actual)} instead of {_described(expected)}")


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"a {value.dtype} array of shape {value.shape}"
    if isinstance(value, np.generic):
        return f"a NumPy scalar of dtype {value.dtype}"
    if isinstance(value, dict):
        return f"a {type(value).__name__} with the keys {list(value)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of length {len(value)}"
    return "None" if value is None else f"a Python {type(value).__name__}"


def _assert_elements_close(
    actual: np.ndarray, expected: np.ndarray, rtol: float | None, atol: float | None, path: str
) -> None:
    default_rtol, default_atol = _tolerance(expected)
    rtol = default_rtol if rtol is None else rtol
    atol = default_atol if atol is None else atol
    bound = atol + rtol * np.where(np.isfinite(expected), np.abs(expected), 0.0)
    wrong = _differ(actual.real, expected.real, bound) | _differ(actual.imag, expected.imag, bound)
    if not wrong.any():
        return
    with np.errstate(all="ignore"):
        excess = np.where(wrong, np.abs(actual - expected) / bound, -1.0)
    excess[np.isnan(excess)] = np.inf
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    if worst:
        place = ", ".join(str(i) for i in worst)
        path += f" is wrong in {wrong.sum()} of {wrong.size} elements; the worst, at [{place}]:"
    else:
        path += " is"
    raise AssertionError(
        f"{path} {actual[worst].item()!r} instead of {expected[worst].item()!r} "
        f"(rtol={rtol:g}, atol={atol:g})"
    )


def _differ(actual: np.ndarray, expected: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """Return which elements of two real arrays differ by more than `bound`."""
    with np.errstate(all="ignore"):
        near = np.abs(actual - expected) <= bound
    finite = np.isfinite(actual) & np.isfinite(expected)
    alike = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    return np.asarray(~np.where(finite, near, alike))


def _tolerance(value: Any) -> tuple[float, float]:
    """Return relative and absolute tolerance for a number or array."""
    dtype = np.asarray(value).dtype
    size = dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize
    return _TOLERANCES[min(size, 8)]


# --- trees of values ---------------------------------------------------------------------------


def _is_inexact(value: Any) -> bool:
    """Whether `value` is a floating-point number or array, which can carry a derivative."""
    if isinstance(value, (np.ndarray, np.generic)):
        return bool(np.issubdtype(value.dtype, np.inexact))
    return isinstance(value, (float, complex))


def _map(fn: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply `fn` to each leaf of `tree` and to what the other trees have in its place.

    Another tree may have None where `tree` has a leaf or a whole branch.
    """
    if isinstance(tree, dict):
        return {
            key: _map(fn, value, *(None if other is None else other[key] for other in others))
            for key, value in tree.items()
        }
    if isinstance(tree, (tuple, list)):
        columns = [other if other is not None else [None] * len(tree) for other in others]
        entries = [_map(fn, *row) for row in zip(tree, *columns, strict=True)]
        if isinstance(tree, tuple) and hasattr(tree, "_make"):
            return tree._make(entries)
        return type(tree)(entries)
    return fn(tree, *others)


def _leaves(tree: Any) -> Iterator[Any]:
    """Yield the floating-point leaves of a tree, in order."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (tuple, list)):
        for entry in tree:
            yield from _leaves(entry)
    elif _is_inexact(tree):
        yield tree


def _as_like(value: Any, like: Any) -> Any:
    """Return `value` as a number or array of the type, dtype and shape of `like`."""
    if isinstance(like, np.ndarray):
        return np.asarray(value, like.dtype).reshape(like.shape)
    if isinstance(like, np.generic):
        return like.dtype.type(value)
    return complex(value) if isinstance(like, complex) else float(value)


# --- the oracle --------------------------------------------------------------------------------


def numerical_jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    complex_step: bool = True,
) -> Any:
    """Derivative of ``f(*primals)`` along `tangents`, without any differentiation of code.

    Central differences with three steps are extrapolated twice; the two estimates must agree, and
    the slopes on both sides must meet. The complex step, which has no rounding error, then takes
    the place of the estimate if `f` takes complex numbers and the two agree. All this is done in
    double precision: float32 and float16 primals are lifted to float64.

    Parameters
    ----------
    f : callable
        A function of numbers and arrays, or of tuples, lists and dictionaries of these.
    primals : sequence
        The arguments of `f`.
    tangents : sequence
        For each argument its direction, of the same structure; None for a constant.
    complex_step : bool
        Whether the complex step may be tried.

    Returns
    -------
    object
        The derivative, in the structure of the result of `f` and in double precision; None in the
        place of what is no floating-point number.

    Raises
    ------
    OracleError
        If differences are not to be trusted here.

    Examples
    --------
    >>> round(numerical_jvp(lambda x: x * x, (3.0,), (1.0,)), 9)
    6.0
    """
    lifted = _map(_lift, tuple(primals))
    directions = _map(lambda p, t: t if t is None else _lift(t), lifted, tuple(tangents))

    def along(step: complex) -> Any:
        # Arrays are copied, so a function that changes its arguments does no harm.
        return f(*_map(functools.partial(_moved, step), lifted, directions))

    value = along(0.0)
    center = [_double(leaf) for leaf in _leaves(value)]
    size = _relative_size(lifted, directions)
    estimates = _differences(along, center, size)
    if complex_step and not any(np.iscomplexobj(leaf) for leaf in [*_leaves(lifted), *center]):
        estimates = _complex_step(along, size, estimates)
    remaining = iter(estimates)
    return _map(lambda v: _as_double(next(remaining), v) if _is_inexact(v) else None, value)


def _lift(value: Any) -> Any:
    return _as_double(value, value) if _is_inexact(value) else value


def _as_double(value: Any, like: Any) -> Any:
    """Return `value` as the kind of thing that `like` is, in double precision."""
    value = _double(value)
    if isinstance(like, np.ndarray):
        return value
    return value[()] if isinstance(like, np.generic) else value.item()


def _double(value: Any) -> np.ndarray:
    return np.array(value, np.complex128 if np.iscomplexobj(value) else np.float64)


def _moved(step: complex, primal: Any, tangent: Any) -> Any:
    if tangent is None or step == 0:
        return primal.copy() if isinstance(primal, np.ndarray) else primal
    moved = primal + step * tangent
    return np.asarray(moved) if isinstance(primal, np.ndarray) else moved


def _relative_size(primals: Any, tangents: Any) -> float:
    """Return how far a step of one goes, at most, in units of the primals (or of one)."""
    sizes = [0.0]

    def measure(primal: Any, tangent: Any) -> None:
        if tangent is not None and np.size(tangent):
            relative = np.abs(tangent) / np.maximum(1.0, np.abs(primal))
            sizes.append(float(np.max(relative)))

    _map(measure, primals, tangents)
    return max(sizes) or 1.0


def _differences(
    along: Callable[[complex], Any], center: list[np.ndarray], size: float
) -> list[np.ndarray]:
    """Return the derivative of each leaf, by the first step that can be trusted."""
    doubts = []
    # A larger step helps against rounding errors, a smaller one near a kink or a singularity.
    for relative_step in (1e-3, 1e-2, 1e-4, 1e-5):
        try:
            estimates, doubt = _extrapolated(along, center, relative_step / size)
        except (ValueError, ArithmeticError) as error:  # the step leaves the domain of f
            doubts.append(f"at step {relative_step:g}, {type(error).__name__}: {error}")
            continue
        if not doubt:
            return estimates
        doubts.append(f"at step {relative_step:g}, {doubt}")
    raise OracleError(
        "differences give no derivative here",
        reason="; ".join(doubts) + ".",
        advice="move the arguments away from the kink or jump, or rescale the function.",
    )


def _extrapolated(
    along: Callable[[complex], Any], center: list[np.ndarray], step: float
) -> tuple[list[np.ndarray], str]:
    """Return an estimate for each leaf, and what speaks against them if anything does."""
    slopes, jumps = [], []
    for h in (step, step / 2, step / 4):
        above, below = ([_double(leaf) for leaf in _leaves(along(s))] for s in (h, -h))
        if [leaf.shape for leaf in above + below] != 2 * [leaf.shape for leaf in center]:
            return [], "the shape of the result changes"
        triples = list(zip(above, center, below, strict=True))
        with np.errstate(invalid="ignore"):
            slopes.append([(a - b) / (2 * h) for a, _, b in triples])
            jumps.append([(a - 2 * c + b) / h for a, c, b in triples])
    estimates = []
    for c, (d1, d2, d4), (j1, _, j4) in zip(
        center, zip(*slopes, strict=True), zip(*jumps, strict=True), strict=True
    ):
        coarse, fine = (4 * d2 - d1) / 3, (4 * d4 - d2) / 3
        # Estimates may agree by chance when f has but a few digits left to differ in.
        rounding = 4 * np.finfo(float).eps * np.abs(c) / step
        if not np.all(np.abs(fine - coarse) + rounding <= 1e-7 + 1e-6 * np.abs(fine)):
            return [], "two extrapolated differences disagree"
        # Where f is smooth, the slopes on both sides differ by O(step); what is left of that
        # when the step goes to zero is a kink.
        kink = (4 * j4 - j1) / 3
        if not np.all(np.abs(kink) <= 1e-6 * (1 + np.abs(fine)) + 100 * rounding):
            return [], "the slopes on both sides differ"
        estimates.append(fine)
    return estimates, ""


def _complex_step(
    along: Callable[[complex], Any], size: float, estimates: list[np.ndarray]
) -> list[np.ndarray]:
    """Return the derivative by the complex step, or `estimates` where it does not apply."""
    step = 1e-30 / size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            exact = [np.imag(_double(leaf)) / step for leaf in _leaves(along(1j * step))]
    except _NOT_FOR_COMPLEX:
        return estimates
    # Functions such as abs and vdot take complex numbers but mean something else by them.
    same = len(exact) == len(estimates) and all(
        e.shape == d.shape and np.all(np.abs(e - d) <= 1e-6 * (1 + np.abs(d)))
        for e, d in zip(exact, estimates, strict=True)
    )
    return exact if same else estimates


# --- derivatives of srcad against the oracle ---------------------------------------------------


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    argnums: int | str | Sequence[int | str] | None = None,
    modes: Sequence[str] = ("forward", "reverse"),
    order: int = 2,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> None:
    """Raise unless the derivatives of `f` that srcad compiles are right.

    Forward mode is compared with differences along a random direction, reverse mode by its
    product with random directions, one for each argument. Type, shape and dtype of every
    derivative must be those of the value that it belongs to. For a higher `order` the derivatives
    themselves are checked in the same way, so that all nestings of the modes are.

    Parameters
    ----------
    f : callable
        The function.
    args, kwargs : sequence and mapping
        Its arguments; those in `kwargs` are constants.
    argnums : int, str or sequence of these, optional
        Which positional arguments to differentiate in; by default all that hold floating-point
        numbers.
    modes : sequence of str
        Of "forward" and "reverse" those to check.
    order : int
        The highest order of derivatives to check.
    rtol, atol : float, optional
        Tolerances, as those of `assert_close`.
    seed : int
        Chooses the random directions.

    Raises
    ------
    AssertionError
        If a derivative is wrong.
    OracleError
        If differences cannot tell.
    """
    if unknown := set(modes) - {"forward", "reverse"}:
        raise SignatureError(
            f"unknown modes {sorted(unknown)}",
            reason="check_grads knows the modes 'forward' and 'reverse'.",
            advice="pass modes=('forward', 'reverse') or one of these.",
        )
    args = tuple(args)
    active = _active_positions(f, args, argnums)
    if kwargs:
        f = with_constants(f, len(args), kwargs)
    defaults = [_tolerance(leaf) for leaf in [*_leaves(args), *_leaves(f(*_copies(args)))]]
    check = _Check(
        modes=tuple(modes),
        active=active,
        rtol=max(default[0] for default in defaults) if rtol is None else rtol,
        atol=max(default[1] for default in defaults) if atol is None else atol,
        rng=np.random.default_rng(seed),
    )
    check.run(f, args, order, "f")


def _copies(args: Any) -> Any:
    """The arguments for a function that may change them."""
    return _map(lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf, args)


def _active_positions(
    f: Callable[..., Any], args: Sequence[Any], argnums: int | str | Sequence[int | str] | None
) -> tuple[int, ...]:
    if argnums is None:
        return tuple(i for i, arg in enumerate(args) if any(True for _ in _leaves(arg)))
    chosen = [argnums] if isinstance(argnums, (int, str)) else argnums
    names = list(inspect.signature(f).parameters)
    if unknown := [name for name in chosen if isinstance(name, str) and name not in names]:
        raise SignatureError(
            f"no argument {unknown[0]!r}",
            reason=f"the arguments are {', '.join(names)}.",
            advice="name one of these in argnums.",
        )
    return tuple(names.index(n) if isinstance(n, str) else n % len(args) for n in chosen)


@dataclass(frozen=True)
class _Check:
    """What stays the same while the derivatives of a function, and theirs, are checked."""

    modes: tuple[str, ...]
    active: tuple[int, ...]
    rtol: float
    atol: float
    rng: np.random.Generator

    def run(self, f: Callable[..., Any], args: tuple[Any, ...], order: int, name: str) -> None:
        """Check the first derivatives of `f`, then, up to `order`, the derivatives of these."""
        import srcad

        if order < 1:
            return
        tangents = tuple(
            _random_like(arg, self.rng) if i in self.active else None for i, arg in enumerate(args)
        )
        value = f(*_copies(args))
        cotangent = _random_like(value, self.rng)
        if "forward" in self.modes:
            self.forward(f, args, tangents, value, name)
            derivative = directional_derivative(f, tangents)
            self.run(derivative, args, order - 1, f"the directional derivative of {name}")
        if "reverse" in self.modes:
            self.reverse(f, args, tangents, value, cotangent, name)
            derivative = srcad.grad(weighted_sum(f, len(args), cotangent), argnums=self.active)
            self.run(derivative, args, order - 1, f"the gradient of {name}")

    def forward(
        self, f: Callable[..., Any], args: Any, tangents: Any, value: Any, name: str
    ) -> None:
        import srcad

        forward_value, tangent = srcad.jvp(f, args, tangents)
        _assert_close(forward_value, value, self.rtol, self.atol, f"the value by jvp of {name}")
        expected = _map(
            lambda v, e: None if e is None else _as_like(e, v),
            value,
            numerical_jvp(f, args, tangents),
        )
        _assert_close(tangent, expected, self.rtol, self.atol, f"the tangent by jvp of {name}")

    def reverse(
        self, f: Callable[..., Any], args: Any, tangents: Any, value: Any, cotangent: Any, name: str
    ) -> None:
        import srcad

        reverse_value, pull = srcad.vjp(f, *args)
        _assert_close(reverse_value, value, self.rtol, self.atol, f"the value by vjp of {name}")
        cotangents = pull(cotangent)
        for i in self.active:
            place = f"the cotangent by vjp of {name} in argument {i}"
            like = _map(lambda leaf: leaf if _is_inexact(leaf) else None, args[i])
            for _ in _matched_leaves(cotangents[i], like, place):
                pass  # only kinds can be compared
            only = tuple(tangents[i] if j == i else None for j in range(len(args)))
            _assert_close(
                _product(cotangents[i], tangents[i]),
                _product(cotangent, numerical_jvp(f, args, only)),
                self.rtol,
                self.atol,
                f"{place}, times a direction,",
            )


# The functions below are made from text, which `linecache` keeps, so that srcad can read it.


def directional_derivative(f: Callable[..., Any], tangents: Sequence[Any]) -> Callable[..., Any]:
    """Return the derivative of `f` along `tangents`, as a function that srcad can differentiate."""
    import srcad

    names = _parameters(len(tangents))
    directions = {f"{n}_dot": t for n, t in zip(names, tangents, strict=True) if t is not None}
    listed = ", ".join(n if n in directions else "None" for n in (f"{n}_dot" for n in names))
    return _defined(
        names,
        f"return jvp(f, ({', '.join(names)},), ({listed},))[1]",
        {"f": f, "jvp": srcad.jvp, **directions},
    )


def weighted_sum(f: Callable[..., Any], count: int, weights: Any) -> Callable[..., Any]:
    """Return the sum of the elements of the result of `f`, times `weights`, as such a function."""
    terms: list[str] = []
    constants: dict[str, Any] = {}

    def visit(weight: Any, place: str) -> None:
        if isinstance(weight, dict):
            for key, entry in weight.items():
                visit(entry, f"{place}[{key!r}]")
        elif isinstance(weight, (tuple, list)):
            for i, entry in enumerate(weight):
                visit(entry, f"{place}[{i}]")
        elif weight is not None:
            name = f"weight{len(constants)}"
            constants[name] = weight
            product = f"{name} * {place}"
            terms.append(f"np.sum({product})" if np.ndim(weight) else product)

    visit(weights, "y")
    names = _parameters(count)
    return _defined(
        names,
        f"y = f({', '.join(names)}); return {' + '.join(terms) or '0.0'}",
        {"f": f, "np": np, **constants},
    )


def with_constants(
    f: Callable[..., Any], count: int, constants: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return `f` with these keyword arguments, as such a function of `count` arguments."""
    names = _parameters(count)
    given = [*names, *(f"{name}=given_{name}" for name in constants)]
    return _defined(
        names,
        f"return f({', '.join(given)})",
        {"f": f, **{f"given_{name}": value for name, value in constants.items()}},
    )


def _parameters(count: int) -> list[str]:
    return [f"x{i}" for i in range(count)]


def _defined(names: Sequence[str], body: str, constants: Mapping[str, Any]) -> Callable[..., Any]:
    """Define a function; what it needs are its globals."""
    text = f"def made({', '.join(names)}):\n    {body}\n"
    filename = f"<srcad.testing {next(_numbers)}>"
    namespace = {"__name__": __name__, **constants}
    exec(compile(text, filename, "exec"), namespace)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    made: Callable[..., Any] = namespace["made"]
    weakref.finalize(made, linecache.cache.pop, filename, None)
    return made


def _product(cotangent: Any, tangent: Any) -> float:
    """Return the sum of products of all elements, in double precision."""
    pairs = zip(_leaves(cotangent), _leaves(tangent), strict=True)
    return float(sum(np.sum(_double(c) * _double(t)).real for c, t in pairs))


def _random_like(tree: Any, rng: np.random.Generator) -> Any:
    """Return random numbers in the place of floating-point leaves, None in that of others."""

    def draw(leaf: Any) -> Any:
        if not _is_inexact(leaf):
            return None
        numbers = rng.normal(size=np.shape(leaf))
        if np.iscomplexobj(leaf):
            numbers = numbers + 1j * rng.normal(size=np.shape(leaf))
        return _as_like(numbers, leaf)

    return _map(draw, tree)
