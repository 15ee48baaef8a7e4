"""The public functions: grad, value_and_grad, jvp, vjp, hvp, source, ir.

Names and conventions are those of JAX, torch.func and autograd.
"""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, overload

from srcad.annotations import signature_from_types
from srcad.argnums import Argnums, parse_argnums
from srcad.compiler import Compiled, compile_request, lower_request, transform
from srcad.derivative import Derivative, P, with_receiver
from srcad.emitter.standalone import importing_text, standalone_text
from srcad.entries import python_function, with_names
from srcad.errors import SeedError, SourceNotFoundError
from srcad.ir.abstract import differentiable, type_of_value
from srcad.ir.build import map_tree
from srcad.ir.values import Const, Function
from srcad.parser.depth import with_room
from srcad.pristine import np
from srcad.requests import Request, Step
from srcad.rules.registry import differentiate_by

_ATTRIBUTE = "__srcad_derivatives__"
_OPTIONS = ("optimize", "generic", "source", "cache")


class Decorator(Protocol):
    """What ``grad(argnums=...)`` gives; the parameters of the function stay."""

    def __call__(self, function: Callable[P, Any], /) -> Derivative[P]: ...


def _request(function: Any, **options: Any) -> Request:
    """The request that a function, method or derivative stands for, without further steps."""
    if isinstance(function, Derivative):
        return function.request
    optimized = bool(options.pop("optimize", True))
    generic = bool(options.pop("generic", False))
    source = options.pop("source", None)
    cache = options.pop("cache", None)
    if options:
        raise TypeError(f"unknown option {next(iter(options))!r}")
    if not isinstance(function, types.FunctionType):
        raise SourceNotFoundError(
            f"{function!r} has no Python source",
            reason="it is not a function written in Python",
            advice="wrap it in a Python function that calls it",
        )
    directory = None if cache is None else os.fspath(cache)
    return Request(function, (), optimized, generic, source, directory)


def _named(request: Request, argnums: Argnums) -> Request:
    """The request, of a function with the names that `argnums` has."""
    if request.steps or request.source is not None:
        return request
    return replace(request, function=with_names(request.function, argnums))


def _unbound(function: Any) -> tuple[Any, tuple[Any, ...]]:
    """(function, the object that is its first argument) of a method or a callable object."""
    if isinstance(function, types.MethodType):
        return python_function(function.__func__), (function.__self__,)
    function = python_function(function)
    if not isinstance(function, (types.FunctionType, Derivative, type)):
        method = getattr(type(function), "__call__", None)  # noqa: B004
        if isinstance(method, (types.FunctionType, Derivative)):
            return method, (function,)
    return function, ()


def _derivative(
    transform_name: str,
    function: Any,
    argnums: Argnums,
    has_aux: bool,
    options: Mapping[str, Any],
) -> Derivative[...]:
    function, receiver = _unbound(function)
    request = _request(function, **dict(options))
    request = _named(request, argnums)
    paths, single = parse_argnums(request.function, argnums, len(receiver))
    step = Step(transform_name, paths, single, has_aux)
    request = replace(request, steps=(*request.steps, step))
    derivative: Derivative[...] = Derivative(request, receiver)
    if receiver:
        return types.MethodType(derivative, *receiver)  # type: ignore[return-value]
    return derivative


@overload
def grad(function: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False,
         **options: Any) -> Derivative[P]: ...  # fmt: skip
@overload
def grad(function: None = None, argnums: Argnums = 0, has_aux: bool = False,
         **options: Any) -> Decorator: ...  # fmt: skip


def grad(
    function: Callable[..., Any] | None = None,
    argnums: Argnums = 0,
    has_aux: bool = False,
    **options: Any,
) -> Any:
    """The gradient of a function that returns one real number, as a function of the same arguments.

    Parameters
    ----------
    function
        A Python function, a method, an object with ``__call__``, or a derivative (then this is
        the next order). The positions of argnums do not count the object. Without it, a decorator:
        ``@grad`` or ``@grad(argnums="w")``.
    argnums
        Which arguments to differentiate in: a position, a name, a path such as ``"params['b']"``,
        or a tuple of these. One gives one gradient, a tuple gives a tuple.
    has_aux
        Whether the function returns ``(value, auxiliary)``; the result is then
        ``(gradient, auxiliary)``.
    optimize : bool, optional
        False leaves out the optimiser (for tests).
    generic : bool, optional
        True compiles without specialising on the types of the arguments.
    source : str, optional
        The text of the function's module, where it cannot be found (REPL, exec).
    cache : str or path, optional
        "disk" keeps the generated code between processes, in `SRCAD_CACHE_DIR` or the user's
        cache directory; a path names another directory. Setting `SRCAD_CACHE_DIR` alone does
        this for every derivative.

    Returns
    -------
    Derivative
        Each gradient has the type, shape and dtype of its argument. Arguments are never changed,
        and gradients are fresh arrays.

    Raises
    ------
    SrcadError
        When first called: with the place, the reason and what to write instead.

    Examples
    --------
    >>> def f(x):
    ...     return x * x
    >>> grad(f, source="def f(x):\\n    return x * x\\n")(3.0)
    6.0
    """
    if function is None:
        return lambda f: grad(f, argnums, has_aux, **options)
    return _derivative("grad", function, argnums, has_aux, options)


