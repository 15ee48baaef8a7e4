"""Makes a failing program smaller while the failure persists."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Callable, Iterator

_BODIES = ("body", "orelse", "finalbody")


def shrink(text: str, fails: Callable[[str], bool]) -> str:
    """Return a program, no longer than `text`, for which `fails` still holds.

    Statements are left out, bodies take the place of their statement, and operands that of their
    expression, until nothing of this keeps the failure.
    """
    place, before = 0, ""
    while text != before or place:
        if not place:
            before = text
        for candidate in itertools.islice(_candidates(ast.parse(text)), place, None):
            if len(candidate) < len(text) and fails(candidate):
                text = candidate
                break
            place += 1
        else:
            place = 0
    return text


def _candidates(tree: ast.Module) -> Iterator[str]:
    yield from _changed(tree, _without_statements)
    yield from _changed(tree, _smaller_expressions)


def _changed(tree: ast.Module, change: Callable[[ast.AST], Iterator[None]]) -> Iterator[str]:
    """Yield the text for each change of each node; a change is undone when it is resumed."""
    for node in list(ast.walk(tree)):
        for _ in change(node):
            try:
                text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree))) + "\n"
                compile(text, "<candidate>", "exec")
            except (SyntaxError, ValueError):
                continue
            yield text


def _without_statements(node: ast.AST) -> Iterator[None]:
    for field in _BODIES:
        body = getattr(node, field, None)
        if not isinstance(body, list):
            continue
        for place in range(len(body)):
            statement = body[place]
            inner = [s for name in _BODIES for s in _list(statement, name)]
            for replacement in ([], inner) if not _is_function(statement) else ([],):
                new = body[:place] + replacement + body[place + 1 :]
                if replacement or not inner or len(inner) >= 1:
                    setattr(node, field, new or ([ast.Pass()] if field == "body" else []))
                    yield
                    setattr(node, field, body)


def _smaller_expressions(node: ast.AST) -> Iterator[None]:
    for field, value in ast.iter_fields(node):
        entries = value if isinstance(value, list) else [value]
        for place, entry in enumerate(entries):
            if not isinstance(entry, ast.expr) or isinstance(entry, (ast.Name, ast.Constant)):
                continue
            for replacement in _operands(entry):
                if isinstance(value, list):
                    value[place] = replacement
                    yield
                    value[place] = entry
                else:
                    setattr(node, field, replacement)
                    yield
                    setattr(node, field, value)


def _operands(entry: ast.expr) -> list[ast.expr]:
    operands = [child for child in ast.iter_child_nodes(entry) if isinstance(child, ast.expr)]
    return [*operands, ast.Constant(0.5)]


def _list(node: ast.AST, field: str) -> list[ast.stmt]:
    value = getattr(node, field, [])
    return value if isinstance(value, list) else []


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.ClassDef))
