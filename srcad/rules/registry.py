"""The declaration forms of derivative rules, and the one table that they fill.

    elementwise(np.tanh, lambda y, x: 1 - y * y)
    linear(np.negative, lambda g, x: -g)
    bilinear(np.matmul, lambda g, x1, x2: ..., lambda g, x1, x2: ...)
    multilinear(np.einsum, transpose)
    zero(np.floor, np.sign)
    @composite(np.var)
    def var(a, axis=None, ddof=0, keepdims=False): ...
    @rule(np.linalg.inv)
    class inv: jvp = ...; vjp = ...

A rule body is plain NumPy on symbols (`srcad.rules.symbols.Sym`); running it emits IR. The
engine, not the rule, sums over broadcast dimensions and casts to the dtype of the argument.
Parameters of a body without default are operands (values of the IR), those with a default are
static keywords. Names are those of the documented NumPy signature, so that keywords bind.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from srcad.errors import MissingRuleError, SignatureError
from srcad.ir.ops import Cost
from srcad.ir.values import Const, Operand
from srcad.pristine import np
from srcad.rules.inference import Infer, default

_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(eq=False)
class Rule:
    """One row of the table.

    Attributes
    ----------
    form
        "elementwise", "linear", "bilinear", "multilinear", "zero", "composite" or "rule".
    bodies
        The functions of the declaration, their number depends on the form.
    signed
        Gives the signature: read when the rule is first used, so that `import srcad` is quick.
    given
        Names of the operands; None: the parameters of the signature without default.
    active
        Names of the operands that can carry a derivative, or how many do; None: all of them.
    unknown
        Names of operands in which there is a derivative, but not in this table: it is refused.
    """

    fn: Callable[..., Any]
    form: str
    bodies: tuple[Callable[..., Any], ...]
    signed: Callable[[], inspect.Signature]
    infer: Infer
    given: tuple[str, ...] | None = None
    active: tuple[str, ...] | int | None = None
    cost: Cost = Cost.COSTLY
    declared: str = ""  # "file:line" of the declaration, for messages
    unknown: tuple[str, ...] = ()

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        return self.signed()

    @functools.cached_property
    def operands(self) -> tuple[str, ...]:
        return _operand_names(self.signature) if self.given is None else self.given

    @functools.cached_property
    def variadic(self) -> bool:
        return any(p.kind is p.VAR_POSITIONAL for p in self.signature.parameters.values())

    @functools.cached_property
    def by_position(self) -> bool:
        """Whether a call of the function with one argument for each operand, and no keywords,
        gives the operands in order."""
        given = self.signature.parameters
        if tuple(given) != self.operands or any(p.kind not in _BY_POSITION for p in given.values()):
            return False
        own = _own_signature(self.fn)
        if own is None:
            return True
        parameters = list(own.parameters.values())
        others = parameters[len(given) :]
        return (
            len(parameters) >= len(given)
            and all(p.default is not p.empty or p.kind is p.VAR_KEYWORD for p in others)
            and all(
                p.kind in _BY_POSITION
                and (p.name == name or (p.kind is p.POSITIONAL_ONLY and p.name not in given))
                for p, name in zip(parameters, given, strict=False)
            )
        )

    def is_active(self, position: int) -> bool:
        if self.form == "zero":
            return False
        if self.active is None:
            return True
        active = self.active
        names = self.operands[:active] if isinstance(active, int) else active
        return self.name_of(position) in names

    def name_of(self, position: int) -> str:
        names = self.operands
        return names[position] if position < len(names) else names[-1]


TABLE: dict[Any, Rule] = {}
ON_CHANGE: list[Callable[[], None]] = []  # called after each declaration


# Modules of other packages, and the modules of ours that declare rules for them when asked.
ON_DEMAND = {
    "scipy.special": "srcad.rules.special", "scipy.interpolate": "srcad.rules.interpolate",
    "scipy.integrate": "srcad.rules.integrate", "scipy.optimize": "srcad.rules.integrate",
    "scipy.linalg": "srcad.rules.scipy_linalg", "statistics": "srcad.rules.averages",
}  # fmt: skip


# Functions that call one of the program's: their parameters for it, and for what it gets.
CALLBACKS: dict[Any, tuple[str, str]] = {}

# How rules differentiate a function that they are given: `srcad.grad`, which stands above them.
_GRADIENT: list[Callable[..., Any]] = []


def derivative_of(function: Callable[..., Any], position: int) -> Callable[..., Any]:
    """The derivative of a function of numbers in one argument, for use at run time."""
    derived: Callable[..., Any] = _GRADIENT[0](function, argnums=position)
    return derived


def differentiate_by(gradient: Callable[..., Any]) -> None:
    """Say what `derivative_of` uses."""
    _GRADIENT[:] = [gradient]


def lookup(fn: object) -> Rule | None:
    """The rule of a function, or None."""
    try:
        found = TABLE.get(fn)
    except TypeError:  # unhashable objects have no rule
        return None
    if found is None:
        home = home_of(fn) or str(getattr(fn, "__module__", None)).rpartition(".")[0]
        if home in ON_DEMAND and ON_DEMAND[home] not in sys.modules:
            importlib.import_module(ON_DEMAND[home])
            return TABLE.get(fn)
    return found


def home_of(fn: object) -> str | None:
    """The module of another package, of those that we have rules for, that has this function."""
    name = getattr(fn, "__name__", None)
    if isinstance(name, str):
        for owner in ON_DEMAND:
            if getattr(sys.modules.get(owner), name, None) is fn:
                return owner
    return None


def _place(depth: int = 3) -> str:
    code = sys._getframe(depth)  # inspect.stack would read every source file on the way
    return f"{code.f_code.co_filename}:{code.f_lineno}"


def _signature_of(body: Callable[..., Any], skip: int) -> Callable[[], inspect.Signature]:
    return lambda: inspect.Signature(list(inspect.signature(body).parameters.values())[skip:])


def _operand_names(signature: inspect.Signature) -> tuple[str, ...]:
    return tuple(
        p.name
        for p in signature.parameters.values()
        if p.kind is not p.KEYWORD_ONLY and p.default is p.empty
    )


def _declare(
    fns: Any,
    form: str,
    bodies: Sequence[Callable[..., Any]],
    signed: Callable[[], inspect.Signature],
    infer: Infer | None,
    operands: Sequence[str] | None,
    active: Sequence[str] | int | None,
    cost: Cost,
    unknown: Sequence[str] = (),
) -> None:
    place = _place()
    for fn in fns if isinstance(fns, (tuple, list)) else (fns,):
        TABLE[fn] = Rule(
            fn, form, tuple(bodies), signed, infer or default(fn, form),
            None if operands is None else tuple(operands),
            active if active is None or isinstance(active, int) else tuple(active),
            cost, place, tuple(unknown),
        )  # fmt: skip
    for changed in ON_CHANGE:
        changed()


def elementwise(
    fns: Any,
    partials: Callable[..., Any],
    *,
    infer: Infer | None = None,
    active: Sequence[str] | None = None,
    cost: Cost = Cost.COSTLY,
    unknown: Sequence[str] = (),
) -> None:
    """Declare a function applied element by element.

    Parameters
    ----------
    fns
        The function, or a tuple of functions with the same mathematics (``np.sin, math.sin``).
    partials
        ``lambda y, x1, x2: (p1, p2)``: the partial derivatives in each operand, from the result
        and the operands; one expression when there is one operand. A partial may be the number
        1 or -1 or another constant, or None for "zero everywhere".
    unknown
        Names of operands in which there is a derivative that the partials do not give: it is
        refused. Their partial is None.
    """
    signed = _signature_of(partials, 1)
    _declare(fns, "elementwise", (partials,), signed, infer, None, active, cost, unknown)


def linear(
    fns: Any,
    transpose: Callable[..., Any],
    *,
    infer: Infer | None = None,
    operands: Sequence[str] | None = None,
    active: Sequence[str] | None = None,
    cost: Cost = Cost.COSTLY,
) -> None:
    """Declare a function that is linear in its active operands (default: the first) together.

    Parameters
    ----------
    transpose
        ``lambda g, x, *others, **statics:`` the cotangent of each active operand: one expression,
        or a tuple where several operands are active. For an operand that is a tuple or list of
        arrays, a list of cotangents.
    """
    signed = _signature_of(transpose, 1)
    _declare(fns, "linear", (transpose,), signed, infer, operands, active or 1, cost)


def bilinear(
    fns: Any,
    left: Callable[..., Any],
    right: Callable[..., Any],
    *,
    infer: Infer | None = None,
    operands: Sequence[str] | None = None,
) -> None:
    """Declare a function linear in each of its first two operands.

    `left(g, a, b, **statics)` is the cotangent of the first, `right` that of the second.
    """
    signed = _signature_of(left, 1)
    _declare(fns, "bilinear", (left, right), signed, infer, operands, 2, Cost.COSTLY)


def multilinear(fns: Any, transpose: Callable[..., Any], *, infer: Infer | None = None) -> None:
    """Declare a function linear in each of its operands (`einsum`).

    `transpose(g, position, *operands, **statics)` is the cotangent of one operand.
    """
    signed = _signature_of(transpose, 2)
    _declare(fns, "multilinear", (transpose,), signed, infer, None, None, Cost.COSTLY)


def zero(
    *fns: Any,
    signature: str | None = None,
    infer: Infer | None = None,
    cost: Cost = Cost.COSTLY,
) -> None:
    """Declare functions whose derivative is zero (or that carry none).

    `signature` is the text of a parameter list ("shape, dtype=float"); by default that of the
    function itself, else any positional operands and static keywords.
    """
    for fn in fns:
        signed = functools.partial(_zero_signature, fn, signature)
        _declare(fn, "zero", (), signed, infer, None, (), cost)


def _zero_signature(fn: Any, text: str | None) -> inspect.Signature:
    if text is not None:
        namespace: dict[str, Any] = {"np": np}
        return inspect.signature(eval(f"lambda {text}: None", namespace))  # our own literal text
    if isinstance(fn, np.ufunc):
        names = [f"x{i + 1}" for i in range(fn.nin)]
        kind = inspect.Parameter.POSITIONAL_ONLY
        return inspect.Signature([inspect.Parameter(n, kind) for n in names])
    parameters = [
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
    return inspect.Signature(parameters)


def composite(
    fns: Any,
    *,
    infer: Infer | None = None,
    operands: Sequence[str] | None = None,
    active: Sequence[str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function by a definition in differentiable NumPy; its derivative follows.

    The forward sweep still calls the function itself; only the derivative uses the definition.
    """

    def declare(body: Callable[..., Any]) -> Callable[..., Any]:
        signed = _signature_of(body, 0)
        _declare(fns, "composite", (body,), signed, infer, operands, active, Cost.COSTLY)
        return body

    return declare


