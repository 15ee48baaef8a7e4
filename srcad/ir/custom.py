"""The derivative rule that the author of a function gave, lowered for one kind of call.

It hangs on the IR function of the call (`Function.custom`); the differentiator uses it in place of
the function's body.
"""

from __future__ import annotations

from dataclasses import dataclass

from srcad.ir.values import Function


@dataclass(eq=False)
class CustomRule:
    """A rule, as IR functions.

    Attributes
    ----------
    linear
        The rule as a function that is linear in its last parameters. For a vjp it takes the
        residuals, then a cotangent per result that has one (`seeded`), and returns the cotangents
        of the inputs that have one (`moving`). For a jvp it takes the inputs, then a tangent per
        input that has one (`moving`), and returns the results, then their tangents (`seeded`).
    forward
        For a vjp: the inputs -> the results, then the residuals.
    name, place
        Of the function, and where its rule is written, for messages.
    """

    linear: Function
    forward: Function | None
    moving: tuple[bool, ...]
    seeded: tuple[bool, ...]
    name: str
    place: str
