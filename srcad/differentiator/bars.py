"""Cotangents by value, in scopes as the blocks of the reverse sweep have them."""

from __future__ import annotations

from typing import Any

from srcad.ir.values import Value


class Bars:
    """Cotangents by value. A nested scope falls back to its parent and keeps its own changes.

    The cotangent of a tuple value is a dict from element to operand (`Parts`).
    """

    def __init__(self, parent: Bars | None = None) -> None:
        self.own: dict[Value, Any] = {}
        self.parent = parent

    def get(self, v: Value) -> Any:
        if v in self.own:
            return self.own[v]
        return self.parent.get(v) if self.parent is not None else None

    def set(self, v: Value, bar: Any) -> None:
        self.own[v] = bar
