"""Iterators of the standard library as generators, for elements that come one after the other.

What holds afterwards: each is the text of a generator over the names of its parts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """The text of a generator, the names of its parts in order, and whether it is always this."""

    text: str
    names: tuple[str, ...] = ("iterable",)
    only: bool = False


TEXTS: dict[str, Form] = {
    "plain": Form(
        """
for e in iterable:
    yield e
""",
        only=True,
    ),
    "enumerate": Form(
        """
for e in iterable:
    yield n, e
    n = n + 1
""",
        ("iterable", "n"),
    ),
    "map": Form(
        """
for e in iterable:
    yield function(e)
""",
        ("function", "iterable"),
    ),
    "starmap": Form(
        """
for e in iterable:
    yield function(*e)
""",
        ("function", "iterable"),
    ),
    "either": Form(
        """
if condition:
    yield from first
else:
    yield from second
""",
        ("condition", "first", "second"),
        only=True,
    ),
    "islice": Form(
        """
n = 0
if start is None:
    start = 0
if step is None:
    step = 1
if stop is None or n < stop:
    for e in iterable:
        if start == 0 and step == 1:
            yield e
        elif n >= start and (n - start) % step == 0:
            yield e
        n = n + 1
        if stop is not None and n >= stop:
            return
""",
        ("iterable", "start", "stop", "step"),
    ),
    "pairwise": Form(
        """
first = nothing
for e in iterable:
    if first is not nothing:
        yield first, e
    first = e
"""
    ),
    "takewhile": Form(
        """
for e in iterable:
    if not function(e):
        return
    yield e
""",
        ("function", "iterable"),
        only=True,
    ),
    "dropwhile": Form(
        """
dropping = True
for e in iterable:
    if dropping and function(e):
        continue
    dropping = False
    yield e
""",
        ("function", "iterable"),
        only=True,
    ),
    "filterfalse": Form(
        """
for e in iterable:
    if not function(e):
        yield e
""",
        ("function", "iterable"),
        only=True,
    ),
    "compress": Form(
        """
for e, kept in zip(iterable, selectors):
    if kept:
        yield e
""",
        ("iterable", "selectors"),
        only=True,
    ),
    "cycle": Form(
        """
items = list(iterable)
while True:
    for e in items:
        yield e
""",
        only=True,
    ),
    "accumulate": Form(
        """
if total is not nothing:
    yield total
for e in iterable:
    if total is nothing:
        total = e
    else:
        total = function(total, e)
    yield total
""",
        ("iterable", "function", "total"),
    ),
    "counting": Form(
        """
while True:
    try:
        e = next(iterable)
    except StopIteration:
        return
    yield e
""",
        only=True,
    ),
    "indexed": Form(
        """
n = 0
while True:
    try:
        e = iterable[n]
    except IndexError:
        return
    yield e
    n = n + 1
""",
        only=True,
    ),
    "sentinel": Form(
        """
while True:
    e = function()
    if e == last:
        return
    yield e
""",
        ("function", "last"),
        only=True,
    ),
}


def zip_text(produced: list[bool], driver: int) -> str:
    """`zip` of parts, some of which come one after the other; the first of these drives it."""
    elements = []
    steps = []
    for i, comes in enumerate(produced):
        if i == driver:
            elements.append("e")
        elif comes:
            elements.append(f"e_{i}")
            steps += [
                "        try:",
                f"            e_{i} = next(part_{i})",
                "        except StopIteration:",
                "            return",
            ]
        else:
            elements.append(f"element_at(part_{i}, n)")
    parts = ", ".join(elements) + ("," if len(elements) == 1 else "")
    return (
        "n = 0\n"
        "if before is None or n < before:\n"
        f"    for e in part_{driver}:\n"
        "        if after is not None and n >= after:\n"
        "            return\n"
        + "".join(line + "\n" for line in steps)
        + f"        yield {parts}\n"
        "        n = n + 1\n"
        "        if before is not None and n >= before:\n"
        "            return\n"
    )


class Nothing:
    """What a name is bound to in these texts that has no value yet."""


def element_at(iteration: object, index: int) -> object:
    """The element of what has an index; a name in the text of `zip`, which the parser lowers."""
    raise NotImplementedError
