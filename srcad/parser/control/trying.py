"""`try` to IR: what may raise is asked before, so that a handler is a branch like any other.

What holds afterwards: a block that an error leaves in its middle is left by a flag of the frame
($left1, $left2 ...), one for each handler, which joins like the flags of `return` and `break`.
Before an operation that may raise what a handler catches stands a test whether it does; names and
memory are then as far as they were assigned. So the derivative of a `try` is that of an `if`, of
any order. An error that no handler catches is raised as ever.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gast
import numpy as np

from srcad import runtime
from srcad.errors import TypeInferenceError
from srcad.ir import ops as O
from srcad.ir.abstract import NONE, OBJECT, SLICE, UNKNOWN, Array, Scalar, TableOf, Type, kind_of
from srcad.ir.values import Const, Op, Operand, Value
from srcad.parser.bindings import Binding, Key, Known, Poison, Struct, class_of, same
from srcad.parser.control.flags import DEAD, ERROR, LEFT, TRUE, is_error, is_flag
from srcad.parser.control.raised import followed_error, reads_parts
from srcad.parser.frames import Diverges, Frame, Left, blocks_of, own_nodes
from srcad.parser.memory.stand_ins import is_local
from srcad.rules.symbols import apply as apply_rule
from srcad.rules.symbols import pack

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_DIVISIONS = (operator.truediv, operator.floordiv, operator.mod, divmod)
_POWERS = (operator.pow, pow, math.pow)
_SAFE_MATH = frozenset((
    math.fabs, math.atan, math.atan2, math.copysign, math.degrees, math.radians, math.isnan,
    math.isinf, math.isfinite, math.tanh, math.asinh, math.erf, math.erfc, math.hypot,
))  # fmt: skip
_EXTREMA = frozenset((np.max, np.min, np.argmax, np.argmin, np.ptp))
# Functions of a number that raise ValueError exactly if it compares so with a constant.
_DOMAIN: dict[Any, tuple[Any, float]] = {
    math.log: (operator.le, 0.0), math.log2: (operator.le, 0.0), math.log10: (operator.le, 0.0),
    math.log1p: (operator.le, -1.0), math.sqrt: (operator.lt, 0.0), math.acosh: (operator.lt, 1.0),
}  # fmt: skip


@dataclass(eq=False)
class Handler:
    """One `except` of a `try` that is being lowered; `wants` the error, or only that there is one.

    With `pairs` the error comes as a pair of its class and itself; with `reads` it is looked into.
    """

    classes: tuple[type[BaseException], ...]
    label: str
    wants: bool = False
    pairs: bool = False
    reads: bool = False

    @property
    def error(self) -> str:
        """The pseudo-variable that holds the error."""
        return error_key(self.label)


def error_key(label: str) -> str:
    return ERROR + label[len(LEFT) :]


@dataclass
class Guard:
    """A place of a block before which it may be left; `ops` and `state` are then so."""

    position: int
    condition: Operand
    ops: list[Op]
    state: dict[Key, Binding]


@dataclass(eq=False)
class Scope:
    """The statement, or the side of a conditional expression, that guards stand in."""

    block: list[Op]
    frame: Frame
    guards: list[Guard] = field(default_factory=list)


class TryLowering(_Base):
    frame: Frame
    scope: Scope | None
    projected: dict[Any, tuple[Value, list[Op]]]
    catchers: list[tuple[Handler, ...]]  # of the `try` statements around, the innermost last
    handling: list[tuple[Frame, Handler, Binding]]  # errors that are being handled

    # ------------------------------------------------------------------ statements
    def stmt_Try(self, node: gast.Try, rest: list[gast.stmt]) -> bool | None:
        if node.finalbody:
            body: Callable[[], bool] = functools.partial(self.try_block, node)
            ending = ""
            if _may_exit(node.finalbody):  # which ends every error, too
                ending = self.new_label()
                body = functools.partial(self.catching, (Handler((BaseException,), ending),), body)
            return self.with_final(body, lambda: self.block(node.finalbody), node, rest, ending)
        return self.after_flags(self.try_block(node), rest)

    def try_block(self, node: gast.Try) -> bool:
        """Body, `else` and handlers; True if control never falls out of their end."""
        handlers = []
        for h in node.handlers:
            classes = (BaseException,) if h.type is None else self.error_classes(h.type)
            handlers.append(Handler(classes, self.new_label(), _wants(h), reads=reads_parts(h)))
        finished: bool = self.catching(tuple(handlers), lambda: self.block(node.body))
        if not finished and node.orelse:
            finished = self.continue_block(node.orelse)
        for handler, h in zip(handlers, node.handlers):
            finished = self.handled(
                handler, finished, functools.partial(self.handler_block, h)
            )
        return finished

    def catching(self, handlers: tuple[Handler, ...], body: Callable[[], bool]) -> bool:
        """Lower `body`, where these handlers catch."""
        self.catchers = [*self.catchers, handlers]
        try:
            with self.asking():
                return body()
        finally:
            self.catchers = self.catchers[:-1]

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Look at operations before they are emitted, if errors of theirs are caught here."""
        outer = self.builder.before
        self.builder.before = self.before if self.catchers else None
        try:
            yield
        finally:
            self.builder.before = outer

    @contextmanager
    def never_raising(self) -> Iterator[None]:
        """Emit operations that raise nothing here, whatever a handler around them catches."""
        outer, self.builder.before = self.builder.before, None
        try:
            yield
        finally:
            self.builder.before = outer

    def handled(self, handler: Handler, finished: bool, body: Callable[[], bool]) -> bool:
        """The branch for what the block was left for; whether control falls out of neither."""
        frame = self.frame
        flag = frame.vars.pop(handler.label, None)
        error = frame.vars.pop(handler.error, Known(None))
        if flag is None:
            return finished
        self.handling.append((frame, handler, error))
        try:
            if same(flag, TRUE):  # on all paths that did not end otherwise
                return body()
            before = frame.vars
            with self.builder.nested() as ops:
                frame.vars = dict(before)
                self.clear_flags()
                done = body()
                state = frame.vars
            frame.vars = self.join_branches(
                flag, ops, state, [], dict(before), before, self.builder.loc
            )
            return finished and done
        finally:
            self.handling.pop()

    def handler_block(self, node: gast.ExceptHandler) -> bool:
        if node.name is None:
            return bool(self.block(node.body))
        name = getattr(node.name, "id", node.name)
        self.bind(name, self.handling[-1][2], node)
        finished = bool(self.block(node.body))
        self.frame.vars.pop(name, None)
        return finished

    def with_final(
        self,
        body: Callable[[], bool | None],
        final: Callable[[], bool],
        node: gast.AST,
        rest: list[gast.stmt],
        ending: str = "",
    ) -> bool | None:
        """A block, and what runs after it however it is left (but for errors nobody catches).

        `ending` is the flag of errors that end if what runs after it leaves for elsewhere.
        """
        frame = self.frame
        frame.finals += 1
        finished = bool(body())
        frame.finals -= 1
        if DEAD in frame.vars:
            return True
        kept = {k: b for k, b in frame.vars.items() if is_flag(k) or is_error(k)}
        kept |= {k: b for k, b in frame.vars.items() if k == "$result"}
        for k in kept:
            del frame.vars[k]
        ended = final()
        if self.left_certainly():
            return True  # what the block was left for is forgotten
        if ending in kept or any(is_flag(k) for k in frame.vars):
            raise self.unsupported(
                node, "this `finally` is left before its end on some paths",
                "`return`, `break`, or an error that is caught, inside of it replaces what the "
                "block was left for", "leave after the `try`",
            )  # fmt: skip
        frame.vars.update(kept)
        return self.after_flags(ended or finished, rest)

    def error_classes(self, node: gast.AST) -> tuple[type[BaseException], ...]:
        found = self.settled(self.expression(node))
        parts = [found]
        if isinstance(found, Struct):
            parts = list(found.parts)
        elif isinstance(found, Known) and isinstance(found.value, tuple):
            parts = [Known(v) for v in found.value]
        classes = [p.value for p in parts if isinstance(p, Known)]
        if len(classes) < len(parts) or not all(map(_is_error_class, classes)):
            raise self.unsupported(
                node, "which errors are caught here is not known while compiling",
                "this is no class of errors, and no tuple of such", "name the classes",
            )  # fmt: skip
        return tuple(classes)

    def new_label(self) -> str:
        self.labels += 1
        return f"{LEFT}{self.labels}"

    # ------------------------------------------------------------------ raise
    def stmt_Raise(self, node: gast.Raise, rest: Any) -> bool:
        if node.exc is None:
            return self.raised_again(node)
        made = self.error_raised(node.exc)
        kind = class_of(self.object_of(made)) if made is not None else None
        if self.catchers:
            kind = kind or self.raised_class(node.exc)
            handler = self.catcher_of(kind)
            if handler is not None:
                error: Binding = Known(None)
                if handler.reads and made is None and followed_error(kind):
                    made = self.made_error(kind, node.exc)
                if handler.wants:
                    error = self.error_kept(made, handler, node)
                self.leave(handler, self.error_of(handler, [kind], error))
        if made is not None:
            return self.raised_operand(made, node)
        template, operands = self.template(node)
        self.builder.emit(O.RAISE, operands, (), (), {"template": template})
        self.dead()
        return True

    def error_raised(self, node: gast.AST) -> Binding | None:
        """The object that `raise` names, if the error is one here."""
        if isinstance(node, gast.Name):
            found = self.expression(node)
            return found if self.is_error_object(found) else None
        if isinstance(node, gast.Call) and isinstance(node.func, gast.Name):
            found = self.expression(node.func)
            if isinstance(found, Known) and is_local(found.value) and followed_error(found.value):
                return self.made_error(found.value, node)
        return None

    def made_error(self, kind: type, node: gast.AST) -> Binding:
        if isinstance(node, gast.Call):
            return self.expression(node)  # type: ignore[no-any-return]
        return self.error_object(kind, [], {}, node)  # type: ignore[no-any-return]

    def error_kept(self, made: Binding | None, handler: Handler, node: gast.Raise) -> Binding:
        """What a handler that wants the error of a `raise` gets."""
        if made is None:
            exc = node.exc
            if not isinstance(exc, gast.Call):
                exc = gast.copy_location(gast.Call(exc, [], []), exc)
            return self.opaque_expression(exc, OBJECT)  # type: ignore[no-any-return]
        if not handler.reads:
            return self.as_binding(self.operand(made, node))  # type: ignore[no-any-return]
        if node.cause is not None:
            cause = self.expression(node.cause)
            self.put_attribute(made, "__cause__", cause, node, effect=False)
        return made

    def raised_again(self, node: gast.Raise) -> bool:
        """`raise` alone, in a handler."""
        if not self.handling or self.handling[-1][0] is not self.frame:
            raise self.unsupported(
                node, "`raise` without an error outside of a handler",
                "which error is being handled is not known here", "raise a new error",
            )  # fmt: skip
        _, handler, error = self.handling[-1]
        return self.raise_kept(handler.classes, error, node)

    def raise_kept(
        self, classes: tuple[type[BaseException], ...], error: Binding, node: gast.AST
    ) -> bool:
        """Raise an error of one of these classes that there is already."""
        for handlers in reversed(self.catchers):
            for outer in handlers:
                if all(issubclass(c, outer.classes) for c in classes):
                    self.leave(outer, self.error_of(outer, list(classes), error))
                if any(_related(c, outer.classes) for c in classes):
                    raise self.unsupported(
                        node, "whether this error is caught is not known while compiling",
                        "the classes of both handlers overlap", "raise a new error",
                    )  # fmt: skip
        return self.raised_operand(error, node)

    def raised_operand(self, error: Binding, node: gast.AST) -> bool:
        """Raise an error that there is, and that no handler here catches."""
        operand = self.operand(error, node)
        template = gast.Raise(gast.Name("$0", gast.Load(), None, None), None)
        self.builder.emit(O.RAISE, [operand], (), (), {"template": template})
        self.dead()
        return True

    def raised_class(self, node: gast.AST) -> type[BaseException]:
        made = self.expression(node.func if isinstance(node, gast.Call) else node)
        found = made.value if isinstance(made, Known) else None
        if isinstance(found, BaseException):
            found = type(found)
        if not _is_error_class(found):
            raise self.unsupported(
                node, "which error is raised here is not known while compiling",
                "so it is not known which handler catches it", "name its class: `raise Error(...)`",
            )  # fmt: skip
        return found  # type: ignore[return-value]

    def catcher_of(self, error: type[BaseException]) -> Handler | None:
        """The handler around this place that catches an error."""
        for handlers in reversed(self.catchers):
            for handler in handlers:
                if issubclass(error, handler.classes):
                    return handler
        return None

    def python_raises(
        self, error: BaseException, node: gast.AST, what: str, reason: str, advice: str
    ) -> Any:
        """Python certainly raises here: go to the handler, else what to tell the user."""
        handler = self.catcher_of(type(error))
        if handler is not None:
            self.leave(handler, self.error_of(handler, [type(error)], Known(error)))
        if self.unlikely:
            named = gast.Name("$0", gast.Load(), None, None)
            call = gast.Call(named, [gast.Constant(str(error), None)], [])
            operands = [Const(type(error), OBJECT)]
            self.builder.emit(O.RAISE, operands, (), (), {"template": gast.Raise(call, None)})
            raise Diverges
        return self.unsupported(node, what, reason, advice)

    def error_of(
        self, handler: Handler, classes: list[type[BaseException]], error: Binding
    ) -> Binding:
        """What a handler is given of an error of one of these classes."""
        if not handler.pairs:
            return error
        kind: Binding = Poison("which class the error has is not known while compiling")
        if len(classes) == 1:
            kind = Known(classes[0])
        return Struct.sequence("tuple", [kind, error])

    def leave(self, handler: Handler, error: Binding) -> None:
        """Leave the block of a handler on this path."""
        self.frame.vars[handler.label] = TRUE
        if handler.wants:
            self.frame.vars[handler.error] = error
        raise Left

    # ------------------------------------------------------------------ what may raise
    def before(self, op: Op) -> None:
        """Told of an operation that is about to be emitted: ask whether it raises."""
        may = possible_errors(op)
        if not may:
            return
        for handlers in reversed(self.catchers):
            for handler in handlers:
                caught = [e for e in may if _related(e, handler.classes)]
                if caught:
                    self.guard(op, handler, caught)
                    may = [e for e in may if not issubclass(e, handler.classes)]

    def decided_by_type(self, what: str, node: gast.AST) -> Exception:
        """Generic code: whether Python raises here, or not, depends on a type."""
        return TypeInferenceError(
            f"{what} is not known while compiling",
            reason="another path is taken if not",
            advice="give the types of the arguments",
            loc=self.loc(node),
        )

    def guard(self, op: Op, handler: Handler, caught: list[type[BaseException]]) -> None:
        hook, self.builder.before = self.builder.before, None
        try:
            condition = self.question(op, handler, caught)
            error: Binding = Known(None)
            with self.builder.nested() as ops:
                if handler.wants:
                    error = self.as_binding(self.attempt(runtime.error_of, op, handler))
                    if handler.reads and len(caught) == 1:
                        error = self.raised_by_operation(caught[0], error)
                    error = self.error_of(handler, caught, error)
        finally:
            self.builder.before = hook
        if isinstance(condition, Const):
            if condition.value:
                self.builder.extend(ops)
                self.leave(handler, error)
            return
        state = {**self.frame.vars, handler.label: TRUE}
        if handler.wants:
            state[handler.error] = error
        self.may_leave(condition, ops, state)

    def ask_whether_set(self, value: Binding, name: str, node: gast.AST) -> None:
        """A name is read that has no value on some path, where a handler may look for that."""
        handler = self.catcher_of(UnboundLocalError)
        if handler is None or not any(issubclass(c, NameError) for c in handler.classes):
            return
        missing = self.unset[value]
        if missing is None:
            raise self.unsupported(
                node, f"whether `{name}` has a value here is not known while compiling",
                "a handler around looks for the error", f"give `{name}` a value first",
            )  # fmt: skip
        condition: Operand = missing[0]
        if not missing[1]:
            with self.never_raising():
                condition = apply_rule(self.builder, operator.not_, [condition])
        state = {**self.frame.vars, handler.label: TRUE}
        if handler.wants:
            error = Known(UnboundLocalError(name))
            state[handler.error] = self.error_of(handler, [UnboundLocalError], error)
        self.may_leave(condition, [], state)

    def may_leave(self, condition: Operand, ops: list[Op], state: dict[Key, Binding]) -> None:
        """Note that the statement may be left here."""
        scope = self.scope
        if scope is None or scope.block is not self.builder.block or scope.frame is not self.frame:
            raise self.unsupported(
                gast.Pass(), "an error that a handler catches may be raised here",
                "srcad cannot leave this expression in its middle",
                "compute this part in a statement of its own before",
            )  # fmt: skip
        scope.guards.append(Guard(len(scope.block), condition, ops, state))

    def question(
        self, op: Op, handler: Handler, caught: list[type[BaseException]]
    ) -> Operand:
        """Whether an operation raises what a handler catches."""
        fn = op.attrs.get("fn")
        if all(isinstance(o.type, Scalar) and o.type.kind != "complex" for o in op.operands):
            if fn in _DIVISIONS and caught == [ZeroDivisionError]:
                return self.asked(operator.eq, op.operands[-1], 0)
            if fn in _DOMAIN and len(op.operands) == 1:
                test, bound = _DOMAIN[fn]
                return self.asked(test, op.operands[0], bound)
        return self.attempt(runtime.raises, op, handler)

    def asked(self, test: Any, operand: Operand, bound: float) -> Operand:
        if isinstance(operand, Const):
            return Const.of(test(operand.value, bound))
        return apply_rule(self.builder, test, [operand, bound])

    def attempt(self, helper: Any, op: Op, handler: Handler) -> Operand:
        """A call of a helper of the runtime that tries the operation."""
        statics = op.statics
        fn, args = op.attrs.get("fn"), list(op.operands)
        if op.kind is not O.APPLY:  # a store fails as the read of the same elements
            parts = args[1:] if op.kind is O.GETITEM else args[2:]
            index = parts[0] if len(parts) == 1 else pack(self.builder, parts, "tuple")
            fn, args = operator.getitem, [args[0], index]
        classes = handler.classes[0] if len(handler.classes) == 1 else handler.classes
        given = [Const(fn, OBJECT), Const(classes, OBJECT), *args]
        return apply_rule(self.builder, helper, given, statics)

    # ------------------------------------------------------------------ leaving
    @contextmanager
    def in_scope(self) -> Iterator[Scope]:
        """A statement, or a side of an expression, that may be left in its middle."""
        outer, self.scope = self.scope, Scope(self.builder.block, self.frame)
        try:
            yield self.scope
        finally:
            self.scope = outer

    def split(self, scope: Scope, finished: bool | None, rest: list[gast.stmt]) -> bool:
        """Put what follows each guard of a statement in the branch where it is not left.

        `finished` is what the statement gave: None if the rest of its block is to be lowered yet.
        """
        builder, frame = self.builder, self.frame
        for guard in reversed(scope.guards):
            tail = scope.block[guard.position :]
            del scope.block[guard.position :]
            with builder.within(tail):
                if finished is None:
                    finished = self.block(rest)
            moved = {r for op in tail for r in op.results}
            self.projected = {k: v for k, v in self.projected.items() if v[0] not in moved}
            frame.vars = self.join_branches(
                guard.condition, guard.ops, guard.state, tail, frame.vars, guard.state,
                builder.loc,
            )  # fmt: skip
        return bool(finished)

    def leave_by_flags(self) -> None:
        """What an expression that was just lowered has left for is a guard of its statement."""
        variables = self.frame.vars
        for label in [k for k in variables if isinstance(k, str) and k.startswith(LEFT)]:
            flag = variables[label]
            if same(flag, TRUE):
                raise Left
            del variables[label]
            error = variables.pop(error_key(label), None)
            state = {**variables, label: TRUE}
            if error is not None:
                state[error_key(label)] = error
            assert isinstance(flag, Value)
            self.may_leave(flag, [], state)