@overload
def value_and_grad(function: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False,
                   **options: Any) -> Derivative[P]: ...  # fmt: skip
@overload
def value_and_grad(function: None = None, argnums: Argnums = 0, has_aux: bool = False,
                   **options: Any) -> Decorator: ...  # fmt: skip


def value_and_grad(
    function: Callable[..., Any] | None = None,
    argnums: Argnums = 0,
    has_aux: bool = False,
    **options: Any,
) -> Any:
    """As `grad`, for ``(value, gradient)``; with `has_aux`, ``((value, auxiliary), gradient)``."""
    if function is None:
        return lambda f: value_and_grad(f, argnums, has_aux, **options)
    return _derivative("value_and_grad", function, argnums, has_aux, options)


def _kept(function: Any, key: Any, make: Callable[[], Derivative[...]]) -> Derivative[...]:
    """A derivative object kept with the function, so that it lives as long as that."""
    target = function.function if isinstance(function, Derivative) else function
    owner, table = target.__dict__.get(_ATTRIBUTE, (None, None))
    if owner is not target:  # functools.wraps copies the attributes of another function
        table = {}
        setattr(target, _ATTRIBUTE, (target, table))
    found = table.get(key)
    if found is None:
        found = table[key] = make()
    return found  # type: ignore[no-any-return]


def _immediate(
    transform_name: str, function: Any, paths: tuple[Any, ...], options: Mapping[str, Any]
) -> Derivative[...]:
    request = _request(function, **dict(options))
    request = replace(request, steps=(*request.steps, Step(transform_name, paths, False)))
    return _kept(function, request, lambda: Derivative(request))


def _positional_paths(function: Any, count: int) -> tuple[Any, ...]:
    target: Any = function.function if isinstance(function, Derivative) else function
    if not isinstance(target, types.FunctionType):
        _request(function)
    return parse_argnums(target, tuple(range(count)))[0]


