"""Which names of a function may be read after a statement, before they are bound again.

What holds afterwards: per statement, a set that holds every such name, and perhaps more. A name
that is not in it cannot tell whether the object that it refers to was changed by the statement.
"""

from __future__ import annotations

from collections.abc import Iterable

import gast

from srcad.parser.frames import blocks_of

_SCOPES = (gast.FunctionDef, gast.AsyncFunctionDef, gast.Lambda, gast.ClassDef, gast.GeneratorExp)
_SIMPLE = (
    gast.Assign, gast.AugAssign, gast.AnnAssign, gast.Expr, gast.Assert, gast.Pass, gast.Return,
)  # fmt: skip
Names = frozenset[str]
_NONE: Names = frozenset()


class LiveNames:
    """The live names after each statement of one function body.

    Attributes
    ----------
    always
        Names that functions defined inside read, whenever they are called.
    """

    def __init__(self, body: list[gast.stmt]) -> None:
        self.always: Names = frozenset().union(*(_names_of_scopes(node) for node in body))
        self._after: dict[int, Names] = {}
        self._read: dict[int, Names] = {}  # of each part: a loop is looked at more than once
        self._block(body, _NONE, _Exits())

    def at(self, node: gast.AST | None) -> Names | None:
        """Names read in a simple statement or after it; None if nothing is known."""
        after = self._after.get(id(node))
        if after is None or not isinstance(node, _SIMPLE):
            return None
        return after | self._reads(node) | self.always

    def after(self, node: gast.AST | None) -> Names | None:
        """Names read after a statement; None if nothing is known."""
        after = self._after.get(id(node))
        return None if after is None else after | self.always

    def _reads(self, node: gast.AST | None) -> Names:
        """Names that are read in a node, and those that it changes in place."""
        if node is None:
            return _NONE
        if id(node) not in self._read:
            read = {
                n.id for n in gast.walk(node) if isinstance(n, gast.Name) and not _is_store(n)
            }
            if isinstance(node, gast.AugAssign) and isinstance(node.target, gast.Name):
                read.add(node.target.id)
            self._read[id(node)] = frozenset(read)
        return self._read[id(node)]

    def _block(self, statements: list[gast.stmt], after: Names, exits: _Exits) -> Names:
        for node in reversed(statements):
            after = after | exits.caught
            self._after[id(node)] = after
            after = self._before(node, after, exits) | exits.caught
        return after

    def _before(self, node: gast.AST, after: Names, exits: _Exits) -> Names:
        """Names that are live before a statement."""
        if isinstance(node, gast.Assign):
            return (after - _bound(node.targets)) | self._reads(node)
        if isinstance(node, (gast.Return, gast.Raise)):
            return self._reads(node)
        if isinstance(node, gast.Break):
            return exits.broken
        if isinstance(node, gast.Continue):
            return exits.continued
        if isinstance(node, gast.If):
            sides = [self._block(side, after, exits) for side in (node.body, node.orelse)]
            return self._reads(node.test) | sides[0] | sides[1]
        if isinstance(node, (gast.For, gast.While)):
            return self._loop(node, after, exits)
        if isinstance(node, gast.Try):
            return self._try(node, after, exits)
        inner = [self._block(block, after, exits) for block in blocks_of(node) if block]
        return after.union(self._reads(node), *inner)

    def _loop(self, node: gast.For | gast.While, after: Names, exits: _Exits) -> Names:
        ended = self._block(node.orelse, after, exits)
        is_for = isinstance(node, gast.For)
        bound = _bound([node.target]) if is_for else _NONE
        read = self._reads(node.target) if is_for else self._reads(node.test)
        header = ended | read
        while True:
            inner = _Exits(after, header, exits.caught)
            found = header | (self._block(node.body, header, inner) - bound)
            if found == header:
                return header | self._reads(node.iter) if is_for else header
            header = found

    def _try(self, node: gast.Try, after: Names, exits: _Exits) -> Names:
        final = self._block(node.finalbody, after, exits)
        in_handlers = exits.within(final)
        handled = [
            self._block(handler.body, final, in_handlers) | self._reads(handler)
            for handler in node.handlers
        ]
        caught = final.union(*handled)
        ended = self._block(node.orelse, final, in_handlers)
        return self._block(node.body, ended, exits.within(caught)) | caught


class _Exits:
    """Names that are live where a block is left to: by `break`, `continue`, or an error."""

    def __init__(
        self, broken: Names = _NONE, continued: Names = _NONE, caught: Names = _NONE
    ) -> None:
        self.broken, self.continued, self.caught = broken, continued, caught

    def within(self, caught: Names) -> _Exits:
        return _Exits(self.broken, self.continued, self.caught | caught)


def _bound(targets: Iterable[gast.AST]) -> Names:
    """Names that an assignment to these targets binds."""
    found: set[str] = set()
    for target in targets:
        if isinstance(target, gast.Name):
            found.add(target.id)
        elif isinstance(target, (gast.Tuple, gast.List)):
            found |= _bound(target.elts)
        elif isinstance(target, gast.Starred):
            found |= _bound([target.value])
    return frozenset(found)


def _is_store(node: gast.Name) -> bool:
    return isinstance(node.ctx, gast.Store)


def _names_of_scopes(node: gast.AST) -> Names:
    """Names in functions that a statement defines, and those of `global` and `nonlocal`."""
    found: set[str] = set()
    for inner in gast.walk(node):
        if isinstance(inner, _SCOPES):
            found |= {n.id for n in gast.walk(inner) if isinstance(n, gast.Name)}
        elif isinstance(inner, (gast.Global, gast.Nonlocal)):
            found |= set(inner.names)
    return frozenset(found)
