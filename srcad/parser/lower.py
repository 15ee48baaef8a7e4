"""The parser's driver: a live function and the types of its arguments -> an IR function.

What holds afterwards: the function is pure SSA, everything decidable was decided, and
`Lowered.assumptions` lists what was assumed of the function's surroundings.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gast

from srcad.errors import TypeInferenceError, UnsupportedSyntaxError
from srcad.ir.abstract import (
    BOOL,
    INT,
    SLICE,
    Type,
)
from srcad.ir.build import Builder
from srcad.ir.check import check
from srcad.ir.values import Const, Function, Loc, Op, Operand, Region, Value
from srcad.parser.assignment import AssignmentLowering
from srcad.parser.bindings import (
    Binding,
    Cell,
    describe,
)
from srcad.parser.calls.arguments import ArgumentLowering
from srcad.parser.calls.call import CallLowering
from srcad.parser.calls.callees import CalleeLowering
from srcad.parser.calls.custom import CustomLowering
from srcad.parser.calls.decorators import DecoratorLowering
from srcad.parser.calls.derived import NestedLowering
from srcad.parser.calls.lifting import LiftingLowering
from srcad.parser.calls.measures import MeasureLowering, Precision
from srcad.parser.calls.methods import MethodLowering
from srcad.parser.calls.passing import PassingLowering
from srcad.parser.containers.collected import CollectedLowering
from srcad.parser.containers.run_lists import RunListLowering
from srcad.parser.containers.tables import TableLowering
from srcad.parser.control.branches import BranchLowering
from srcad.parser.control.comprehensions import ComprehensionLowering
from srcad.parser.control.conditions import ConditionLowering
from srcad.parser.control.contexts import ContextLowering
from srcad.parser.control.loops import LoopLowering
from srcad.parser.control.managers import ManagerLowering
from srcad.parser.control.matching import MatchLowering
from srcad.parser.control.raised import RaisedLowering
from srcad.parser.control.trying import Scope, TryLowering
from srcad.parser.control.while_loops import WhileLowering
from srcad.parser.effects import EffectLowering
from srcad.parser.expressions import ExpressionLowering
from srcad.parser.frames import (
    Assumptions,
    Diverges,
    Frame,
    StaticRequired,
    body_of,
    make_frame,
)
from srcad.parser.importing import ImportLowering
from srcad.parser.iterables.generators import GeneratorLowering
from srcad.parser.iterables.iteration import IterationLowering
from srcad.parser.iterables.stepping import SteppingLowering
from srcad.parser.lookup import NameLowering
from srcad.parser.memory.caches import CacheFilled, CacheLowering, filled_by
from srcad.parser.memory.choices import ChoiceLowering
from srcad.parser.memory.disjoint import checks
from srcad.parser.memory.global_names import GlobalLowering, GlobalWritten, Place
from srcad.parser.memory.meeting import MeetingLowering
from srcad.parser.memory.optional import OptionalLowering
from srcad.parser.memory.outputs import OutputLowering
from srcad.parser.memory.parts import PartLowering
from srcad.parser.memory.storage import ChangedInLoop, StorageLowering
from srcad.parser.objects.access import AccessLowering
from srcad.parser.objects.attributes import AttributeLowering
from srcad.parser.objects.instances import ObjectLowering
from srcad.parser.objects.local_classes import LocalClassLowering
from srcad.parser.objects.operators import OperatorLowering
from srcad.parser.source import FunctionSource, read_source
from srcad.parser.statements import StatementLowering


@dataclass
class Context:
    """What belongs to one IR function under construction."""

    prologue: list[Op] = field(default_factory=list)
    globals_read: dict[Any, Value] = field(default_factory=dict)


@dataclass
class Lowered:
    """The outcome of lowering.

    Attributes
    ----------
    assumptions
        What was assumed of globals, cells, modules, builtins, defaults (see `frames.Assumption`).
    argument_assumptions
        (parameter, path, what, expected): what was assumed of the attributes of object arguments.
    static_params
        Parameters whose values were needed while compiling.
    """

    function: Function
    source: FunctionSource
    assumptions: Assumptions
    argument_assumptions: list[tuple[str, tuple[Any, ...], str, Any]]
    static_params: set[str]
    local_names: set[str]


class Lowerer(
    StatementLowering, AssignmentLowering, BranchLowering, LoopLowering, WhileLowering,
    IterationLowering, ArgumentLowering, ExpressionLowering, ConditionLowering, NameLowering,
    AccessLowering, StorageLowering, MeetingLowering,
    MethodLowering, ObjectLowering, OperatorLowering, TryLowering, ContextLowering,
    MatchLowering, ImportLowering, CallLowering, OutputLowering, CalleeLowering, PassingLowering,
    CustomLowering, MeasureLowering, ComprehensionLowering, NestedLowering, EffectLowering,
    GlobalLowering, GeneratorLowering, SteppingLowering, ManagerLowering,
    OptionalLowering, LiftingLowering, ChoiceLowering, AttributeLowering, DecoratorLowering,
    LocalClassLowering,
    RaisedLowering, RunListLowering, TableLowering, CollectedLowering, PartLowering, CacheLowering,
):  # fmt: skip
    """State of one lowering; the methods live in the mixins, by kind of syntax."""

    def __init__(
        self,
        static_outside: frozenset[tuple[Any, ...]] = frozenset(),
        wanted_paths: frozenset[tuple[Any, ...]] = frozenset(),
        stored_paths: frozenset[tuple[Any, ...]] = frozenset(),
        precision: Precision = Precision.TYPES,
    ) -> None:
        self.builder = Builder()
        self.precision = precision
        self.sizes: dict[Value, tuple[int, ...] | None] = {}
        self.taken = 0  # turns of unrolled loops, so far
        self.builder.seen = self.note_sharing
        self.separate_values: set[Operand] = set()  # lists of new lists
        self.writes_parts = False  # elements of an argument are written
        self.to_empty: list[dict[Any, Any]] = []
        self.caches: dict[int, tuple[dict[Any, Any], Cell]] = {}
        self.slice_parts: dict[Value, list[Binding]] = {}  # of slices with run-time bounds
        self.wanted_paths = wanted_paths
        self.stored_paths = stored_paths
        self.attribute_owners: dict[Cell, Any] = {}  # of what `vars` gives
        self.argument_cells: dict[tuple[Any, ...], Cell] = {}  # of objects that the caller holds
        self.static_outside = static_outside  # globals and cells whose values are needed
        self.assumptions = Assumptions()
        self.argument_assumptions: list[tuple[str, tuple[Any, ...], str, Any]] = []
        self.context = Context()
        self.frame: Frame = None  # type: ignore[assignment]
        self.root_frame: Frame = None  # type: ignore[assignment]
        # parameter values and their leaves -> the root's parameters that they are computed from
        self.param_origins: dict[Value, set[str]] = {}
        self.pending: dict[Any, Any] = {}
        self.done: dict[Any, Any] = {}
        self.within_primal = False  # of a function with a derivative of its own
        self.preparing: list[Any] = []
        self.deferred: list[Any] = []
        self.customs: dict[Any, Any] = {}  # functions with a derivative of their own
        self.unsettled: set[Any] = set()  # callees whose result was guessed when it was used
        self.guessed: set[Any] = set()  # those of them that were used in the present callee
        self.opaque_values: set[Value] = set()  # what opaque calls gave
        self.local_names: set[str] = set()
        # memory: values of others', new arrays in C order, possible views, views made so far
        self.external: dict[Value, str] = {}
        self.contiguous: set[Value] = set()
        self.may_view: dict[Value, tuple[Cell, ...]] = {}
        self.projected: dict[Any, tuple[Value, list[Op]]] = {}
        self.shared_at: dict[frozenset[Cell], Loc | None] = {}  # where one was made of the other
        self.argument_memory: dict[Cell, Value] = {}
        self.written_arguments: set[Cell] = set()
        self.numbers = itertools.count(1)  # of names that the user does not see
        # of functions with a cache: what they read of the frames around at their first call
        self.cached_reads: dict[Any, dict[str, Binding]] = {}
        self.carried_state: dict[Any, list[Cell]] = {}  # what recursive functions change
        self.in_turns = False  # whether this is within an unrolled loop
        # globals that the function sets: where they are kept, and what they were at first
        self.global_cells: dict[Place, tuple[Cell, Binding]] = {}
        self.namespaces_set: dict[Place, dict[str, Any]] = {}
        self.holders_set: list[Any] = []  # objects outside of which attributes are set
        self.kept_imports: set[tuple[int, str, int]] = set()  # namespace, name, what is imported
        self.opaque_stores: dict[Place, str] = {}  # globals that opaque calls set, and these
        self.touched: dict[int, dict[tuple[Place, bool], None]] = {}
        # What loops around lead to, and where those stand that run over it.
        self.iterated: dict[Cell, tuple[Loc, ...]] = {}
        self.live: set[Loc] = set()  # loops over lists of which they change elements
        self.live_loops: set[tuple[Cell, Loc]] = set()
        self.dict_views: dict[int, tuple[Any, Binding, str]] = {}
        # `try`: the handlers around, the statement at hand, errors being handled, labels used
        self.catchers: list[Any] = []
        self.scope: Scope | None = None
        self.handling: list[Any] = []
        self.labels = 0
        # what has no value on some path: (condition, whether that is the path where it holds)
        self.unset: dict[Any, tuple[Value, bool] | None] = {}
        self.unlikely = 0  # branches around for loops that do not run
        self.begun: dict[Cell, Any] = {}
        self.single_turns = 6  # of loops whose generators stand elsewhere in each turn
        self.openings = 0  # generators around that stand in the place of a loop
        self.quiet = 0  # blocks around in which filters of warnings are of no account

    # ------------------------------------------------------------------ places and errors
    def loc(self, node: gast.AST) -> Loc:
        if not hasattr(node, "lineno"):
            return self.builder.loc  # type: ignore[return-value]
        return self.frame.source.loc(node)

    def unsupported(
        self, node: gast.AST, what: str, reason: str, advice: str
    ) -> UnsupportedSyntaxError:
        return UnsupportedSyntaxError(what, reason=reason, advice=advice, loc=self.loc(node))

    def require_static(self, value: Value, node: gast.AST, what: str) -> None:
        """Ask for the value of the parameter that `value` comes from; an error if none does."""
        params, read = self.made_of(value)
        if params or read - self.static_outside:
            raise StaticRequired(params, read)
        raise TypeInferenceError(
            f"{what} must be known while compiling",
            reason=f"here it is {describe(value)}, computed at run time",
            advice="use a constant, or an argument that is passed as a plain Python value",
            loc=self.loc(node),
        )

    def counts(self, value: Value) -> bool:
        """Whether a value is computed from integer arguments only: it may be asked for.

        So may a slice by integers outside of the function.
        """
        integers = {
            name for v, names in self.param_origins.items() for name in names
            if v.type in (INT, BOOL)
        }  # fmt: skip
        params, read = self.made_of(value)
        if value.type == SLICE:
            return bool(params or read - self.static_outside) and params <= integers
        return bool(params) and not read and params <= integers

    def origins(self, value: Operand) -> set[str]:
        """Parameters of the root function that a value is computed from, if only from those."""
        params, read = self.made_of(value)
        return set() if read else params

    def made_of(self, value: Operand) -> tuple[set[str], set[tuple[Any, ...]]]:
        """Parameters of the root function, and what is read outside of it, that a value is
        computed from; nothing if it is computed from more."""
        outside = {v: k for k, v in self.context.globals_read.items()}
        read: set[tuple[Any, ...]] = set()
        defining = self.builder.defining
        found: set[str] = set()
        todo: list[Operand] = [value]
        seen: set[Operand] = set()
        while todo:
            v = todo.pop()
            if isinstance(v, Const) or v in seen:
                continue
            seen.add(v)
            if v in self.param_origins:
                if not self.param_origins[v]:
                    return set(), set()
                found |= self.param_origins[v]
            elif v in outside:
                read.add(outside[v])
            elif v in defining and not (defining[v].regions or defining[v].kind.effect):
                todo.extend(defining[v].operands)
            else:
                return set(), set()
        return found, read


def lower(
    function: types.FunctionType,
    types_of: Mapping[str, Type],
    statics: Mapping[str, Any],
    examples: Mapping[str, Any] | None = None,
    source: FunctionSource | None = None,
    static_outside: frozenset[tuple[Any, ...]] = frozenset(),
    paths: frozenset[tuple[Any, ...]] = frozenset(),
    stored_paths: frozenset[tuple[Any, ...]] = frozenset(),
    precision: Precision = Precision.TYPES,
    caches: list[dict[Any, Any]] | None = None,
) -> Lowered:
    """Lower `function` for these argument types.

    Parameters
    ----------
    types_of
        Abstract type per parameter name; parameters that are missing take their default.
    statics
        Values of the parameters that are known while compiling (strings, None, functions ...).
    examples
        For object parameters (`self`), the object that is passed.
    static_outside
        Globals and cells (as `StaticRequired.outside` names them) to take by value.
    paths
        The paths that are differentiated: attributes of objects that are on them are inputs.
    stored_paths
        Attributes of object arguments that the function stores to: they are read at its start.
    precision
        Whether to lower for types alone, or for sizes too.
    caches
        What `filled_by` gives, where it is at hand.

    Raises
    ------
    SrcadError
        With the place of what cannot be differentiated.
    StaticRequired
        If the value of a parameter is needed while compiling.
    """
    source = source or read_source(function)
    written: list[tuple[Any, str]] = []
    live: set[Loc] = set()
    caches = filled_by(function) if caches is None else caches
    while True:
        lowerer = Lowerer(static_outside, paths, stored_paths, precision)
        try:
            lowerer.to_empty, lowerer.live = caches, live
            return _lower(lowerer, function, types_of, statics, examples or {}, source, written)
        except GlobalWritten as found:
            written.append((found.holder, found.name))
        except CacheFilled as filled:
            caches.append(filled.table)
        except ChangedInLoop as changed:
            live.add(changed.loc)


def _lower(
    lowerer: Lowerer,
    function: types.FunctionType,
    types_of: Mapping[str, Type],
    statics: Mapping[str, Any],
    examples: Mapping[str, Any],
    source: FunctionSource,
    written: list[tuple[Any, str]],
) -> Lowered:
    """As `lower`, with these globals followed."""
    frame = make_frame(source, source.node, function, None, function.__globals__, source.name)
    lowerer.frame = lowerer.root_frame = frame
    lowerer.local_names = set(frame.locals)
    lowerer.follow_caches(lowerer.to_empty)
    params, inputs = lowerer.parameters(function, types_of, statics, examples)
    start = len(lowerer.builder.block)
    lowerer.follow_globals(written)
    result = _body(lowerer, source.node)
    lowerer.check_restored(source.node)
    tree, yields = lowerer.result_tree(result)
    ops = lowerer.builder.block
    guards = checks(
        lowerer.argument_memory,
        lowerer.written_arguments - set(lowerer.argument_cells.values()),  # objects hold no array
        Region((), ops, tuple(yields)),
        lowerer.writes_parts,
    )
    body = Region(
        tuple(p.value for p in params),
        [*lowerer.context.prologue, *ops[:start], *guards, *ops[start:]],
        tuple(yields),
    )
    name = source.name if source.name.isidentifier() else "f"
    ir = Function(name, tuple(params), body, tree, inputs, loc=source.loc(source.node))
    check(ir, "lowering")
    return Lowered(
        ir, source, lowerer.assumptions, lowerer.argument_assumptions, set(statics),
        lowerer.local_names,
    )  # fmt: skip


def _body(lowerer: Lowerer, node: gast.FunctionDef | gast.Lambda) -> Binding:
    """Lower the body; the binding that the function returns."""
    lowerer.fill_boxes(lowerer.frame, lowerer.frame.vars)
    try:
        finished = lowerer.block(body_of(node))
    except Diverges:
        finished = True
        lowerer.dead()
    return lowerer.certain(lowerer.returned(finished, node), node)
