"""Names of a block that is lowered within another function get other names.

What holds afterwards: `name` is `name.7`, which no program can write, wherever it is the name of
the block, and not one that a function or comprehension within it has of its own.
"""

from __future__ import annotations

import copy
from typing import Any

import gast

from srcad.parser.frames import declared, parameter_names, stored_names


class Renamer(gast.NodeTransformer):
    """Gives names other names, where no function of its own binds them."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: gast.Name) -> gast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_Lambda(self, node: gast.Lambda) -> gast.Lambda:
        self.defaults(node.args)
        inner = self.without(set(parameter_names(node.args)))
        node.body = inner.visit(node.body)
        return node

    def visit_FunctionDef(self, node: gast.FunctionDef) -> gast.FunctionDef:
        node.name = self.names.get(node.name, node.name)
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        self.defaults(node.args)
        shared = declared(node.body, gast.Nonlocal)
        own = set(parameter_names(node.args)) | stored_names(node.body)
        outside = declared(node.body, gast.Global)
        inner = self.without((own | outside) - shared)
        node.body = [inner.visit(statement) for statement in node.body]
        return node

    def visit_ClassDef(self, node: gast.ClassDef) -> gast.ClassDef:
        node.name = self.names.get(node.name, node.name)
        for name in ("bases", "keywords", "decorator_list"):
            setattr(node, name, [self.visit(part) for part in getattr(node, name)])
        inner = self.without(stored_names(node.body))
        for statement in node.body:  # methods do not see the names of their class
            if isinstance(statement, gast.FunctionDef):
                own, _ = statement.name, self.visit_FunctionDef(statement)
                statement.name = own
            else:
                inner.visit(statement)
        return node

    def visit_Nonlocal(self, node: gast.Nonlocal) -> gast.Nonlocal:
        node.names = [self.names.get(n, n) for n in node.names]
        return node

    def visit_ExceptHandler(self, node: gast.ExceptHandler) -> gast.AST:
        if isinstance(node.name, str):
            node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)  # type: ignore[no-any-return]

    def visit_MatchAs(self, node: Any) -> gast.AST:
        if node.name is not None:
            node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)  # type: ignore[no-any-return]

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: Any) -> gast.AST:
        if node.rest is not None:
            node.rest = self.names.get(node.rest, node.rest)
        return self.generic_visit(node)  # type: ignore[no-any-return]

    def visit_alias(self, node: gast.alias) -> gast.alias:
        bound = node.asname or node.name
        node.asname = self.names.get(bound, node.asname)
        return node

    def defaults(self, arguments: gast.arguments) -> None:
        """The defaults of a function are read outside of it."""
        arguments.defaults = [self.visit(d) for d in arguments.defaults]
        arguments.kw_defaults = [d and self.visit(d) for d in arguments.kw_defaults]

    def without(self, own: set[str]) -> Renamer:
        return Renamer({n: new for n, new in self.names.items() if n not in own})


def renamed_function(node: gast.FunctionDef, number: int) -> gast.FunctionDef:
    """A copy of a function, whose own names and arguments carry a number."""
    body = node.body
    outside = declared(body, gast.Global) | declared(body, gast.Nonlocal)
    own = (stored_names(body) | set(parameter_names(node.args))) - outside
    made = copy.deepcopy(node)
    renamer = Renamer({name: f"{name}.{number}" for name in own})
    made.body = [renamer.visit(statement) for statement in made.body]
    arguments = made.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for parameter in (*named, arguments.vararg, arguments.kwarg):
        if parameter is not None:
            renamer.visit(parameter)
    return made
