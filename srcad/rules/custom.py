"""Functions with a derivative given by their author: `custom_vjp`, `custom_jvp`, `stop_gradient`.

The functions of a rule are ordinary Python that srcad differentiates in its turn, so one direction
is enough: a vjp is linear in the cotangent and a jvp in the tangent, and the derivative of a
linear function in its argument is its transpose. Both therefore serve forward and reverse mode.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import types
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

from srcad import runtime
from srcad.errors import SignatureError
from srcad.ir.abstract import UNKNOWN, TupleOf, Type, adjoint_type
from srcad.pristine import np
from srcad.rules import language
from srcad.rules.inference import Call, as_array
from srcad.rules.registry import linear, zero

P = ParamSpec("P")
R = TypeVar("R")
Body = TypeVar("Body", bound=Callable[..., Any])
Nondiff = tuple[int, ...]


class CustomFunction(Generic[P, R]):
    """A function whose derivative is a rule of its author; calling it calls the function.

    Attributes
    ----------
    kind
        "vjp" or "jvp": which direction the rule gives.
    nondiff_argnums
        Positions of the arguments that the rule is given first, as they are.
    bodies
        The functions of the rule; empty before it is defined.
    """

    kind = ""

    def __init__(
        self, function: Callable[P, R], nondiff_argnums: int | tuple[int, ...] = ()
    ) -> None:
        if not callable(function):
            raise SignatureError(
                f"srcad.custom_{self.kind} is given {function!r}",
                reason="it is no function",
                advice=f"write @srcad.custom_{self.kind} over a function",
            )
        given = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
        self.function = function
        self.nondiff_argnums: Nondiff = given
        self.bodies: tuple[Callable[..., Any], ...] = ()
        functools.update_wrapper(self, function, updated=())
        self.__signature__ = self.signature

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<srcad.custom_{self.kind} {self.name}>"

    @property
    def name(self) -> str:
        return getattr(self.function, "__qualname__", repr(self.function))

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """The parameters of the function; any positional ones if it does not tell them."""
        try:
            return inspect.signature(self.function)
        except (ValueError, TypeError):  # a builtin without a text signature
            kind = inspect.Parameter.VAR_POSITIONAL
            return inspect.Signature([inspect.Parameter("args", kind)])

    @functools.cached_property
    def entry(self) -> types.FunctionType:
        """A Python function with these parameters that calls this one: what is differentiated."""
        code = getattr(self.function, "__code__", None)
        file = f"custom_{self.kind} {self.name}"
        if code is not None:
            file += f" of {os.path.basename(code.co_filename)}:{code.co_firstlineno}"
        name = getattr(self.function, "__name__", "custom")
        return entry_of(self, self.signature, name, file)


class custom_vjp(CustomFunction[P, R]):  # noqa: N801 (a decorator, in lower case)
    """Give a function a derivative of its own: the vector-Jacobian product.

    Parameters
    ----------
    function
        Any callable; srcad does not differentiate it, so it may call C code.
    nondiff_argnums
        Positions of arguments that are not differentiated (functions, options).

    Examples
    --------
    >>> import numpy as np, srcad
    >>> @srcad.custom_vjp
    ... def log1pexp(x):
    ...     return np.log(1.0 + np.exp(x))
    >>> def fwd(x):
    ...     return log1pexp(x), x
    >>> def bwd(x, g):
    ...     return (g / (1.0 + np.exp(-x)),)
    >>> log1pexp.defvjp(fwd, bwd)
    """

    kind = "vjp"

    def defvjp(self, fwd: Callable[P, tuple[R, Any]], bwd: Callable[..., Any]) -> None:
        """Define the rule.

        Parameters
        ----------
        fwd
            Takes the arguments, returns (result, residuals).
        bwd
            Takes the arguments of `nondiff_argnums`, then the residuals and the cotangent of the
            result; returns a tuple of the cotangents of the other arguments, None for zero.
        """
        self.bodies = (_python(fwd, "fwd", self), _python(bwd, "bwd", self))


class custom_jvp(CustomFunction[P, R]):  # noqa: N801
    """Give a function a derivative of its own: the Jacobian-vector product.

    Parameters
    ----------
    function
        Any callable; srcad does not differentiate it, so it may call C code.
    nondiff_argnums
        Positions of arguments that are not differentiated (functions, options).

    Examples
    --------
    >>> import numpy as np, srcad
    >>> @srcad.custom_jvp
    ... def cube(x):
    ...     return x**3
    >>> @cube.defjvp
    ... def cube_jvp(primals, tangents):
    ...     (x,), (x_dot,) = primals, tangents
    ...     return cube(x), 3 * x**2 * x_dot
    """

    kind = "jvp"

    def defjvp(self, jvp: Body) -> Body:
        """Define the rule.

        `jvp` takes the arguments of `nondiff_argnums`, then a tuple of the other arguments and a
        tuple of their tangents (None for an argument that is an integer); it returns (result,
        tangent of the result), and has to be linear in the tangents.
        """
        self.bodies = (_python(jvp, "jvp", self),)
        return jvp


def _python(body: Any, role: str, custom: CustomFunction[..., Any]) -> Callable[..., Any]:
    if not isinstance(body, types.FunctionType):
        raise SignatureError(
            f"the {role} of `{custom.name}` is {body!r}",
            reason="srcad differentiates it in its turn, so it has to be a Python function",
            advice=f"wrap it in a function: def {role}(...): ...",
        )
    return body


def entry_of(
    target: Callable[..., Any],
    signature: inspect.Signature,
    name: str,
    label: str,
    callee: str = "target_",
) -> types.FunctionType:
    """A function `name` with these parameters that calls `target`, with source text."""
    shown, given = [], []
    star = slash = False
    parameters = signature.parameters.values()
    namespace: dict[str, Any] = {}
    for p in parameters:
        if slash and p.kind is not p.POSITIONAL_ONLY:
            shown.append("/")
        slash = p.kind is p.POSITIONAL_ONLY
        if p.kind is p.KEYWORD_ONLY and not star:
            shown.append("*")
            star = True
        if p.kind is p.VAR_POSITIONAL:
            star = True
        stars = "*" * (1 if p.kind is p.VAR_POSITIONAL else 2 * (p.kind is p.VAR_KEYWORD))
        text = f"{stars}{p.name}"
        if p.default is not p.empty:
            namespace[f"default_{p.name}"] = p.default
            text += f"=default_{p.name}"
        shown.append(text)
        given.append(f"{p.name}={p.name}" if p.kind is p.KEYWORD_ONLY else f"{stars}{p.name}")
    if slash:
        shown.append("/")
    name = name if name.isidentifier() else "custom"
    text = f"def {name}({', '.join(shown)}):\n    return {callee}({', '.join(given)})\n"
    file, n = f"<srcad {label}>", 1
    while file in linecache.cache and linecache.getlines(file) != text.splitlines(True):
        n += 1  # another function of this name was defined here
        file = f"<srcad {label} #{n}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), namespace)  # parameter names only: no text of others
    entry: types.FunctionType = namespace.pop(name)
    namespace[callee] = target
    entry.__module__ = getattr(target, "__module__", None) or __name__
    entry.__annotations__ = dict(getattr(target, "__annotations__", {}))
    entry.__doc__ = getattr(target, "__doc__", None)
    return entry


# ---------------------------------------------------------------------- what a rule returns
def check_rule(g: Any, like: Any, what: str = "", place: str = "") -> Any:
    """A derivative that a rule of the user's returned, in the type of the value it belongs to.

    Raises
    ------
    SignatureError
        If its shape or kind is another one; broadcasting it would hide the mistake.
    """
    if isinstance(like, (list, tuple)):
        return runtime.as_cotangent(g, like)
    have, want = np.shape(g), np.shape(like)
    if have != want:
        raise SignatureError(
            f"{what} has the shape {have}, not {want}",
            reason=f"the rule declared at {place} returned it",
            advice="return an array of the shape of the value it belongs to",
        )
    kind, like_kind = np.asarray(g).dtype.kind, np.asarray(like).dtype.kind
    if kind not in "fciub" or (kind == "c" and like_kind != "c"):
        raise SignatureError(
            f"{what} has the dtype {np.asarray(g).dtype}, which does not fit "
            f"{np.asarray(like).dtype}",
            reason=f"the rule declared at {place} returned it",
            advice="return real numbers for a real value" if kind == "c" else "return numbers",
        )
    if isinstance(g, np.ndarray) and isinstance(like, np.ndarray) and g.dtype == like.dtype:
        return g
    return runtime.as_cotangent(g, like)


linear(
    check_rule,
    lambda bar, g, like, what="", place="": language.unbroadcast_to(bar, g, like),
    infer=lambda call: adjoint_type(as_array(call.types[1])),
)


def parts_of_result(
    result: Any, keys: int | tuple[Any, ...] = 0, name: str = ""
) -> tuple[Any, ...]:
    """The parts of what an opaque function returned: so many, or those of these keys.

    Raises
    ------
    SignatureError
        If it returned something else than its rule says.
    """
    if isinstance(keys, tuple):
        fitting = isinstance(result, dict) and tuple(result) == keys
    else:
        fitting = isinstance(result, (tuple, list)) and len(result) == keys
    if not fitting:
        wanted = f"the keys {keys}" if isinstance(keys, tuple) else f"{keys} parts"
        raise SignatureError(
            f"`{name}` returned a {type(result).__name__} without {wanted}",
            reason="its rule returns these",
            advice="let the rule return a result that is built like that of the function",
        )
    return tuple(result.values()) if isinstance(result, dict) else tuple(result)


def _parts_type(call: Call) -> Type:
    keys = call.attrs["keys"]
    return TupleOf((UNKNOWN,) * (keys if isinstance(keys, int) else len(keys)))


zero(parts_of_result, signature="result, keys=0, name=''", infer=_parts_type)


def stop_gradient(x: R) -> R:
    """Return `x` as it is; its derivative is zero, in both modes and at every order.

    Parameters
    ----------
    x
        A number, an array, or a tuple, list or dict of these.
    """
    return x


zero(stop_gradient, signature="x", infer=lambda call: call.types[0])
