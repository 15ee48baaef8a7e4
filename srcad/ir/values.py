"""The nodes of the IR: values, constants, operations, regions, functions.

A function has one region; a region is parameters, operations and yields; the structured
operations `if`, `for`, `while` hold regions. Every value is defined once, and all values are
immutable: in-place Python is printed by the emitter, never expressed here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

from srcad.errors import Loc
from srcad.ir import abstract
from srcad.ir.abstract import Type

if TYPE_CHECKING:
    from srcad.ir.custom import CustomRule
    from srcad.ir.ops import OpKind

__all__ = [
    "Attribute", "Const", "Function", "Loc", "Op", "Operand", "Param", "Region", "Role", "Value",
    "UNDEFINED", "free_values", "walk",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attribute:
    """A step of a path: the attribute of an object, where other steps are keys of containers."""

    name: str

    def __str__(self) -> str:
        return self.name


class Role(enum.Enum):
    """What a value is for; only names and text depend on it, never semantics."""

    PRIMAL = "primal"
    TANGENT = "tangent"
    ADJOINT = "adjoint"
    TAPE = "tape"


@dataclass(eq=False, slots=True)
class Value:
    """One SSA value; identity is object identity. `name` is a hint, unique only in text."""

    type: Type
    name: str
    role: Role = Role.PRIMAL
    named: bool = False  # the name is the user's own (or one derived from it), not a guess

    def __repr__(self) -> str:
        return f"%{self.name}: {self.type}"


@dataclass(frozen=True, slots=True)
class Const:
    """A constant operand: number, string, None, slice, tuple of these, dtype, Ellipsis."""

    value: Any
    type: Type = field(compare=False)

    @staticmethod
    def of(value: Any) -> Const:
        return Const(value, abstract.type_of_constant(value))

    def __hash__(self) -> int:
        try:
            return hash(self.value)
        except TypeError:  # slices, before Python 3.12
            return hash(repr(self.value))

    def key(self) -> tuple[object, ...]:
        """Equal only for constants that no program can tell apart (1, 1.0, True, -0.0 differ)."""
        return (type(self.value), repr(self.value))


Operand = Union[Value, Const]


class _Undefined:
    """The single object that marks "no value on this path"."""

    def __repr__(self) -> str:
        return "undef"


UNDEFINED = Const(_Undefined(), abstract.UNDEF)


@dataclass(eq=False, slots=True)
class Op:
    """One operation. `attrs` are static; `loc` of an adjoint op is that of its primal line."""

    kind: OpKind
    operands: tuple[Operand, ...]
    attrs: Mapping[str, Any]
    results: tuple[Value, ...]
    regions: tuple[Region, ...] = ()
    loc: Loc | None = None

    @property
    def result(self) -> Value:
        (value,) = self.results
        return value

    @property
    def statics(self) -> dict[str, Any]:
        """The keywords that the function of an `apply` is called with."""
        return {k: v for k, v in self.attrs.items() if k not in ("fn", "joint")}


@dataclass(eq=False, slots=True)
class Region:
    params: tuple[Value, ...]
    ops: list[Op]
    yields: tuple[Operand, ...]


@dataclass(eq=False, slots=True)
class Param:
    """A parameter as Python sees it. `kind` is that of `inspect.Parameter`, by name.

    The elements of a list are joined to one type; `exact` says that each is of that type.
    """

    value: Value
    name: str
    kind: str = "POSITIONAL_OR_KEYWORD"
    default: Const | None = None
    exact: bool = False


@dataclass(eq=False, slots=True)
class Function:
    """A function of the IR.

    Attributes
    ----------
    result
        How the yields of `body` are put together to what Python returns: an int is the index of
        a yield, a tuple/list/dict of such trees that container, a Const itself.
    inputs
        Per parameter, the tree of values that carry its leaves (the parameter itself, or what
        was taken out of a tuple or dict).
    """

    name: str
    params: tuple[Param, ...]
    body: Region
    result: Any
    inputs: Mapping[str, Any] = field(default_factory=dict)
    doc: str = ""
    loc: Loc | None = None
    derivatives: dict[Any, Any] = field(default_factory=dict)  # memo of the differentiator
    derivation: tuple[Function, str, tuple[int, ...]] | None = None  # a body yet to be derived
    custom: CustomRule | None = None  # the derivative that its author gave

    def __str__(self) -> str:
        from srcad.ir.text import function_text

        return function_text(self)


def free_values(region: Region) -> dict[Value, None]:
    """Values that the region reads but does not define, in order of first use."""
    defined: set[Value] = set()
    free: dict[Value, None] = {}

    def visit(r: Region) -> None:
        defined.update(r.params)
        for op in r.ops:
            note(op.operands)
            for inner in op.regions:
                visit(inner)
            defined.update(op.results)
        note(r.yields)

    def note(operands: tuple[Operand, ...]) -> None:
        for operand in operands:
            if isinstance(operand, Value) and operand not in defined:
                free[operand] = None

    visit(region)
    return free


def walk(region: Region) -> Iterator[Op]:
    """All operations of a region and of the regions within, outer before inner."""
    todo = [iter(region.ops)]
    while todo:
        for op in todo[-1]:
            yield op
            if op.regions:
                todo += [iter(inner.ops) for inner in reversed(op.regions)]
                break
        else:
            todo.pop()
