"""Where a generator stands that is read step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gast

from srcad.parser.frames import Frame

Level = tuple[tuple[gast.stmt, ...], Any]  # the statements left of a block, and its loop


@dataclass(eq=False)
class Opened:
    """A generator that has begun.

    Attributes
    ----------
    names
        Its own names in the state.
    ended
        The label by which its `return` leaves it.
    stopped
        The name that says whether it is at its end, if only run time knows.
    sent, result
        The names of what its `yield` gives, and of what it has returned.
    places
        The places where it stood so far, each once: two that are equal are one object.
    """

    frame: Frame
    names: set[str]
    ended: str
    stopped: str
    sent: str
    result: str
    places: dict[tuple[Any, ...], Place] = field(default_factory=dict)

    def place(self, levels: tuple[Level, ...]) -> Place:
        key = tuple((tuple(map(id, statements)), id(loop)) for statements, loop in levels)
        return self.places.setdefault(key, Place(self, levels))


@dataclass(eq=False)
class Place:
    """Where a generator stands: what is left of the blocks around, the innermost first."""

    opened: Opened
    levels: tuple[Level, ...]
