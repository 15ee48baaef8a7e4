"""One derivative, for one signature: lower, transform, optimise, emit, load.

What holds afterwards: a `Compiled` with the live function, its text, its IR and the guards under
which it is valid. `obtain` takes it from the disk cache where that is asked for.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from srcad.argnums import Path, path_text
from srcad.cache import stored
from srcad.cache.guards import AnyGuard, Guard, TypeGuard, guard_object, guard_read
from srcad.cache.load import load
from srcad.cache.stored import Part, Stored
from srcad.cache.surroundings import live_names
from srcad.checks import check_scalar, input_tree
from srcad.differentiator import derive
from srcad.differentiator.activity import check_texts
from srcad.differentiator.stand_ins import without_mere_shapes
from srcad.emitter.factor import factor
from srcad.emitter.recompute import recompute
from srcad.emitter.rotate import rotate
from srcad.emitter.statements import Emitted, emit
from srcad.emitter.unbox import unbox
from srcad.errors import AliasingError, SrcadError, TypeInferenceError, UnsupportedSyntaxError
from srcad.ir.abstract import FLOAT, UNKNOWN, ListOf
from srcad.ir.build import leaves, map_tree
from srcad.ir.values import Function
from srcad.optimizer.pipeline import optimize
from srcad.optimizer.raising import keep_raising, keep_reads
from srcad.parser.calls.measures import Precision
from srcad.parser.depth import with_room
from srcad.parser.effects import LOGGERS
from srcad.parser.frames import Assumption, StaticRequired
from srcad.parser.lower import Lowered, lower
from srcad.parser.memory.caches import filled_by
from srcad.parser.source import FunctionSource, own_signature, read_source
from srcad.pristine import np
from srcad.requests import Request, Signature, constant_copy, lowering_types

NAMED_TYPES = (
    types.ModuleType, types.FunctionType, types.BuiltinFunctionType, np.ufunc, *LOGGERS,
)  # fmt: skip
_INDENTATION_LEVELS = 99  # of Python's parser


@dataclass(eq=False)
class Compiled:
    """A compiled derivative.

    Attributes
    ----------
    run
        The live function, with the primal's parameters (and seeds).
    parts
        The generated functions: `run`, for a vjp also `backward`.
    ir
        None if the text comes from the disk cache.
    statics
        Values of parameters that were needed while compiling.
    argument_assumptions
        (parameter, attribute path, what, expected) for object arguments.
    on_disk
        Whether the disk cache had it; None if that was not asked.
    """

    request: Request
    run: Any
    parts: tuple[Part, ...]
    ir: Function | None
    signature: Signature
    guards: list[AnyGuard]
    statics: Mapping[str, Any]
    argument_assumptions: list[tuple[str, tuple[Any, ...], str, Any]]
    emitted: Emitted | None
    backward: Any = None  # vjp: the function of the tape and the seeds
    seeds: tuple[int, ...] = ()  # vjp: indices of the result's leaves that have seeds
    result_tree: Any = None  # vjp: the tree of these indices
    wrt: Any = None  # the tree of the last step's inputs
    on_disk: bool | None = None

    @property
    def text(self) -> str:
        return "\n\n".join(part.text for part in self.parts)

    def valid(self) -> bool:
        return all(g.holds() for g in self.guards)

    def seed_names(self, count: int) -> tuple[str, ...]:
        """The names of the last `count` keyword-only parameters: the tangents of a jvp."""
        code = self.run.__code__
        end = code.co_argcount + code.co_kwonlyargcount
        return tuple(code.co_varnames[end - count : end])


def obtain(request: Request, signature: Signature) -> Compiled:
    """As `compile_request`, but from the disk cache if that is wanted and has it."""
    cache = stored.disk_cache(request.cache)
    if cache is None or any(map(_is_named, signature.examples.values())):
        return compile_request(request, signature)
    function, types_of = request.function, lowering_types(request, signature)
    options = {"steps": repr(request.steps), "optimized": request.optimized,
               "generic": request.generic}  # fmt: skip
    key = stored.key_of(function, options, types_of, signature.statics)
    if key is None:
        return compile_request(request, signature)
    found = stored.find(cache, key, function, signature.examples)
    if found is not None:
        return rebuild(request, signature, found)
    compiled = compile_request(request, signature)
    compiled.on_disk = False
    # what was assumed of the parts of arguments is not in the key
    if compiled.signature.types == types_of and not compiled.argument_assumptions:
        names = compiled.statics.keys() - signature.statics.keys()
        stored.keep(
            cache, key, function, {name: compiled.statics[name] for name in names},
            compiled.guards, compiled.parts, structure_of(compiled),
        )  # fmt: skip
    return compiled


def _is_named(value: Any) -> bool:
    """Whether this is a namedtuple, whose type is that of a tuple."""
    return isinstance(value, tuple) and type(value) is not tuple


def structure_of(compiled: Compiled) -> dict[str, Any]:
    """What the disk cache has to know of a vjp beside the text, as JSON."""
    return {
        "seeds": list(compiled.seeds),
        "result": stored.packed(compiled.result_tree),
        "wrt": stored.packed(map_tree(compiled.wrt, lambda v: 0)),
    }


def rebuild(request: Request, signature: Signature, found: Stored) -> Compiled:
    """What was compiled in another process, for the live objects of this one."""
    functions = [
        load(part.text, part.name, request.function, names_of(part, request), part.name,
             found.file, line)
        for part, line in zip(found.parts, found.lines, strict=True)
    ]  # fmt: skip
    needed = {name: constant_copy(signature.examples[name]) for name in found.needed}
    statics = {**signature.statics, **needed}
    signature = replace(signature, types=lowering_types(request, signature), statics=statics)
    return Compiled(
        request, functions[0], found.parts, None, signature, found.guards, statics, [], None,
        functions[1] if len(functions) > 1 else None, tuple(found.structure["seeds"]),
        stored.unpacked(found.structure["result"]), stored.unpacked(found.structure["wrt"]), True,
    )  # fmt: skip


def compile_request(request: Request, signature: Signature) -> Compiled:
    """Compile for one signature.

    Raises
    ------
    SrcadError
        With place, reason and advice.
    """

    def compiled() -> Compiled:
        lowered, typed = lower_request(request, signature)
        return finish(request, lowered, typed, transform(request, lowered, typed))

    return with_room(compiled, request.function)


def lower_request(request: Request, signature: Signature) -> tuple[Lowered, Signature]:
    """Lower the primal; parameters whose value is needed become static, as far as allowed."""
    source, caches = read_source(request.function, request.source), filled_by(request.function)
    first: SrcadError | None = None
    for precision in Precision:
        try:
            return _lowered(request, signature, source, caches, precision)
        except (UnsupportedSyntaxError, TypeInferenceError, AliasingError) as error:
            first = first or error
    assert first is not None
    raise first


def _lowered(
    request: Request,
    signature: Signature,
    source: FunctionSource,
    caches: list[dict[Any, Any]],
    precision: Precision,
) -> tuple[Lowered, Signature]:
    """As `lower_request`, for types alone or for more."""
    differentiated = request.differentiated
    types_of = lowering_types(request, signature)
    exact = lowering_types(replace(request, generic=False), signature)
    statics = dict(signature.statics)
    if precision is Precision.TURNS:
        statics |= {
            name: value
            for name, value in signature.examples.items()
            if type(value) in (int, bool) and name not in differentiated
        }
        types_of = {name: t for name, t in types_of.items() if name not in statics}
    static_outside: set[tuple[Any, ...]] = set()
    stored_paths: set[Path] = set()
    while True:
        try:
            lowered = lower(
                request.function, types_of, statics, signature.examples, source,
                frozenset(static_outside), request.paths, frozenset(stored_paths), precision,
                caches,
            )  # fmt: skip
        except StaticRequired as need:
            static_outside |= need.outside
            stored_paths |= need.stored
            for name in need.params:
                if types_of.get(name) != exact.get(name):
                    types_of[name] = exact[name]
                elif (
                    name in differentiated
                    or name not in signature.examples
                    or name in statics
                    or isinstance(signature.examples[name], np.ndarray)  # can change in place
                ):
                    raise need.instead or TypeInferenceError(
                        f"the value of `{name}` must be known while compiling",
                        reason="the code that runs depends on it in a way that cannot be "
                        "recorded"
                        + (", and it is differentiated" if name in differentiated else ""),
                        advice=f"pass `{name}` as a plain Python value"
                        if name not in differentiated
                        else f"leave `{name}` out of argnums",
                        loc=source.loc(source.node),
                    ) from None
                else:
                    statics[name] = constant_copy(signature.examples[name])
            continue
        return lowered, replace(signature, types=types_of, statics=statics)


@dataclass(frozen=True)
class Transformed:
    """The IR after all steps; for a vjp with its backward function."""

    function: Function
    wrt: Any = None
    backward: Function | None = None
    seeds: tuple[int, ...] = ()
    result_tree: Any = None


def transform(request: Request, lowered: Lowered, signature: Signature) -> Transformed:
    """Apply the steps to the primal's IR."""
    level = "full" if request.optimized else "none"
    function = lowered.function
    for p in function.params:  # ints in them are made floats before the call
        p.exact = p.value.type == ListOf(FLOAT) and () in request.paths_in(p.name)
    function = keep_reads(function)
    if all(step.transform != "grad" for step in request.steps):  # the result is returned
        function = keep_raising(function)
    function = derive.expand(function)
    backward: Function | None = None
    seeds: tuple[int, ...] = ()
    result_tree: Any = None
    wrt: Any = None
    for number, step in enumerate(request.steps):
        last = number == len(request.steps) - 1
        function = optimize(function, level)
        wrt = input_tree(function, step, lowered.source)
        check_texts(function, leaves(wrt))
        if step.transform in ("grad", "value_and_grad"):
            check_scalar(function, step, lowered.source)
            function = derive.gradient(
                function, wrt, value=step.transform == "value_and_grad", has_aux=step.has_aux,
                name=f"{function.name}_grad",
            )  # fmt: skip
        elif step.transform == "jvp":
            function = derive.pushforward(function, leaves(wrt))
        elif step.transform == "vjp":
            if not last:
                raise AssertionError("vjp is the last step")
            result_tree = function.result
            function, backward, seeds = derive.pullback(function, leaves(wrt))
    function = optimize(function, level, keep_inputs=False)
    if backward is not None:
        backward = optimize(backward, level, keep_inputs=False)
    if request.optimized:
        function = recompute(factor(rotate(unbox(without_mere_shapes(function)))))
        backward = recompute(factor(rotate(unbox(backward)))) if backward is not None else None
    return Transformed(function, wrt, backward, seeds, result_tree)