def _pairs(primals: Any, tangents: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Primals and tangents as tuples of one length."""
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise SeedError(
                f"the {name} are a tuple with one entry per argument, "
                f"not a value of type {type(given).__name__}",
                reason="a function may have several arguments",
                advice=f"pass ({'x' if name == 'primals' else 'x_dot'},) for a single one",
            )
    if len(primals) != len(tangents):
        raise SeedError(
            f"{len(primals)} primals, but {len(tangents)} tangents",
            reason="each argument needs a direction",
            advice="pass one tangent for each primal, or None",
        )
    return tuple(primals), tuple(tangents)


def jvp(
    function: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    **options: Any,
) -> tuple[Any, Any]:
    """The value of a function and its directional derivative (forward mode).

    Parameters
    ----------
    primals, tangents
        The positional arguments, and a direction for each: of the same structure, shapes and
        kinds. A tangent of None stands for an argument that does not move.

    Returns
    -------
    (value, tangent)
        Of the same structure.

    Raises
    ------
    SeedError
        If a tangent has another shape than its primal; tangents are never broadcast.
    """
    primals, tangents = _pairs(primals, tangents)
    function, receiver = _unbound(function)
    primals, tangents = (*receiver, *primals), (*(None for _ in receiver), *tangents)
    all_paths = _positional_paths(function, len(primals))
    moving = [k for k, t in enumerate(tangents) if t is not None]
    paths = tuple(all_paths[k] for k in moving)
    derivative = _immediate("jvp", function, paths, options)
    for k in moving:
        check_seed(tangents[k], primals[k], f"the tangent of `{all_paths[k][0]}`")
    bound = derivative.bind(primals, {})
    compiled = derivative.compiled(bound.arguments)
    derivative.convert(bound)
    seeds = []
    for k, tree in zip(moving, compiled.wrt, strict=True):
        seeds += _seeds_of(tree, tangents[k], primals[k])
    named = dict(zip(compiled.seed_names(len(seeds)), seeds, strict=True))
    result = compiled.run(*bound.args, **bound.kwargs, **named)
    return result  # type: ignore[no-any-return]


def vjp(
    function: Callable[..., Any], *primals: Any, **constants: Any
) -> tuple[Any, Callable[..., tuple[Any, ...]]]:
    """The value of a function and its pullback (reverse mode).

    Parameters
    ----------
    primals
        The positional arguments. Keyword arguments are constants.

    Returns
    -------
    (value, pull)
        ``pull(cotangent)``, for a cotangent of the structure and shapes of the value, gives one
        entry per positional argument (None where it cannot carry a derivative). It may be called
        again.

    Raises
    ------
    SeedError
        By `pull`, if the cotangent has another shape than the value.
    """
    options = {k: constants.pop(k) for k in _OPTIONS if k in constants}
    function, receiver = _unbound(function)
    primals = (*receiver, *primals)
    all_paths = _positional_paths(function, len(primals))
    moving = [k for k, v in enumerate(primals) if differentiable(_as_float_type(v))]
    paths = tuple(all_paths[k] for k in moving)
    derivative = _immediate("vjp", function, paths, options)
    bound = derivative.bind(primals, constants)
    compiled = derivative.compiled(bound.arguments)
    derivative.convert(bound)
    value, tape = compiled.run(*bound.args, **bound.kwargs)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        """The cotangent of each positional argument."""
        check_seed(cotangent, value, "the cotangent")
        seeds = _seed_values(compiled, cotangent, value)
        found = compiled.backward(tape, *seeds)
        flat = iter(found)
        grads = map_tree(compiled.wrt, lambda leaf: next(flat))
        result: list[Any] = [None] * len(primals)
        for k, g in zip(moving, grads):
            result[k] = g
        return tuple(result[len(receiver) :])

    return value, pull


def _as_float_type(value: Any) -> Any:
    from srcad.requests import as_differentiated

    t = type_of_value(value)
    return as_differentiated(t) if differentiable(t) else t  # ints may be indices or counts


def _seed_values(compiled: Compiled, cotangent: Any, value: Any) -> list[Any]:
    """One seed per result leaf that takes one, in the order of the backward function."""
    seeds: list[Any] = []

    def visit(tree: Any, g: Any, v: Any) -> None:
        if isinstance(tree, dict):
            for k in tree:
                visit(tree[k], g[k], v[k])
        elif isinstance(tree, (tuple, list)):
            for t, x, y in zip(tree, g, v):
                visit(t, x, y)
        elif not isinstance(tree, Const) and tree in compiled.seeds:
            seeds.append(_converted_seed(g, v))

    visit(compiled.result_tree, cotangent, value)
    return seeds


def _converted_seed(seed: Any, like: Any) -> Any:
    """The seed in the dtype of its value; never the caller's own array."""
    if seed is None:
        return 0.0  # the leaf is an int after all
    if isinstance(like, np.ndarray):
        return np.array(seed, dtype=like.dtype)
    if isinstance(like, list):
        return [_converted_seed(part, x) for part, x in zip(seed, like, strict=True)]
    if isinstance(like, np.generic):
        return like.dtype.type(seed)
    return complex(seed) if isinstance(like, complex) else float(seed)


def check_seed(seed: Any, like: Any, name: str) -> None:
    """A seed has the structure and shape of its value; it is never broadcast.

    Raises
    ------
    SeedError
        Naming both.
    """
    if isinstance(like, (tuple, list)):
        if not isinstance(seed, (tuple, list)) or len(seed) != len(like):
            raise _bad_structure(name, seed, f"a {type(like).__name__} of {len(like)}")
        for i, (s, v) in enumerate(zip(seed, like)):
            check_seed(s, v, f"{name}[{i}]")
        return
    if isinstance(like, dict):
        if not isinstance(seed, dict) or set(seed) != set(like):
            raise _bad_structure(name, seed, f"a dict with the keys {list(like)}")
        for k in like:
            check_seed(seed[k], like[k], f"{name}[{k!r}]")
        return
    if seed is None and not differentiable(type_of_value(like)):
        return
    if isinstance(seed, (tuple, list, dict, str)) or seed is None:
        raise _bad_structure(name, seed, f"a number or array of shape {np.shape(like)}")
    if np.shape(seed) != np.shape(like):
        raise SeedError(
            f"{name} has shape {np.shape(seed)}, but its value has shape {np.shape(like)}",
            reason="a seed is never broadcast",
            advice=f"pass a seed of shape {np.shape(like)}",
        )
    if np.iscomplexobj(seed) and not np.iscomplexobj(like):
        raise SeedError(
            f"{name} is complex, but its value is real",
            reason="the imaginary part would be lost",
            advice="pass a real seed",
        )


def _bad_structure(name: str, seed: Any, expected: str) -> SeedError:
    given = f"one with the keys {list(seed)}" if isinstance(seed, dict) else type(seed).__name__
    return SeedError(
        f"{name} must be {expected}, not {given}",
        reason="a seed has the structure of its value",
        advice="build it like the value",
    )


def _seeds_of(tree: Any, seed: Any, like: Any) -> list[Any]:
    """The seeds of one argument, in the order of the leaves of its tree of inputs."""
    if isinstance(tree, (tuple, list)):
        return [x for part in zip(tree, seed, like, strict=True) for x in _seeds_of(*part)]
    if isinstance(tree, dict):
        return [x for k in tree for x in _seeds_of(tree[k], _part(seed, k), _part(like, k))]
    if isinstance(like, (int, float)) and not isinstance(like, (bool, np.generic)):
        return [float(seed)]
    return [_converted_seed(seed, like)]


def _part(whole: Any, key: Any) -> Any:
    """What a dictionary, or an object by its attribute, has under a key."""
    return whole[key] if isinstance(whole, dict) else getattr(whole, key)


def hvp(
    function: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    **options: Any,
) -> tuple[Any, ...]:
    """The product of the Hessian of a scalar function with a vector (forward over reverse).

    Parameters
    ----------
    primals, tangents
        The positional arguments, and a direction for each.

    Returns
    -------
    tuple
        One entry per positional argument: the directional derivative of its gradient; None for
        an argument that does not move (a tangent of None) or carries no derivative.
    """
    primals, tangents = _pairs(primals, tangents)
    function, receiver = _unbound(function)
    primals, tangents = (*receiver, *primals), (*(None for _ in receiver), *tangents)
    moving = tuple(
        k
        for k, (p, t) in enumerate(zip(primals, tangents))
        if t is not None and differentiable(_as_float_type(p))
    )
    gradient = _kept(
        function, ("hvp", moving, tuple(sorted(options.items()))),
        lambda: grad(function, moving, **options),
    )  # fmt: skip
    directions = [t if k in moving else None for k, t in enumerate(tangents)]
    products = jvp(gradient, primals, directions)[1] if moving else ()
    result: list[Any] = [None] * len(primals)
    for k, product in zip(moving, products):
        result[k] = product
    return tuple(result[len(receiver) :])


def source(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    types: Mapping[str, Any] | str | None = None,
    value: bool = False,
    *,
    mode: str = "reverse",
    order: int = 1,
    standalone: bool = False,
    **options: Any,
) -> str:
    """The generated text of a derivative.

    Parameters
    ----------
    argnums
        As for `grad`; by default the first argument.
    types
        Types by parameter, as a mapping or as text (``"x: f64[*,*], n: int"``); what is missing
        comes from annotations and defaults, else generic code is printed.
    value
        Whether the value is returned as well.
    mode
        "reverse" or "forward".
    order
        How often to differentiate.
    standalone
        Whether the text shall import nothing but NumPy; otherwise it also imports what it reads
        from the user's module and from `srcad.runtime`.
    """
    request = planned(function, argnums, value, mode, order, options)
    signature = with_receiver(
        signature_from_types(request.function, types), request.function, _unbound(function)[1]
    )
    compiled = compile_request(request, signature)
    assert compiled.emitted is not None  # it was compiled just now
    text = standalone_text if standalone else importing_text
    return text(compiled.emitted, request.function)


def ir(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    types: Mapping[str, Any] | str | None = None,
    value: bool = False,
    *,
    mode: str = "reverse",
    order: int = 1,
    **options: Any,
) -> Function:
    """The intermediate representation of a derivative; ``order=0`` gives that of the function."""
    request = planned(function, argnums, value, mode, order, options)
    signature = with_receiver(
        signature_from_types(request.function, types), request.function, _unbound(function)[1]
    )

    def transformed() -> Function:
        lowered, typed = lower_request(request, signature)
        return transform(request, lowered, typed).function

    return with_room(transformed, request.function)


def planned(
    function: Any,
    argnums: Argnums | None,
    value: bool,
    mode: str,
    order: int,
    options: Mapping[str, Any],
) -> Request:
    """The request for a printed derivative."""
    if mode not in ("reverse", "forward"):
        raise ValueError(f"mode is 'reverse' or 'forward', not {mode!r}")
    if order < 0:
        raise ValueError(f"order is at least 0, not {order}")
    function, receiver = _unbound(function)
    request = _request(function, **dict(options))
    wanted = 0 if argnums is None else argnums
    request = _named(request, wanted)
    paths, single = parse_argnums(request.function, wanted, len(receiver))
    if isinstance(function, Derivative) and argnums is None:
        return request
    steps = list(request.steps)
    for k in range(order):
        last = k == order - 1
        if mode == "forward":
            steps.append(Step("jvp", paths, False))
        else:
            steps.append(Step("value_and_grad" if value and last else "grad", paths, single))
    return Request(
        request.function, tuple(steps), request.optimized, request.generic, request.source
    )


differentiate_by(grad)

# Inside of a differentiated function the parser recognises these by their attribute.
for _function in (grad, value_and_grad, jvp, vjp, hvp):
    _function.__srcad_transform__ = _function.__name__  # type: ignore[union-attr]
