"""Context managers made by `contextlib.contextmanager`: the block stands in the place of `yield`.

What holds afterwards: however the block is left, what the generator does after its `yield` runs;
where the block is left by `return`, `break` or `continue`, these wait until it has. Errors of the
block are those of the `yield`, as the generator sees them.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable
from typing import Any

import gast

from srcad.parser.bindings import Binding, Closure, Known, LazyIterable, Partial, same
from srcad.parser.control.flags import DEAD, TRUE, is_flag
from srcad.parser.control.loops import Step
from srcad.parser.iterables.generators import MANAGER, Emit, is_generator

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_HELPER = contextlib.contextmanager(lambda: None).__code__  # type: ignore[arg-type, attr-defined, return-value]


def managed_by(target: types.FunctionType | Closure) -> types.FunctionType | None:
    """The generator function that `contextlib.contextmanager` was applied to, if it was."""
    if isinstance(target, Closure) or target.__code__ is not _HELPER:
        return None
    found: types.FunctionType = target.__wrapped__  # type: ignore[attr-defined]
    return found


class ManagerLowering(_Base):
    def manager(
        self, target: types.FunctionType | Closure, args: list[Binding],
        kwargs: dict[str, Binding], node: gast.AST,
    ) -> Binding:  # fmt: skip
        """The context manager that a call of such a function gives."""
        if not is_generator(target):
            raise self.python_raises(
                TypeError(), node,
                "`contextlib.contextmanager` is applied to what is no generator function",
                "Python raises TypeError here", "write the function with `yield`",
            )  # fmt: skip
        bound = self.bind_arguments(target, args, kwargs, node)
        made = self.generator(target, bound)
        return self.iterator(MANAGER, list(made.parts), made.detail)  # type: ignore[no-any-return]

    def managed_generator(
        self, it: LazyIterable, target: gast.AST | None, body: list[gast.stmt],
        rest: list[gast.stmt], node: gast.With,
    ) -> bool | None:  # fmt: skip
        """A `with` statement over a generator."""
        host = self.frame
        prefix = f"$kept{next(self.numbers)}"
        entered = prefix + "entered"
        # errors that handlers around the `with` catch leave the generator at once
        outside = {h.label for handlers in self.catchers for h in handlers}

        def consume(value: Binding) -> bool:
            if entered in self.frame.vars:
                raise self.unsupported(
                    node, "this context manager yields twice",
                    "Python raises RuntimeError here", "let it come to one `yield` only",
                )  # fmt: skip

            def bind() -> bool:
                if target is not None:
                    self.assign(target, value)
                return False

            catching = {h.label for handlers in self.catchers for h in handlers} | outside
            with self.in_frame(host):
                host.finals += 1
                self.block([Step(bind), *body])
                host.finals -= 1
            state = self.frame.vars
            state[entered] = TRUE
            for key in [k for k in state if is_flag(k) and k not in catching]:
                state[prefix + key] = state.pop(key)
            return DEAD in state or self.left_certainly()

        def emit(value: gast.AST | None) -> gast.stmt:
            return Emit(value, consume, target, body)

        ended = self.run_generator(it, node, emit)
        state = host.vars
        if DEAD in state:
            return True
        state.pop(ended, None)
        if not same(state.pop(entered, None), TRUE) and not self.left_certainly():
            raise self.unsupported(
                node, "this context manager may come to its end without a `yield`",
                "Python raises RuntimeError then", "let it come to one `yield` on every path",
            )  # fmt: skip
        for key in [k for k in state if isinstance(k, str) and k.startswith(prefix)]:
            state[key[len(prefix) :]] = state.pop(key)
        return True if self.left_certainly() else self.after_flags(False, rest)


def _contextmanager(
    low: Any, args: list[Binding], kwargs: Any, node: gast.AST
) -> Binding | None:
    """`contextlib.contextmanager` of a function that is defined in the differentiated one."""
    if len(args) != 1 or not isinstance(args[0], Closure):
        return None
    return Partial(Known(_managed), (args[0],))


def _managed(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Stands for the calls of such a function while compiling."""
    raise NotImplementedError


def _make(low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST) -> Binding:
    return low.manager(args[0], args[1:], kwargs, node)  # type: ignore[no-any-return]


MANAGERS: dict[Any, Any] = {contextlib.contextmanager: _contextmanager, _managed: _make}