def possible_errors(op: Op) -> list[type[BaseException]]:
    """The errors that an operation of these types may raise and that handlers look for."""
    if op.kind in (O.GETITEM, O.SETITEM) and isinstance(op.operands[0].type, TableOf):
        return [KeyError] if op.kind is O.GETITEM else []
    if op.kind in (O.GETITEM, O.SETITEM, O.ADD_AT):
        parts = op.operands[1:] if op.kind is O.GETITEM else op.operands[2:]
        if any(p.type not in (SLICE, NONE) for p in parts):
            return [IndexError, TypeError] if op.operands[0].type == UNKNOWN else [IndexError]
        return []
    if op.kind is not O.APPLY:
        return []
    fn, types = op.attrs["fn"], [o.type for o in op.operands]
    numbers = all(map(_may_be_python_number, types))
    if fn in _DIVISIONS:
        divisor = op.operands[-1]
        nonzero = isinstance(divisor, Const) and bool(divisor.value)
        return [ZeroDivisionError] if numbers and not nonzero else []
    if fn in _POWERS:
        if fn is math.pow:
            return [ValueError, OverflowError]
        exponent = op.operands[1]
        if isinstance(exponent, Const) and isinstance(exponent.value, int) and exponent.value >= 0:
            return [OverflowError] if numbers else []
        return [ZeroDivisionError, OverflowError] if numbers else []
    if fn in (int, round):
        return [] if kind_of(types[0]) in ("i", "b") else [ValueError, OverflowError]
    if fn in (float, complex):
        return [] if isinstance(types[0], Scalar) else [TypeError, ValueError]
    if fn is len and types[0] == UNKNOWN:
        return [TypeError]
    if fn in _EXTREMA or fn is list.index:
        return [ValueError]
    module = getattr(fn, "__module__", None) or ""
    if module == "math" and fn not in _SAFE_MATH:
        return [ValueError] if fn in _DOMAIN else [ValueError, OverflowError]
    if module.startswith("numpy.linalg"):
        return [np.linalg.LinAlgError]
    return []


