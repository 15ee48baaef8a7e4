"""Decorators and adapters of functions: `wraps`, `lru_cache`, `singledispatch`, `methodcaller`.

What holds afterwards: a wrapper is the function that it is, with the name of what it wraps. A
function with a cache is followed as one without, where that is the same.
"""

from __future__ import annotations

import functools
import operator
import types
from dataclasses import replace
from typing import Any

import gast

from srcad.parser.bindings import Binding, Cell, Closure, Known, Partial, Poison, Struct, same
from srcad.parser.frames import Frame
from srcad.parser.memory.stand_ins import closure_of

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_NAMES = ("__name__", "__qualname__", "__doc__", "__wrapped__", "__module__")


class DecoratorLowering(_Base):
    def closure_attribute(self, closure: Closure, name: str, node: gast.AST) -> Binding:
        """What a function of the user's knows of itself."""
        box = self.attribute_box(closure, name)
        if box is not None:
            kept: Binding | None = self.frame.vars[box].parts[0]
            if kept is None:
                raise self.python_raises(
                    AttributeError(name), node, f"`{closure.name}` has no attribute `{name}` here",
                    "Python raises AttributeError here", "set it first",
                )  # fmt: skip
            return kept
        if name == "__wrapped__" and closure.wrapped is not None:
            return closure.wrapped
        if closure.wrapped is not None and name in _NAMES:
            return self.attribute(closure.wrapped, name, node)  # type: ignore[no-any-return]
        if name in ("__name__", "__qualname__"):
            return Known(closure.name)
        if name == "__doc__":
            body = closure.node.body
            first = body[0] if isinstance(body, list) else None
            text = first.value if isinstance(first, gast.Expr) else None
            found = text.value if isinstance(text, gast.Constant) else None
            return Known(found if isinstance(found, str) else None)
        raise self.unsupported(
            node, f"the attribute `{name}` of a function cannot be differentiated",
            "srcad does not follow what is kept on a function that is defined inside",
            "keep it in a variable, or in an object that is called",
        )  # fmt: skip

    def attribute_box(self, closure: Closure, name: str) -> Cell | None:
        """The memory of an attribute that its frame stores on a function."""
        own = getattr(closure.node, "name", closure.name)
        box: Cell | None = closure.frame.boxes.get(f"{own}.{name}")
        return box if box in self.frame.vars else None

    def check_cached_call(self, closure: Closure, writes: bool, node: gast.AST) -> None:
        """A function with a cache must be one whose calls can be repeated."""
        if writes:
            raise self.unsupported(
                node, f"`{closure.name}` has a cache and changes what is outside of it",
                "with the same arguments Python runs it once, a derivative at each call",
                "take the cache off",
            )  # fmt: skip
        reads = self.cached_reads.setdefault((closure.node, closure.frame), {})
        for inner in gast.walk(closure.node):
            if not isinstance(inner, gast.Name) or not isinstance(inner.ctx, gast.Load):
                continue
            now = self.seen_from(closure.frame, inner.id)
            if now is not None and not same(reads.setdefault(inner.id, now), now):
                raise self.unsupported(
                    node, f"`{closure.name}` has a cache and reads `{inner.id}`, which changes",
                    "with the same arguments Python gives what it was the first time",
                    f"pass `{inner.id}` as an argument",
                )  # fmt: skip

    def seen_from(self, frame: Frame | None, name: str) -> Binding | None:
        """What a function that was defined in a frame reads under a name of the frames around."""
        while frame is not None and name not in frame.locals:
            frame = frame.outer
        if frame is None:
            return None
        box: Cell | None = frame.boxes.get(name)
        found = frame.vars.get(name) if box is None else self.frame.vars.get(box)
        if isinstance(found, Struct) and found.kind == "box":
            found = found.parts[0]
        return None if isinstance(found, Poison) else self.deref(found)  # type: ignore[no-any-return]


def _update_wrapper(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    """`functools.update_wrapper(wrapper, wrapped)`."""
    given = dict(zip(("wrapper", "wrapped"), args)) | kwargs
    wrapper, wrapped = given["wrapper"], given["wrapped"]
    if isinstance(wrapper, Closure):
        return replace(wrapper, wrapped=wrapped)
    if low.object_of(wrapper) is None:
        return None
    low.put_attribute(wrapper, "__wrapped__", wrapped, node)
    return wrapper


def _wraps(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    given = dict(zip(("wrapped",), args)) | kwargs
    return Partial(Known(functools.update_wrapper), (), (("wrapped", given["wrapped"]),))


def _cache(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    """`functools.cache` and `lru_cache`, with arguments of their own or with the function."""
    function = args[0] if args else None
    if isinstance(function, Known):
        function = closure_of(function.value)
    if isinstance(function, Closure):
        return replace(function, cached=True)
    if all(isinstance(a, Known) and not callable(a.value) for a in (*args, *kwargs.values())):
        return Known(functools.cache)
    return None


def _method_caller(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    if not args or not isinstance(args[0], Known):
        return None
    rest = Struct.sequence("tuple", args[1:])
    named = low.new_cell(Struct("dict", tuple(kwargs.items())), "named")
    given = (("name", args[0]), ("given", rest), ("named", named))
    return Partial(Known(_call_method), (), given)


def _call_method(owner: Any, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return getattr(owner, name)(*given, **named)


def dispatched(
    low: Any, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    """A call of a `functools.singledispatch` function; None for all others."""
    dispatch = getattr(fn, "dispatch", None)
    if not isinstance(fn, types.FunctionType) or not isinstance(dispatch, types.FunctionType):
        return None
    if dispatch.__module__ != "functools" or not args:
        return None
    kind = low.call_known(type, [args[0]], {}, node)
    if not isinstance(kind, Known):
        return None
    target = dispatch(kind.value)
    low.assumptions.add_read(dispatch, (kind.value,), target)
    return low.call_known(target, args, kwargs, node)  # type: ignore[no-any-return]


def dispatched_method(method: Any, owner: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Stands for the calls of a `functools.singledispatchmethod` while compiling."""
    raise NotImplementedError


def _call_dispatched(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    method, owner, name, *given = args
    assert isinstance(method, Known) and isinstance(name, Known)
    kind = low.call_known(type, given[:1], {}, node) if given else None
    if not isinstance(kind, Known):
        return None
    dispatch = method.value.dispatcher.dispatch
    target = dispatch(kind.value)
    low.assumptions.add_read(dispatch, (kind.value,), target)
    bound = low.bound(target, owner, low.class_of_binding(owner), name.value, node)
    return low.call_binding(bound, given, kwargs, node)  # type: ignore[no-any-return]


DECORATORS: dict[Any, Any] = {
    functools.update_wrapper: _update_wrapper, functools.wraps: _wraps,
    functools.lru_cache: _cache, functools.cache: _cache, operator.methodcaller: _method_caller,
    dispatched_method: _call_dispatched,
}  # fmt: skip
