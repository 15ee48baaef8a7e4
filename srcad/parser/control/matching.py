"""`match` to tests and bindings: a chain of `if`, whose bodies bind what was captured.
"""

from __future__ import annotations

import copy
from typing import Any

import gast

from srcad.parser.bindings import Binding, Known

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

# Their pattern `float(x)` captures the subject itself.
_SELF_CAPTURING = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


class Bound(gast.AST):  # type: ignore[misc]
    """An expression whose binding is known already."""

    _fields = ()

    def __init__(self, binding: Binding) -> None:
        super().__init__()
        self.binding = binding


class Capture(gast.Subscript):  # type: ignore[misc]
    """A condition that always holds, and binds a name."""

    def __init__(self, name: str, captured: gast.AST) -> None:
        target = gast.Name(name, gast.Store(), None, None)
        whole = gast.Tuple(
            [gast.NamedExpr(target, captured), gast.Constant(True, None)], gast.Load()
        )
        super().__init__(whole, gast.Constant(1, None), gast.Load())
        self.name, self.captured = name, captured

    def as_statement(self) -> gast.stmt:
        target = gast.Name(self.name, gast.Store(), None, None)
        return gast.copy_location(gast.Assign([target], self.captured, None), self)


class Captured(gast.NodeTransformer):  # type: ignore[misc]
    """A guard in which what was captured stands for its names, which are bound after it."""

    def __init__(self, captured: dict[str, gast.AST]) -> None:
        self.captured = captured

    def visit_Name(self, node: gast.Name) -> gast.AST:
        return self.captured.get(node.id, node)


class MatchLowering(_Base):
    def expr_Bound(self, node: Bound) -> Binding:
        return node.binding

    def expr_Capture(self, node: Capture) -> Binding:
        return self.expr_Subscript(node)  # type: ignore[no-any-return]

    def stmt_Match(self, node: gast.Match, rest: list[gast.stmt]) -> bool | None:
        subject = self.boxed(self.expression(node.subject), "subject")
        chain: list[gast.stmt] = []
        for case in reversed(node.cases):
            found = self.pattern(case.pattern, Bound(subject))
            tests = [t for t in found if not isinstance(t, Capture)]
            body = [t.as_statement() for t in found if isinstance(t, Capture)] + case.body
            if case.guard is not None:
                captured = {t.name: t.captured for t in found if isinstance(t, Capture)}
                tests.append(Captured(captured).visit(copy.deepcopy(case.guard)))
            chain = [_at(gast.If(_all_of(tests), body, chain), case.pattern)]
        outcome: bool | None = self.stmt_If(chain[0], rest)
        return outcome

    def pattern(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        """Conditions that hold if the pattern fits, and its captures, in order."""
        found: list[gast.AST] = getattr(self, f"pattern_{type(node).__name__}")(node, subject)
        for test in found:
            _at(test, node)
        return found

    def pattern_MatchValue(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        return [gast.Compare(subject, [gast.Eq()], [node.value])]

    def pattern_MatchSingleton(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        return [gast.Compare(subject, [gast.Is()], [gast.Constant(node.value, None)])]

    def pattern_MatchAs(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        tests = [] if node.pattern is None else self.pattern(node.pattern, subject)
        return tests if node.name is None else [*tests, Capture(node.name, subject)]

    def pattern_MatchOr(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        options = [_all_of(self.pattern(p, subject)) for p in node.patterns]
        return [gast.BoolOp(gast.Or(), options)]

    def pattern_MatchSequence(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        n = len(node.patterns)
        stars = [i for i, p in enumerate(node.patterns) if isinstance(p, gast.MatchStar)]
        length = _call(len, subject)
        wanted = gast.Constant(n - len(stars), None)
        relation = gast.GtE() if stars else gast.Eq()
        kinds = Bound(Known((tuple, list)))
        tests = [_call(isinstance, subject, kinds), gast.Compare(length, [relation], [wanted])]
        for i, part in enumerate(node.patterns):
            behind = n - i
            at: gast.AST = gast.Constant(-behind if stars and i > stars[0] else i, None)
            if not isinstance(part, gast.MatchStar):
                tests += self.pattern(part, gast.Subscript(subject, at, gast.Load()))
            elif part.name is not None:
                end = gast.Constant(1 - behind, None) if behind > 1 else None
                rest = gast.Subscript(subject, gast.Slice(at, end, None), gast.Load())
                tests.append(Capture(part.name, _call(list, rest)))
        return tests

    def pattern_MatchMapping(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        tests: list[gast.AST] = [_call(isinstance, subject, Bound(Known(dict)))]
        for key, part in zip(node.keys, node.patterns):
            tests.append(gast.Compare(key, [gast.In()], [subject]))
            tests += self.pattern(part, gast.Subscript(subject, key, gast.Load()))
        if node.rest is not None:
            taken = gast.Tuple(list(node.keys), gast.Load())
            tests.append(Capture(node.rest, _call(other_items, subject, taken)))
        return tests

    def pattern_MatchClass(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        cls = self.expression(node.cls)
        kind = cls.value if isinstance(cls, Known) else None
        if not isinstance(kind, type):
            raise self.unsupported(
                node, "the class of this pattern is not known while compiling",
                "so it cannot be tested", "name a class",
            )  # fmt: skip
        tests: list[gast.AST] = [_call(isinstance, subject, Bound(cls))]
        if kind in _SELF_CAPTURING and node.patterns:
            return tests + self.pattern(node.patterns[0], subject)
        names = [*getattr(kind, "__match_args__", ())[: len(node.patterns)], *node.kwd_attrs]
        parts = [*node.patterns, *node.kwd_patterns]
        if len(names) < len(parts):
            raise self.python_raises(
                TypeError(), node,
                f"`{kind.__name__}` has no {len(node.patterns)} positional parts to match",
                "Python raises TypeError here", "match by keyword",
            )  # fmt: skip
        for name, part in zip(names, parts):
            tests += self.pattern(part, gast.Attribute(subject, name, gast.Load()))
        return tests


def other_items(mapping: dict[Any, Any], taken: tuple[Any, ...]) -> dict[Any, Any]:
    """What `**rest` captures."""
    return {key: value for key, value in mapping.items() if key not in taken}


def _all_of(tests: list[gast.AST]) -> gast.AST:
    if not tests:
        return gast.Constant(True, None)
    return tests[0] if len(tests) == 1 else gast.BoolOp(gast.And(), tests)


def _call(fn: Any, *args: gast.AST) -> gast.AST:
    return gast.Call(Bound(Known(fn)), list(args), [])


def _at(node: gast.AST, place: gast.AST) -> gast.AST:
    """The node, and all in it that has no place yet, at the place of another."""
    for inner in gast.walk(node):
        if not hasattr(inner, "lineno") and hasattr(place, "lineno"):
            gast.copy_location(inner, place)
    return node


