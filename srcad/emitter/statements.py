"""`emit`: an IR function as Python text.

What holds afterwards: the text defines the function (after those that it calls) and computes what
the IR means; it reads nothing but its parameters, Python's builtins, the names in `helpers` and
the user's own `user_names`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gast

from srcad.emitter import tree as T
from srcad.emitter.blocks import Blocks
from srcad.emitter.coalesce import coalesce, unbound_copies
from srcad.emitter.expressions import constant
from srcad.emitter.fold import fold
from srcad.emitter.inplace import Ownership, Sharing
from srcad.emitter.layout import LINE_WIDTH
from srcad.emitter.liveness import Classes, Liveness
from srcad.emitter.names import Names, Scope
from srcad.emitter.printer import to_text
from srcad.emitter.release import releases
from srcad.emitter.schedule import schedule
from srcad.ir.text import callees
from srcad.ir.values import Function, Param, Value


@dataclass(frozen=True)
class Emitted:
    """Generated text and what it needs.

    Attributes
    ----------
    helpers
        Names that the text reads beyond the user's own, and their values.
    user_names
        Names of the user's globals and closure variables that the text reads.
    """

    text: str
    name: str
    helpers: dict[str, object]
    user_names: frozenset[str]


def emit(
    function: Function,
    *,
    mode: str,
    reserved: frozenset[str],
    resolve: Callable[[object], str | None],
    doc: str,
) -> Emitted:
    """Print a function, and before it the functions that it calls.

    Parameters
    ----------
    mode : {"primal", "reverse", "forward"}
        "reverse" has comments: the two sweeps, and the user's line over what serves it. The
        results of "reverse" and "forward" share memory with nothing of the caller.
    reserved : frozenset of str
        The names of the user's function and its globals.
    resolve : callable
        The name under which the user's function sees a module or function, or None.
    doc : str
        The docstring.
    """
    names = Names(reserved, resolve)
    functions = [*callees(function), function]
    names.block_parameters(p.name for f in functions for p in f.params)
    called = {f: names.fresh(f.name) for f in reversed(functions)}
    sharing: dict[Function, Sharing] = {}
    definitions: list[gast.stmt] = []
    finish: list[Callable[[], None]] = []
    for f in functions:
        definition, done = _definition(f, function, mode, doc, names, called, sharing)
        definitions.append(definition)
        finish.append(done)
    for done in finish:
        done()
    return Emitted(
        to_text(definitions), called[function], dict(sorted(names.helpers.items())),
        frozenset(names.user_names),
    )  # fmt: skip


def _definition(
    f: Function,
    main: Function,
    mode: str,
    doc: str,
    names: Names,
    called: dict[Function, str],
    sharing: dict[Function, Sharing],
) -> tuple[gast.stmt, Callable[[], None]]:
    """The `def` of one function, and what gives its variables their names."""
    tree = f.result if f is main else _flat(len(f.body.yields))
    defined: set[Value] = set()
    while True:
        program = fold(schedule(f, tree, defined))
        liveness = Liveness(program)
        classes = Classes(liveness)
        leaves = _returned(program)
        ownership = Ownership(program, liveness, sharing, leaves)
        coalesce(program, classes, ownership)
        unbound = unbound_copies(program, classes, ownership)
        if unbound <= defined:
            break
        defined |= unbound
    sharing[f] = ownership.summary(leaves)
    fresh = f is main and mode != "primal"
    parameters = frozenset(p.name for p in f.params)
    blocks = Blocks(
        program, liveness, classes, ownership, names, called, parameters,
        ownership.returned_copies(leaves) if fresh else set(), mode == "reverse",
        releases(program, liveness, classes, ownership),
    )  # fmt: skip
    body = blocks.function_body(sections=f is main and mode == "reverse")
    text = doc if f is main else f.doc
    if text:
        body.insert(0, gast.Expr(constant(_wrapped(text))))
    definition = gast.FunctionDef(called[f], _arguments(f.params, blocks), body, [], None, None, [])

    def name_variables() -> None:
        blocks.fill(Scope(names, classes, {p.value: p.name for p in f.params}))

    return definition, name_variables


def _wrapped(doc: str) -> str:
    """A docstring in lines that fit."""
    if len(doc) + 10 <= LINE_WIDTH:
        return doc
    lines = textwrap.wrap(doc, LINE_WIDTH - 10, break_long_words=False, break_on_hyphens=False)
    return "\n    ".join(lines)


def _flat(count: int) -> Any:
    """The result tree of a function that only generated code calls."""
    return 0 if count == 1 else tuple(range(count))


def _returned(program: T.Program) -> list[Any]:
    for statement in program.body:
        if isinstance(statement, T.Return):
            return T.operands_in(statement.tree)
    return []


def _arguments(params: Sequence[Param], blocks: Blocks) -> gast.arguments:
    by_kind: dict[str, list[Param]] = {}
    for p in params:
        by_kind.setdefault(p.kind, []).append(p)
    only = by_kind.get("POSITIONAL_ONLY", [])
    plain = by_kind.get("POSITIONAL_OR_KEYWORD", [])
    keyword = by_kind.get("KEYWORD_ONLY", [])
    defaults: list[gast.expr] = []
    for p in reversed([*only, *plain]):
        if p.default is None:
            break  # a default can only stand behind a parameter if it does behind all later ones
        defaults.insert(0, blocks.expression(p.default))
    return gast.arguments(
        [_parameter(p) for p in plain],
        [_parameter(p) for p in only],
        next((_parameter(p) for p in by_kind.get("VAR_POSITIONAL", ())), None),
        [_parameter(p) for p in keyword],
        [None if p.default is None else blocks.expression(p.default) for p in keyword],
        next((_parameter(p) for p in by_kind.get("VAR_KEYWORD", ())), None),
        defaults,
    )


def _parameter(p: Param) -> gast.Name:
    return gast.Name(p.name, gast.Param(), None, None)