# ---------------------------------------------------------------------- emission and loading
def finish(
    request: Request, lowered: Lowered, signature: Signature, outcome: Transformed
) -> Compiled:
    functions = [f for f in (outcome.function, outcome.backward) if f is not None]
    emitted = [emit_request(request, lowered, signature, f) for f in functions]
    for e in emitted:
        check_nesting(e.text, request.function.__name__, lowered)
    parts = tuple(
        Part(e.text, e.name, {**builtins_of(e, request.function), **e.helpers}) for e in emitted
    )
    place = _place(lowered)
    loaded = [
        load(part.text, part.name, request.function, names_of(part, request),
             f"{part.name} of {place}")
        for part in parts
    ]  # fmt: skip
    guards = guards_of(lowered)
    for e in emitted:
        guards += guards_of_names(e.user_names, request.function)
    return Compiled(
        request, loaded[0], parts, outcome.function, signature, guards, signature.statics,
        lowered.argument_assumptions, emitted[0], loaded[1] if len(loaded) > 1 else None,
        outcome.seeds, outcome.result_tree, outcome.wrt,
    )  # fmt: skip


def check_nesting(text: str, name: str, lowered: Lowered) -> None:
    """Blocks are nested as deeply as Python's parser allows at most.

    Raises
    ------
    UnsupportedSyntaxError
        Advising to split the function.
    """
    if not any(line.startswith(" " * 4 * _INDENTATION_LEVELS) for line in text.splitlines()):
        return
    try:
        ast.parse(text)
    except IndentationError:
        raise UnsupportedSyntaxError(
            f"the derivative of `{name}` has blocks that are nested too deeply",
            reason=f"Python allows {_INDENTATION_LEVELS} levels of indentation",
            advice="split the nested conditions or loops into functions, or look the case up "
            "in a list",
            loc=lowered.function.loc,
        ) from None