def rule(
    fns: Any,
    *,
    infer: Infer | None = None,
    operands: Sequence[str] | None = None,
    active: Sequence[str] | None = None,
    unknown: Sequence[str] = (),
) -> Callable[[type], type]:
    """Declare a function with its own `jvp` and `vjp`, when nothing shorter is true.

    The decorated class holds two functions: ``jvp(dots, y, *operands, **statics)``, where `dots`
    is a tuple with None for operands without tangent, gives the tangent of the result;
    ``vjp(g, y, *operands, **statics)`` gives the cotangent of each operand as a tuple (None for
    operands without one). For a function with several results `y`, `g` and the tangent are tuples.
    A derivative in an operand of `unknown` is refused.
    """

    def declare(cls: type) -> type:
        jvp, vjp = cls.__dict__["jvp"], cls.__dict__["vjp"]
        jvp, vjp = (f.__func__ if isinstance(f, staticmethod) else f for f in (jvp, vjp))
        signed = _signature_of(vjp, 2)
        if _names(jvp) != _names(vjp):
            _check_alike(cls, _signature_of(jvp, 2)(), signed())
        _declare(
            fns, "rule", (jvp, vjp), signed, infer, operands, active, Cost.COSTLY, unknown
        )
        return cls

    return declare


def _names(body: Any) -> tuple[str, ...]:
    code = body.__code__  # inspect.signature would make up a tenth of the time of the import
    return code.co_varnames[2 : code.co_argcount + code.co_kwonlyargcount]