def _may_be_python_number(t: Type) -> bool:
    return isinstance(t, Scalar) or t == UNKNOWN or (isinstance(t, Array) and t.dtype is None)


def _related(error: type[BaseException], classes: tuple[type[BaseException], ...]) -> bool:
    """Whether an error of this class, or of one below it, may be one of these."""
    return issubclass(error, classes) or any(issubclass(c, error) for c in classes)


def _is_error_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _may_exit(statements: list[gast.stmt]) -> bool:
    """Whether a `finally` may be left by `return`, `break` or `continue`."""
    if any(isinstance(n, gast.Return) for n in own_nodes(statements)):
        return True
    inner = [s for s in statements if not isinstance(s, (gast.For, gast.While))]
    if any(isinstance(s, (gast.Break, gast.Continue)) for s in inner):
        return True
    return any(_may_exit(block) for s in inner for block in blocks_of(s))


def _wants(handler: gast.ExceptHandler) -> bool:
    """Whether a handler reads the error, or raises it again."""
    nodes = list(own_nodes(handler.body))
    if any(isinstance(n, gast.Raise) and n.exc is None for n in nodes):
        return True
    name = getattr(handler.name, "id", handler.name)
    return name is not None and any(isinstance(n, gast.Name) and n.id == name for n in nodes)


