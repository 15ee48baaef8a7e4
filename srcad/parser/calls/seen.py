"""What functions and iterators that are handed over see of where they were made.

What holds afterwards: memory that such a function reads or writes by a name of its surroundings is
known, so that an argument that is the same object stays the same object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import gast

from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
    Choice,
    Closure,
    Derived,
    LazyIterable,
    Partial,
    Ref,
    Struct,
)
from srcad.parser.frames import Frame


def seen_outside(
    bindings: Iterable[Any], memory: Mapping[Any, Any] | None = None
) -> list[Binding]:
    """The bindings of the names that these functions and iterators read where they were made.

    `memory` says what objects and containers hold, which may be functions too.
    """
    found: list[Binding] = []
    done: set[tuple[int, int]] = set()
    looked: set[Cell] = set()
    todo = list(bindings)
    while todo:
        b = todo.pop()
        if isinstance(b, LazyIterable):
            found.append(b)
        if isinstance(b, Ref) and memory is not None and b.cell not in looked:
            looked.add(b.cell)
            todo.append(memory.get(b.cell))
        elif isinstance(b, (Struct, LazyIterable)):
            todo.extend(b.parts)
        elif isinstance(b, Partial):
            todo.extend([b.target, *b.args, *(v for _, v in b.kwargs)])
        elif isinstance(b, BoundMethod):
            todo.append(b.receiver)
        elif isinstance(b, Derived):
            todo.append(b.target)
        elif isinstance(b, Choice):
            todo.extend([b.then, b.orelse])
        node, frame = _code(b)
        if node is None or frame is None or (id(node), id(frame)) in done:
            continue
        done.add((id(node), id(frame)))
        names = {n.id for n in gast.walk(node) if isinstance(n, gast.Name)}
        read = [r for r in (_read(frame, n) for n in sorted(names)) if r is not None]
        found += read
        todo += read
        if isinstance(b, Closure):
            todo += b.defaults
            found += b.defaults
    return found


def _code(binding: Any) -> tuple[gast.AST | None, Frame | None]:
    """The syntax that is lowered when this is called or read, and the frame of its names."""
    if isinstance(binding, Closure):
        return binding.node, binding.frame
    if isinstance(binding, LazyIterable) and binding.kind == "generator":
        return binding.detail, binding.frame
    return None, None


def _read(frame: Frame | None, name: str) -> Binding | None:
    """What a name of a frame, or of those around it, is bound to here."""
    while frame is not None:
        if name in frame.locals:
            if name in frame.boxes:
                box: Any = frame.vars.get(frame.boxes[name])
                return None if box is None else box.parts[0]  # type: ignore[no-any-return]
            return frame.vars.get(name)  # type: ignore[no-any-return]
        frame = frame.outer
    return None
