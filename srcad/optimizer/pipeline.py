"""The order of the passes, and the loop that runs them until nothing changes.

What holds afterwards: the function and all that it calls compute the same results, bit for bit;
no pass would change them again.

    >>> import operator
    >>> from srcad.ir.abstract import FLOAT
    >>> from srcad.ir.build import Builder
    >>> from srcad.ir.values import Param, Region, Value
    >>> from srcad.rules.symbols import apply
    >>> x, b = Value(FLOAT, "x"), Builder()
    >>> unused, again = apply(b, operator.neg, [x]), apply(b, operator.mul, [x, 1])
    >>> squares = [apply(b, operator.mul, [v, x]) for v in (x, again)]
    >>> y = apply(b, operator.add, squares)
    >>> print(optimize(Function("f", (Param(x, "x"),), Region((x,), b.block, (y,)), 0)))
    func f(%x: float) -> 0 {
      %t: float = operator.mul(%x, %x)
      %t_1: float = operator.add(%t, %t)
      yield %t_1
    }
"""

from __future__ import annotations

import os
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from srcad.errors import InternalError
from srcad.ir.check import check
from srcad.ir.text import callees, function_text
from srcad.ir.values import Function, Op, Value, walk
from srcad.optimizer.cse import cse
from srcad.optimizer.dce import dce
from srcad.optimizer.facts import loose_values
from srcad.optimizer.hoist import hoist
from srcad.optimizer.simplify import simplify


@dataclass(frozen=True)
class Pass:
    """One pass, and why it stands where it does.

    `run` returns the function that it is given where there is nothing to do.
    """

    name: str
    run: Callable[[Function, Settings], Function]
    place: str


@dataclass(frozen=True)
class Settings:
    """What passes are told besides the function.

    Attributes
    ----------
    keep_inputs
        See `optimize`.
    loose_at_calls
        See `simplify`; None for a function that calls no other.
    judged
        What `simplify` found of single operations in the rounds before.
    """

    keep_inputs: bool = True
    loose_at_calls: Set[Value] | None = None
    judged: dict[Op, bool] = field(default_factory=dict)


# They run in this order, until a round of them changes nothing.
PASSES = (
    Pass(
        "simplify", lambda f, settings: simplify(f, settings.loose_at_calls, settings.judged),
        "first, because operations that were written differently become equal by it",
    ),
    Pass(
        "cse", lambda f, settings: cse(f),
        "before dce, because it leaves operations without a reader",
    ),
    Pass(
        "dce", lambda f, settings: dce(f, settings.keep_inputs),
        "after both; what is read only once now, because a reader has gone, is for the next round",
    ),
    Pass(
        "hoist", lambda f, settings: hoist(f),
        "last, because only what is needed is worth moving; outside of the loop it may meet its "
        "equal, which is for the next round",
    ),
)  # fmt: skip
MAX_ROUNDS = 10


def optimize(function: Function, level: str = "full", keep_inputs: bool = True) -> Function:
    """The function and all that it calls, optimised.

    Parameters
    ----------
    level
        "full", or "none" to leave the function as it is.
    keep_inputs
        Whether parts taken out of container parameters stay although nothing reads them, so that
        the function can be differentiated in them.

    Notes
    -----
    The functions that are called get new bodies in place, so that all who call them see the same
    function. So does `function` itself, and only then, if it is among them.

    Raises
    ------
    InternalError
        If the passes undo each other's work without end, or one of them breaks the IR.
    """
    if level == "none":
        return function
    if level != "full":
        raise ValueError(f"no such level of optimisation: {level!r}")
    called = callees(function)
    loose = loose_values(function) if called else None
    for callee in called:
        callee.body = _optimized(callee, Settings(True, loose)).body
    optimized = _optimized(function, Settings(keep_inputs, loose))
    if _is_tested():
        check(optimized, "optimisation")
    if any(op.attrs.get("callee") is function for f in (*called, function) for op in walk(f.body)):
        function.body = optimized.body
        return function
    return optimized


def _optimized(function: Function, settings: Settings) -> Function:
    idle = 0  # how many passes in a row have changed nothing
    for step in PASSES * MAX_ROUNDS:
        before = function
        function = step.run(function, settings)
        idle = idle + 1 if function is before else 0
        if idle == len(PASSES):
            return function
        if idle == 0 and _is_tested():
            check(function, step.name, alone=True)
    raise InternalError(
        f"the optimiser does not come to an end in {MAX_ROUNDS} rounds",
        reason=f"two of its passes ({', '.join(step.name for step in PASSES)}) undo each other",
        function=function.name, loc=function.loc, ir=function_text(function),
    )  # fmt: skip


def _is_tested() -> bool:
    return os.environ.get("SRCAD_CHECK") == "1" or "PYTEST_CURRENT_TEST" in os.environ
