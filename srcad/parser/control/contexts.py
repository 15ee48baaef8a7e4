"""`with` to IR: what is known of a context manager decides; the derivative does not see it.

Warnings and error states of NumPy change no number, so their `with` is its body: a derivative may
warn where the function does not. A lock around numbers protects nothing of a derivative, which
reads what is outside once. `contextlib.suppress` is a `try`. Other context managers are objects
whose methods are called.
"""

from __future__ import annotations

import contextlib
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

import gast
import numpy as np

from srcad.ir.abstract import UNKNOWN
from srcad.ir.values import Operand, Value
from srcad.parser.bindings import Binding, BoundMethod, Choice, Known, LazyIterable, describe, same
from srcad.parser.control.flags import DEAD, RESULT, is_error, is_flag
from srcad.parser.control.trying import Handler
from srcad.parser.frames import StaticRequired, parameter_names
from srcad.parser.iterables.generators import MANAGER
from srcad.parser.source import read_source

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_LOCKS = (type(threading.Lock()), type(threading.RLock()), threading.Condition)
_HARMLESS = (None, "ignore", "warn", "print", "log")


class ContextLowering(_Base):
    def stmt_With(self, node: gast.With, rest: list[gast.stmt]) -> bool | None:
        item, *others = node.items
        body = node.body
        if others:
            body = [gast.copy_location(gast.With(others, node.body, None), node)]
        call = item.context_expr
        if isinstance(call, gast.Call):
            fn = self.expression(call.func)
            known = fn.value if isinstance(fn, Known) else None
            special = _CONTEXTS.get(known) if isinstance(known, type) else None
            if special is not None:
                found: bool | None = special(self, call, item.optional_vars, body, rest)
                return found
        manager = self.expression(call)
        if isinstance(manager, Known) and isinstance(manager.value, _LOCKS):
            return self.plain_body(Known(True), item.optional_vars, body, rest)
        if isinstance(manager, LazyIterable) and manager.kind == MANAGER:
            return self.managed_generator(manager, item.optional_vars, body, rest, node)
        return self.managed(manager, item.optional_vars, body, rest, node)

    def plain_body(
        self, value: Binding, target: gast.AST | None, body: list[gast.stmt], rest: list[gast.stmt]
    ) -> bool | None:
        if target is not None:
            self.assign(target, value)
        return self.after_flags(self.block(body), rest)

    def managed(
        self,
        manager: Binding,
        target: gast.AST | None,
        body: list[gast.stmt],
        rest: list[gast.stmt],
        node: gast.AST,
    ) -> bool | None:
        """An object with `__enter__` and `__exit__` that srcad can look into."""
        if isinstance(manager, Known):
            raise self.unsupported(
                node, f"{describe(manager)} as a context manager cannot be differentiated",
                "what it does at the begin and the end of the block is not known",
                "move the `with` around the call of the differentiated function",
            )  # fmt: skip
        if isinstance(manager, Choice):
            if self.counts(manager.condition):
                raise StaticRequired(self.origins(manager.condition))
            raise self.unsupported(
                node, "which context manager this is, is not known while compiling",
                "what it does at the begin and the end of the block depends on it",
                "write one `with` statement in each branch",
            )  # fmt: skip
        manager = self.boxed(manager, "manager")
        entered = self.call_binding(self.attribute(manager, "__enter__", node), [], {}, node)
        if target is not None:
            self.assign(target, entered)
        method = self.attribute(manager, "__exit__", node)

        def leave(*details: Binding) -> Binding:
            given = details or (Known(None),) * 3
            found: Binding = self.call_binding(method, list(given), {}, node)
            return found

        if _lets_errors_pass(method):
            done: bool | None = self.with_final(
                lambda: self.block(body), lambda: leave() is None, node, rest
            )
            return done
        return self.asking_manager(lambda: self.block(body), leave, node, rest)

    def asking_manager(
        self,
        body: Callable[[], bool],
        leave: Callable[..., Binding],
        node: gast.AST,
        rest: list[gast.stmt],
    ) -> bool | None:
        """A block whose manager is told of errors, and says whether they end there."""
        handler = Handler((BaseException,), self.new_label(), wants=True, pairs=True, reads=True)

        def told() -> bool:
            kind, error = self.handling[-1][2].parts
            if not isinstance(kind, Known):
                raise self.unsupported(
                    node, "this context manager asks for the class of an error",
                    "an operation of the block may raise errors of several classes",
                    "catch the errors of the block with `try`",
                )  # fmt: skip
            passed: Binding = error
            if isinstance(error, Value) and error.type == UNKNOWN:
                self.opaque_values.add(error)
            swallows = self.truth(leave(kind, passed, Known(None)), node)
            if not isinstance(swallows, bool):
                raise self.unsupported(
                    node, "whether this context manager swallows an error depends on values",
                    "its `__exit__` returns what only the run knows", "return True or False",
                )  # fmt: skip
            return False if swallows else bool(self.raise_kept((kind.value,), error, node))

        frame = self.frame
        frame.finals += 1
        finished = self.catching((handler,), body)
        frame.finals -= 1
        if DEAD in frame.vars:
            return True
        own = (handler.label, handler.error)
        kept = {
            k: frame.vars.pop(k)
            for k in list(frame.vars)
            if (is_flag(k) or is_error(k) or k == RESULT) and k not in own
        }
        failed = frame.vars.get(handler.label)
        if failed is None:
            leave()
        elif same(failed, Known(True)):
            finished = self.handled(handler, True, told)
        else:
            self.otherwise(failed, leave)
            finished = self.handled(handler, finished, told)
        frame.vars.update(kept)
        done: bool | None = self.after_flags(finished, rest)
        return done

    def otherwise(self, flag: Operand, body: Callable[[], Binding]) -> None:
        """Lower `body` for where a flag is not set."""
        frame = self.frame
        before = frame.vars
        with self.builder.nested() as ops:
            frame.vars = dict(before)
            body()
            state = frame.vars
        frame.vars = self.join_branches(
            flag, [], dict(before), ops, state, before, self.builder.loc
        )

    def constant_arguments(self, call: gast.Call, what: str) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call as plain objects."""
        args = [self.settled(self.expression(a)) for a in call.args]
        named = {k.arg: self.settled(self.expression(k.value)) for k in call.keywords}
        if not all(isinstance(b, Known) for b in (*args, *named.values())) or None in named:
            raise self.unsupported(
                call, f"the arguments of `{what}` must be known while compiling",
                "they decide what the block does", "use constants",
            )  # fmt: skip
        return [a.value for a in args], {k: b.value for k, b in named.items()}


def _lets_errors_pass(method: Binding) -> bool:
    """Whether an `__exit__` looks at no error and returns nothing that is true, for certain."""
    function = method.function if isinstance(method, BoundMethod) else None
    if not isinstance(function, types.FunctionType):
        return False
    node = read_source(function).node
    given = set(parameter_names(node.args)[1:])
    nodes = [inner for statement in node.body for inner in gast.walk(statement)]
    results = [inner.value for inner in nodes if isinstance(inner, gast.Return)]
    constant = all(r is None or isinstance(r, gast.Constant) and not r.value for r in results)
    return constant and not any(isinstance(n, gast.Name) and n.id in given for n in nodes)


def _suppress(
    low: Any, call: gast.Call, target: Any, body: list[gast.stmt], rest: list[gast.stmt]
) -> bool | None:
    types = gast.copy_location(gast.Tuple(call.args, gast.Load()), call)
    handler = Handler(low.error_classes(types), low.new_label())
    if target is not None:
        low.assign(target, Known(None))
    finished = low.catching((handler,), lambda: low.block(body))
    finished = low.handled(handler, finished, lambda: False)
    done: bool | None = low.after_flags(finished, rest)
    return done


def _errstate(
    low: Any, call: gast.Call, target: Any, body: list[gast.stmt], rest: list[gast.stmt]
) -> bool | None:
    args, named = low.constant_arguments(call, "np.errstate")
    if any(v not in _HARMLESS for v in (*args, *named.values())):
        raise low.unsupported(
            call, "`np.errstate` that raises or calls cannot be differentiated",
            "an operation of the block could then raise, and srcad may move it out of the block",
            "test the operands with `if`",
        )  # fmt: skip
    done: bool | None = low.plain_body(Known(None), target, body, rest)
    return done


def _catch_warnings(
    low: Any, call: gast.Call, target: Any, body: list[gast.stmt], rest: list[gast.stmt]
) -> bool | None:
    if target is not None:
        raise low.unsupported(
            call, "warnings that are recorded cannot be differentiated",
            "what is recorded is not known while compiling", "leave `record` out",
        )  # fmt: skip
    low.quiet += 1
    finished = low.block(body)
    low.quiet -= 1
    done: bool | None = low.after_flags(finished, rest)
    return done


def _nullcontext(
    low: Any, call: gast.Call, target: Any, body: list[gast.stmt], rest: list[gast.stmt]
) -> bool | None:
    given = [*call.args, *(k.value for k in call.keywords)]
    value: Binding = low.expression(given[0]) if given else Known(None)
    done: bool | None = low.plain_body(value, target, body, rest)
    return done


_CONTEXTS: dict[Any, Any] = {
    contextlib.suppress: _suppress, contextlib.nullcontext: _nullcontext, np.errstate: _errstate,
    warnings.catch_warnings: _catch_warnings,
}  # fmt: skip
FILTERS = (warnings.simplefilter, warnings.filterwarnings, warnings.resetwarnings)