def names_of(part: Part, request: Request) -> dict[str, object]:
    return live_names(part.text, part.helpers, request.function, request.source)


def builtins_of(emitted: Emitted, function: types.FunctionType) -> dict[str, object]:
    """The builtins that the text means, so that a later global of the same name does not count."""
    known = vars(builtins)
    return {
        name: known[name]
        for name in sorted(set(re.findall(r"\w+", emitted.text)))
        if name in known
        and not keyword.iskeyword(name)
        and not name.startswith("_")
        and name not in emitted.user_names
        and name not in function.__globals__
    }


def _place(lowered: Lowered) -> str:
    loc = lowered.function.loc
    return loc.short() if loc is not None else "?"


def emit_request(
    request: Request, lowered: Lowered, signature: Signature, ir: Function
) -> Emitted:
    """Print the IR with the names that the user's function sees."""
    reserved = frozenset(lowered.local_names | set(request.function.__globals__))
    mode = "forward" if any(s.transform == "jvp" for s in request.steps) else "reverse"
    if not request.steps:
        mode = "primal"
    doc = describe(request, lowered, signature, ir)
    return emit(
        ir, mode=mode, reserved=reserved, resolve=resolver(request.function), doc=doc
    )


def describe(request: Request, lowered: Lowered, signature: Signature, ir: Function) -> str:
    """The docstring of a generated function."""
    words = {"grad": "Gradient", "value_and_grad": "Value and gradient", "jvp": "Tangent",
             "vjp": "Pullback"}  # fmt: skip
    parts = []
    for step in reversed(request.steps):
        names = ", ".join(map(path_text, step.argnums))
        parts.append((words[step.transform], names or "nothing"))
    if not parts:
        return f"{lowered.function.name} ({_place(lowered)}) as srcad sees it."
    text = " of ".join([parts[0][0], *(p[0].lower() for p in parts[1:])])
    text += f" of {lowered.function.name} ({_place(lowered)}) with respect to {parts[0][1]}"
    typed = [f"{k}: {t}" for k, t in signature.types.items() if t != UNKNOWN]
    return text + ("; " + ", ".join(typed) if typed else "") + "."


