"""One derivative, for one signature: lower, transform, optimise, emit, load.

What holds afterwards: a `Compiled` with the live function, its text, its IR and the guards under
which it is valid. `obtain` takes it from the disk cache where that is asked for.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import math
import os
import re
import sys
import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from srcad.cache import stored
from srcad.cache.guards import AnyGuard, Guard, TypeGuard, guard_object, guard_read
from srcad.cache.load import load
from srcad.cache.stored import Part, Stored
from srcad.cache.surroundings import live_names, not_scalar
from srcad.differentiator import derive
from srcad.emitter.statements import Emitted, emit
from srcad.emitter.unbox import unbox
from srcad.errors import SignatureError, SrcadError, TypeInferenceError, UnsupportedSyntaxError
from srcad.ir.abstract import (
    FLOAT,
    INT,
    NONE,
    OBJECT,
    STR,
    UNDEF,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    differentiable,
    dims_of,
    kind_of,
    rank_of,
)
from srcad.ir.abstract import MANY as _MANY
from srcad.ir.build import leaves, map_tree
from srcad.ir.values import Attribute, Const, Function, Value
from srcad.optimizer.pipeline import optimize
from srcad.optimizer.raising import keep_raising
from srcad.parser.depth import with_room
from srcad.parser.frames import Assumption, StaticRequired
from srcad.parser.lower import Lowered, lower
from srcad.parser.source import FunctionSource, read_source
from srcad.pristine import np

NAMED_TYPES = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, np.ufunc)
Path = tuple[Any, ...]  # ("params", "b", 0): a parameter and the keys that lead to a part of it
_INDENTATION_LEVELS = 99  # of Python's parser


@dataclass(frozen=True)
class Step:
    """One transform. `argnums` are paths; `single` if the user gave one, not a tuple."""

    transform: str  # "grad" | "value_and_grad" | "jvp" | "vjp"
    argnums: tuple[Path, ...]
    single: bool = True
    has_aux: bool = False


@dataclass(frozen=True)
class Request:
    """What is asked for: transforms of a function (the first is applied first), and options.

    `cache` is None, "disk", or the directory of a disk cache.
    """

    function: types.FunctionType
    steps: tuple[Step, ...]
    optimized: bool = True
    generic: bool = False
    source: str | None = None
    cache: str | None = None

    @property
    def paths(self) -> frozenset[Path]:
        """The paths that are differentiated."""
        return frozenset(path for step in self.steps for path in step.argnums)

    @property
    def differentiated(self) -> set[str]:
        """Parameters that are differentiated, in whole or in part."""
        return {path[0] for step in self.steps for path in step.argnums}

    def paths_in(self, name: str) -> list[Path]:
        """The paths within a parameter to what is differentiated of it."""
        return below([path for step in self.steps for path in step.argnums], name)


@dataclass(frozen=True)
class Signature:
    """What is known of the arguments: a type per parameter, values of the static ones."""

    types: Mapping[str, Type]
    statics: Mapping[str, Any]
    examples: Mapping[str, Any] = field(default_factory=dict)


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
    source = read_source(request.function, request.source)
    differentiated = request.differentiated
    types_of = lowering_types(request, signature)
    exact = lowering_types(replace(request, generic=False), signature)
    statics = dict(signature.statics)
    static_outside: set[tuple[Any, ...]] = set()
    stored_paths: set[Path] = set()
    while True:
        try:
            lowered = lower(
                request.function, types_of, statics, signature.examples, source,
                frozenset(static_outside), request.paths, frozenset(stored_paths),
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
                    raise TypeInferenceError(
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


def lowering_types(request: Request, signature: Signature) -> dict[str, Type]:
    """The types to compile for: generic code knows structures only, an int may be a float."""
    types_of = dict(signature.types)
    for name in request.differentiated & types_of.keys():
        types_of[name] = as_differentiated(types_of[name], request.paths_in(name))
    if request.generic:
        for name, t in types_of.items():
            types_of[name] = without_types(t, name in request.differentiated)
    return types_of


def constant_copy(value: Any) -> Any:
    """A static argument as it is now: the caller may change its own lists and dicts."""
    if type(value) in (list, tuple):
        return type(value)(map(constant_copy, value))
    if type(value) is dict:
        return {key: constant_copy(part) for key, part in value.items()}
    return value


def without_types(t: Type, differentiated: bool) -> Type:
    """The type for generic code: structure stays, numbers and arrays are unknown.

    Of what is differentiated, integers stay too, so that they are refused.
    """
    if isinstance(t, (Scalar, Array)):
        return t if differentiated and kind_of(t) in ("i", "b") else UNKNOWN
    if isinstance(t, TupleOf) and t.elems is not None:
        return TupleOf(tuple(without_types(e, differentiated) for e in t.elems))
    if isinstance(t, DictOf):
        return DictOf(tuple((k, without_types(e, differentiated)) for k, e in t.items))
    return t


def below(paths: Collection[Path], key: Any) -> list[Path]:
    """The paths that lead into part `key`; the empty one leads everywhere."""
    return [path[1:] for path in paths if not path or path[0] == key]


def as_differentiated(t: Type, paths: Collection[Path] = ((),)) -> Type:
    """A Python int given for a differentiated argument is taken as the float that it is (C6).

    `paths` lead to the parts that are differentiated.
    """
    if t == INT and () in paths:
        return FLOAT
    if isinstance(t, TupleOf) and t.elems is not None:
        parts = [as_differentiated(e, below(paths, i)) for i, e in enumerate(t.elems)]
        return TupleOf(tuple(parts))
    if isinstance(t, DictOf):
        return DictOf(tuple((k, as_differentiated(e, below(paths, k))) for k, e in t.items))
    if isinstance(t, ListOf) and () in paths:
        return ListOf(as_differentiated(t.elem))
    return t


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
        function = unbox(function)
        backward = unbox(backward) if backward is not None else None
    return Transformed(function, wrt, backward, seeds, result_tree)


def input_tree(function: Function, step: Step, source: FunctionSource) -> Any:
    """The tree of input values that a step differentiates in."""
    trees = [_at_path(function, path, source) for path in step.argnums]
    return trees[0] if step.single else tuple(trees)


def _at_path(function: Function, path: Path, source: FunctionSource) -> Any:
    name, *keys = path
    shown = path_text(path)
    tree = function.inputs.get(name)
    for key in keys:
        parts: dict[Any, Any] = {}
        if isinstance(tree, dict):
            parts = tree
        elif isinstance(tree, (tuple, list)):
            parts = dict(enumerate(tree))
        if key not in parts:
            raise SignatureError(
                f"`{function.name}` has no argument `{shown}`",
                reason=f"`{name}` has the parts {', '.join(map(str, parts))}"
                if parts
                else f"`{name}` has no parts",
                advice="choose one of its parts in argnums",
                loc=source.loc(source.node),
            )
        tree = parts[key]
    if tree is None:
        raise SignatureError(
            f"`{shown}` cannot be differentiated",
            reason="it is not a number or an array",
            advice="leave it out of argnums",
            loc=source.loc(source.node),
        )
    for leaf in leaves(tree):
        check_input(leaf, shown, source)
    return _with_names(tree)


def _with_names(tree: Any) -> Any:
    """A tree with the attributes of objects as the keys of a dictionary."""
    if isinstance(tree, (tuple, list)):
        return type(tree)(map(_with_names, tree))
    if isinstance(tree, dict):
        return {getattr(k, "name", k) if isinstance(k, Attribute) else k: _with_names(t)
                for k, t in tree.items()}  # fmt: skip
    return tree


def path_text(path: Path) -> str:
    """A path as the user writes it: ``model.layers[0].w``."""
    keys = (f".{k}" if isinstance(k, Attribute) else f"[{k!r}]" for k in path[1:])
    return path[0] + "".join(keys)


def check_input(leaf: Value, shown: str, source: FunctionSource) -> None:
    """A differentiated input is a float (or complex) number or array.

    Raises
    ------
    SignatureError
        Advising a cast, or another choice of argnums.
    """
    kind = kind_of(leaf.type)
    numbers = not isinstance(leaf.type, ListOf) or isinstance(leaf.type.elem, Scalar) or (
        isinstance(leaf.type.elem, Array) and leaf.type.elem.item
    )
    if kind in ("f", "c", None) and differentiable(leaf.type) and numbers:
        return
    place = source.loc(source.node)
    if kind in ("i", "b"):
        word = "a bool" if kind == "b" else "an int"
        array = isinstance(leaf.type, Array)
        raise SignatureError(
            f"`{shown}` is {word}{' array' if array else ''}, and cannot be differentiated",
            reason="its values are not real numbers, so a derivative in them means nothing",
            advice=f"pass {shown}.astype(float), or leave `{shown}` out of argnums"
            if array
            else f"pass a float, or leave `{shown}` out of argnums",
            loc=place,
        )
    raise SignatureError(
        f"`{shown}` cannot be differentiated",
        reason=f"it is {describe_type(leaf.type)}, not a number or an array",
        advice=f"leave `{shown}` out of argnums",
        loc=place,
    )


def describe_type(t: Type) -> str:
    names: dict[Type, str] = {STR: "a string", NONE: "None", OBJECT: "an object"}
    if isinstance(t, ListOf):
        names[ListOf(UNDEF)] = "an empty list, whose elements have no type"
        names[ListOf(UNKNOWN)] = "a list whose elements are not of one type"
    return names.get(t, f"of type {t}")


def check_scalar(function: Function, step: Step, source: FunctionSource) -> None:
    """`grad` is of one real number.

    Raises
    ------
    SignatureError
        Advising vjp or jvp.
    """
    result = function.result
    if step.has_aux:
        if not (isinstance(result, tuple) and len(result) == 2):
            raise SignatureError(
                f"`{function.name}` must return (value, auxiliary) for has_aux=True",
                reason="it returns something else", advice="return a pair, or drop has_aux",
                loc=source.loc(source.node),
            )  # fmt: skip
        result = result[0]
    what = ""
    if not isinstance(result, int) or isinstance(result, bool):
        what = _structure(result)
    else:
        t = function.body.yields[result].type
        dims = dims_of(t)
        if isinstance(t, Array) and dims is not None and _MANY in dims:
            what = f"an array of type {t}"
        elif kind_of(t) == "c":
            what = "a complex number"
        elif kind_of(t) == "O":
            what = describe_type(t)
    if what:
        raise not_scalar(function.name, what, source.loc(source.node))


def _structure(result: Any) -> str:
    """What a result that is no number is: a container, or a constant such as None."""
    if isinstance(result, Const):
        plain = isinstance(result.value, (bool, str)) or result.value is None
        return repr(result.value) if plain else "no number"
    return f"a {type(result).__name__}"


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
    """`resolve(obj)`: the name under which the user's function sees a module or function."""
    names: dict[int, str] = {}
    for name, value in function.__globals__.items():
        if isinstance(value, NAMED_TYPES):
            names.setdefault(id(value), name)
    if function.__closure__:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__):
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            if isinstance(value, types.ModuleType):
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
        keyword_only = inspect.signature(a.holder, follow_wrapped=False).parameters[a.name].kind
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


__all__ = ["Compiled", "Request", "Signature", "SrcadError", "Step", "compile_request", "map_tree",
           "math", "obtain", "os", "rank_of", "sys"]  # fmt: skip
