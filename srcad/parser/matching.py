"""`match` to tests and bindings: a chain of `if`, whose conditions bind what they capture.
"""

from __future__ import annotations

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


class MatchLowering(_Base):
    def expr_Bound(self, node: Bound) -> Binding:
        return node.binding

    def stmt_Match(self, node: gast.Match, rest: list[gast.stmt]) -> bool | None:
        subject = self.boxed(self.expression(node.subject), "subject")
        chain: list[gast.stmt] = []
        for case in reversed(node.cases):
            tests = self.pattern(case.pattern, Bound(subject))
            if case.guard is not None:
                tests.append(case.guard)
            chain = [_at(gast.If(_all_of(tests), case.body, chain), case.pattern)]
        found: bool | None = self.stmt_If(chain[0], rest)
        return found

    def pattern(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        """Conditions that hold if the pattern fits, in order; captures are bound among them."""
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
        return tests if node.name is None else [*tests, _capture(node.name, subject)]

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
                tests.append(_capture(part.name, _call(list, rest)))
        return tests

    def pattern_MatchMapping(self, node: gast.AST, subject: gast.AST) -> list[gast.AST]:
        tests: list[gast.AST] = [_call(isinstance, subject, Bound(Known(dict)))]
        for key, part in zip(node.keys, node.patterns):
            tests.append(gast.Compare(key, [gast.In()], [subject]))
            tests += self.pattern(part, gast.Subscript(subject, key, gast.Load()))
        if node.rest is not None:
            taken = gast.Tuple(list(node.keys), gast.Load())
            tests.append(_capture(node.rest, _call(other_items, subject, taken)))
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


def _capture(name: str, value: gast.AST) -> gast.AST:
    """A condition that always holds, and binds a name."""
    target = gast.Name(name, gast.Store(), None, None)
    bound = gast.NamedExpr(target, value)
    whole = gast.Tuple([bound, gast.Constant(True, None)], gast.Load())
    return gast.Subscript(whole, gast.Constant(1, None), gast.Load())


def _at(node: gast.AST, place: gast.AST) -> gast.AST:
    """The node, and all in it that has no place yet, at the place of another."""
    for inner in gast.walk(node):
        if not hasattr(inner, "lineno") and hasattr(place, "lineno"):
            gast.copy_location(inner, place)
    return node