def _check_alike(cls: type, jvp: inspect.Signature, vjp: inspect.Signature) -> None:
    given = _operand_names(vjp)
    try:
        jvp.bind(*given, **dict.fromkeys(vjp.parameters.keys() - set(given)))
    except TypeError as error:
        raise SignatureError(
            f"jvp and vjp of the rule `{cls.__qualname__}` take different arguments",
            reason=f"jvp has {inspect.signature(cls.__dict__['jvp'])}, "
            f"vjp {inspect.signature(cls.__dict__['vjp'])}: {error}",
            advice="write jvp(dots, y, ...) and vjp(g, y, ...) with the parameters of the "
            "function in place of the dots",
        ) from error


@functools.cache
def _own_signature(fn: Any) -> inspect.Signature | None:
    if isinstance(fn, np.ufunc):
        return None
    try:
        return inspect.signature(fn)
    except (ValueError, TypeError):  # builtins without a text signature
        return None


def position_of_out(fn: Any) -> int | None:
    """Where `out` stands in a call of a function of NumPy; None if it has no such place."""
    if isinstance(fn, np.ufunc):
        return fn.nin if fn.nout == 1 else None
    own = _own_signature(fn)
    parameter = None if own is None else own.parameters.get("out")
    if own is None or parameter is None or parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
        return None  # in `np.einsum`, say, all that stands before it is an operand
    return list(own.parameters).index("out")


def is_default(value: object) -> bool:
    return value is None or value is np._NoValue  # type: ignore[attr-defined]