def resolver(function: types.FunctionType) -> Any:
    """`resolve(obj)`: the name of a module, function or table for the user's function."""
    names: dict[int, str] = {}
    for name, value in function.__globals__.items():
        if isinstance(value, (*NAMED_TYPES, list, tuple, dict)):
            names.setdefault(id(value), name)
    if function.__closure__:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__):
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            if isinstance(value, (types.ModuleType, list, tuple, dict)):
                names.setdefault(id(value), name)
    local = set(function.__code__.co_varnames)

    def resolve(obj: object) -> str | None:
        name = names.get(id(obj))
        return None if name in local else name

    return resolve


def guards_of(lowered: Lowered) -> list[AnyGuard]:
    """Guards for what the parser assumed."""
    return [guard_of(a) for a in lowered.assumptions.items]


def guard_of(a: Assumption) -> AnyGuard:
    if a.kind == "type":
        return TypeGuard(a.source, a.holder, a.name, a.expected)  # type: ignore[arg-type]
    kind = a.kind
    if kind == "read":
        return guard_read(a.holder, a.name, a.expected)
    if kind == "default":
        keyword_only = own_signature(a.holder).parameters[a.name].kind
        kind = "kwdefault" if keyword_only is inspect.Parameter.KEYWORD_ONLY else "default"
    return guard_object(kind, a.holder, a.name, a.expected)  # type: ignore[arg-type]


def guards_of_names(names: frozenset[str], function: types.FunctionType) -> list[AnyGuard]:
    """Guards for the modules and functions that the text calls by the user's names for them.

    The user's function itself need not use them: what its module calls `np` is NumPy for the
    reverse sweep too, as long as the name stays.
    """
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    guards: list[AnyGuard] = []
    for name in sorted(names):
        cell = cells.get(name)
        value = function.__globals__.get(name) if cell is None else cell.cell_contents
        if isinstance(value, NAMED_TYPES):
            holder = function.__globals__ if cell is None else cell
            guards.append(Guard("global" if cell is None else "cell", holder, name, value))
    return guards
