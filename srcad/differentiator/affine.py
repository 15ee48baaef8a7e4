"""Linear inequalities over the integers: whether a system of them certainly has no solution.

An expression is a mapping from variables to integer coefficients; the constant stands under `ONE`.
A system is a list of expressions that are all to be at least zero.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping

Expression = Mapping[Hashable, int]
ONE: Hashable = "one"
LARGEST = 200  # so many inequalities, and elimination gives up


def combined(*terms: tuple[int, Expression]) -> dict[Hashable, int]:
    """The sum of multiples of expressions."""
    total: dict[Hashable, int] = {}
    for factor, expression in terms:
        for variable, coefficient in expression.items():
            total[variable] = total.get(variable, 0) + factor * coefficient
    return {v: c for v, c in total.items() if c}


def constant(value: int) -> dict[Hashable, int]:
    return {ONE: value} if value else {}


def at_most(x: Expression, y: Expression, less: int = 0) -> dict[Hashable, int]:
    """The inequality x <= y - less."""
    return combined((1, y), (-1, x), (-less, {ONE: 1}))


def infeasible(system: Iterable[Expression]) -> bool:
    """Whether no integers satisfy all inequalities; False where that is not known.

    Variables are eliminated one by one (Fourier and Motzkin); what follows is rounded to integers.
    """
    rows: dict[frozenset[tuple[Hashable, int]], int] = {}
    if not _enter(rows, system):
        return True
    while True:
        counts: dict[Hashable, list[int]] = {}
        for terms in rows:
            for variable, coefficient in terms:
                counts.setdefault(variable, [0, 0])[coefficient > 0] += 1
        if not counts:
            return False
        chosen = min(counts, key=lambda v: counts[v][0] * counts[v][1] - sum(counts[v]))
        above: list[Expression] = []
        below: list[Expression] = []
        rest: dict[frozenset[tuple[Hashable, int]], int] = {}
        for terms, least in rows.items():
            row = {**dict(terms), ONE: least}
            if chosen not in row:
                rest[terms] = least
            else:
                (above if row[chosen] < 0 else below).append(row)
        rows = rest
        pairs = (combined((-a[chosen], b), (b[chosen], a)) for a in above for b in below)
        if not _enter(rows, pairs):
            return True
        if len(rows) > LARGEST:
            return False


def _enter(
    rows: dict[frozenset[tuple[Hashable, int]], int], system: Iterable[Expression]
) -> bool:
    """Add inequalities in lowest terms, the strongest of each kind; False for a contradiction."""
    for expression in system:
        terms = {v: c for v, c in expression.items() if v != ONE and c}
        least = expression.get(ONE, 0)
        if not terms:
            if least < 0:
                return False
            continue
        divisor = math.gcd(*terms.values())
        key = frozenset((v, c // divisor) for v, c in terms.items())
        least //= divisor
        rows[key] = min(least, rows.get(key, least))
    return True