def _in_order(
    args: Sequence[Any], kwargs: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[list[Any], dict[str, Any]]:
    """Start, stop and step of a range, without keywords."""
    given = {**dict(zip(names, args)), **kwargs}
    start, stop, step = (given.pop(name, None) for name in names)
    if len(args) > 3 or stop is None and step is None:
        return list(args), dict(kwargs)
    start, stop = (0, start) if stop is None else (0 if start is None else start, stop)
    return [start, stop] if step is None else [start, stop, step], given


def bind(
    rule: Rule, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Sort the arguments of a call into operands and static keywords of the rule.

    Raises
    ------
    MissingRuleError
        Naming the keyword that the rule does not know. Keywords are never ignored.
    """
    from srcad.ir.text import function_name

    if rule.fn is np.arange:
        args, kwargs = _in_order(args, kwargs, ("start", "stop", "step"))
    if not kwargs and len(args) == len(rule.operands) and rule.by_position:
        return list(args), {}
    name = function_name(rule.fn)
    own = _own_signature(rule.fn) if rule.form != "zero" or not rule.variadic else None
    args, kwargs = list(args), dict(kwargs)
    if own is not None and not rule.variadic and own is not rule.signature:
        try:
            given = own.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise MissingRuleError(f"cannot bind the arguments of `{name}`", reason=str(error),
                                   advice="call it as NumPy documents it") from error  # fmt: skip
        kinds = {p.name: p.kind for p in own.parameters.values()}
        flat: dict[str, Any] = {}
        for key, value in given.items():
            if kinds[key] is inspect.Parameter.VAR_KEYWORD:
                flat.update(value)
            elif kinds[key] is inspect.Parameter.VAR_POSITIONAL:
                own = None
                break
            else:
                flat[key] = value
        if own is not None:
            known = rule.signature.parameters
            positional = list(known.values())
            # A body may name a positional-only parameter as it likes.
            renamed: dict[str, Any] = {}
            for i, (key, value) in enumerate(flat.items()):
                if value is np._NoValue:  # type: ignore[attr-defined]
                    continue
                if key in known:
                    renamed[key] = value
                elif kinds.get(key) is inspect.Parameter.POSITIONAL_ONLY and i < len(positional):
                    renamed[positional[i].name] = value
                elif is_default(value) or (
                    key in own.parameters and _same(own.parameters[key].default, value)
                ):
                    continue
                else:
                    raise _unknown_keyword(name, key)
            args, kwargs = [], renamed
    try:
        bound = rule.signature.bind(*args, **kwargs)
    except TypeError as error:
        unknown = [k for k in kwargs if k not in rule.signature.parameters]
        if unknown:
            raise _unknown_keyword(name, unknown[0]) from error
        raise MissingRuleError(
            f"this form of `{name}` has no derivative rule",
            reason=str(error),
            advice="call it in another documented form, or register a rule with "
            "srcad.rules.rule",
        ) from error
    operands: list[Any] = []
    attrs: dict[str, Any] = {}
    for key, parameter in rule.signature.parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            operands.extend(bound.arguments.get(key, ()))
        elif parameter.kind is parameter.VAR_KEYWORD:
            attrs.update(bound.arguments.get(key, {}))
        elif key in rule.operands:
            operands.append(bound.arguments.get(key, parameter.default))
        elif key in bound.arguments and not _same(bound.arguments[key], parameter.default):
            attrs[key] = bound.arguments[key]
    return operands, attrs


def call_arguments(
    rule: Rule, operands: Sequence[Operand]
) -> list[tuple[str | None, Operand]]:
    """How the operands stand in a call of the function: (None, x) or, by keyword, (name, x).

    Optional operands at the end that have their defaults are left out; one that does not stand
    where the function itself has it is named.
    """
    own = _own_signature(rule.fn)
    if own is None or rule.variadic:
        return [(None, operand) for operand in operands]
    parameters = own.parameters
    places = {name: place for place, name in enumerate(parameters)}
    given = list(zip(rule.operands, operands, strict=False))
    while given and _has_default(parameters.get(given[-1][0]), given[-1][1]):
        given.pop()
    written: list[tuple[str | None, Operand]] = []
    for name, operand in given:
        by_keyword = name in places and (  # else it is positional-only, under a name of our own
            parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
            or places[name] != len(written)
            or any(key for key, _ in written)
        )
        written.append((name if by_keyword else None, operand))
    return written


def _has_default(parameter: inspect.Parameter | None, operand: Operand) -> bool:
    if parameter is None or parameter.default is parameter.empty:
        return False
    return isinstance(operand, Const) and _same(operand.value, parameter.default)


def _same(a: object, b: object) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, (int, str, float, tuple)) and a == b)


def _unknown_keyword(name: str, key: str) -> MissingRuleError:
    return MissingRuleError(
        f"`{name}` with the keyword `{key}` has no derivative rule",
        reason=f"the rule of `{name}` does not know `{key}`, and ignoring it would be wrong",
        advice=f"write the computation without `{key}`, or register a rule for it",
    )


@dataclass
class Methods:
    """How attributes and methods of arrays map to functions of the table."""

    methods: dict[str, Callable[..., Any]] = field(default_factory=dict)
    attributes: dict[str, Callable[..., Any]] = field(default_factory=dict)


ARRAY = Methods()
