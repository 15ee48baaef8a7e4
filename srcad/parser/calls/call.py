"""Calls to IR: functions of the rule table, methods, builtins.

A function with Python source is lowered as a function of its own (see callees).
"""

from __future__ import annotations

import collections
import enum
import functools
import logging
import operator
import types
import typing
import warnings
from typing import Any

import gast

from srcad import runtime
from srcad.errors import MissingRuleError, SrcadError
from srcad.ir.abstract import STR, Array, ListOf, TupleOf, is_number, rank_of
from srcad.ir.values import Const, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Choice,
    Closure,
    Derived,
    Known,
    LazyIterable,
    Partial,
    Ref,
    Struct,
    describe,
    is_plain,
    same,
)
from srcad.parser.calls import kind_queries, opaque
from srcad.parser.calls.builtin_calls import _SPECIAL
from srcad.parser.calls.decorators import dispatched
from srcad.parser.calls.measures import MEASURES
from srcad.parser.calls.ufunc_methods import ufunc_method
from srcad.parser.calls.written_out import WITH_KEYWORDS, WRITTEN_OUT
from srcad.parser.containers import reading
from srcad.parser.containers.container_bases import FOLLOWED, container_of
from srcad.parser.control.contexts import FILTERS
from srcad.parser.control.raised import followed_error
from srcad.parser.effects import LOGGERS
from srcad.parser.frames import StaticRequired
from srcad.parser.iterables.iterators import call_operator
from srcad.parser.memory.stand_ins import closure_of
from srcad.parser.memory.storage import CONTIGUOUS
from srcad.parser.objects import classes
from srcad.parser.objects.access import MethodOf
from srcad.parser.objects.operators import BINARY, COMPARE
from srcad.pristine import np
from srcad.rules import packages
from srcad.rules.custom import CustomFunction, stop_gradient
from srcad.rules.memory import HANDED_ON, may_return_operand
from srcad.rules.methods import METHOD_ADAPTERS
from srcad.rules.registry import ARRAY, CALLBACKS, lookup
from srcad.rules.symbols import NeedsConstant, getitem_operands
from srcad.rules.symbols import apply as apply_rule

_NAMED = {np.linalg.eigh, np.linalg.qr, np.linalg.slogdet, np.linalg.svd}  # give named tuples
_GIVE_LISTS = (np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit)
_DISPATCHER = type(np.sum)  # of functions of NumPy, over C code or over Python

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_OUTPUT = (print, warnings.warn)
_LOGGING = (
    logging.debug, logging.info, logging.warning, logging.error, logging.critical, logging.log,
)  # fmt: skip


_COLUMNS = """
result = []
if len(rows) > 0:
    for k in range(min([len(row) for row in rows])):
        result.append([row[k] for row in rows])
"""


class CallLowering(_Base):
    def expr_Call(self, node: gast.Call, statement: bool = False) -> Binding:
        if self.is_super(node):
            raise self.unsupported(
                node, "`super()` on its own cannot be differentiated",
                "srcad follows it where an attribute is read from it",
                "write `super().name`, or call the method of the base class by name",
            )  # fmt: skip
        callee = self.expression(node.func)
        if isinstance(callee, Known) and _is_output(callee.value):
            self.opaque_statement(gast.Expr(node))
            return Known(None)
        columns = self.columns(callee, node)
        if columns is not None:
            return columns
        args = self.elements(node.args, raw=True)
        kwargs: dict[str, Binding] = {}
        for k in node.keywords:
            value = self.raw(k.value)
            if k.arg is not None:
                kwargs[k.arg] = self.boxed(value, k.arg)
                continue
            table = self.table_items(value, node)
            if table is not None:
                kwargs.update(table)
            else:
                raise self.unsupported(
                    node, "`**` needs a dictionary of known keys", f"this is {describe(value)}",
                    "write the keywords out",
                )  # fmt: skip
        return self.call_binding(callee, args, kwargs, node)

    def columns(self, callee: Binding, node: gast.Call) -> Binding | None:
        """`zip(*rows)` of rows whose number only the run knows; None for another call."""
        if not (isinstance(callee, Known) and callee.value is zip and len(node.args) == 1):
            return None
        (arg,) = node.args
        if not isinstance(arg, gast.Starred) or node.keywords:
            return None
        rows = self.boxed(self.iterable(self.expression(arg.value), arg))
        content = self.deref(rows)
        t = content.type if isinstance(content, Value) else None
        if isinstance(t, ListOf) and isinstance(t.elem, TupleOf) and t.elem.elems is not None:
            texts = (f"result = [row[{k}] for row in rows]\n" for k in range(len(t.elem.elems)))
            parts = [self.lower_text(text, node, rows=rows) for text in texts]
            return self.new_sequence("tuple", parts)  # type: ignore[no-any-return]
        listed = isinstance(t, ListOf) and isinstance(t.elem, (ListOf, Array))
        if listed or (isinstance(t, Array) and len(t.dims or ()) == 2):
            return self.lower_text(_COLUMNS, node, rows=rows)  # type: ignore[no-any-return]
        return None

    def call_binding(
        self, callee: Binding, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        if not _may_take_none(callee):
            args = [self.certain(a, node) for a in args]
            kwargs = {k: self.certain(a, node) for k, a in kwargs.items()}
        if isinstance(callee, BoundMethod) and callee.function is not None:
            given = [callee.receiver, *args]
            return self.call_binding(Known(callee.function), given, kwargs, node)
        if isinstance(callee, BoundMethod) and isinstance(callee.receiver, LazyIterable):
            return self.send(callee.receiver, args, node)
        if isinstance(callee, BoundMethod):
            return self.array_method(callee, args, kwargs, node)
        if isinstance(callee, Choice):
            sides = [
                lambda fn=fn: self.call_binding(fn, args, kwargs, node)
                for fn in (callee.then, callee.orelse)
            ]
            return self.choose(callee.condition, *sides, node)
        if isinstance(callee, Closure):
            return self.call_source(callee, args, kwargs, node)
        if isinstance(callee, Derived):
            return self.call_derived(callee, args, kwargs, node)
        if isinstance(callee, Partial):
            merged = dict(callee.kwargs) | kwargs
            return self.call_binding(callee.target, [*callee.args, *args], merged, node)
        if isinstance(callee, Known):
            return self.call_known(callee.value, args, kwargs, node)
        method = self.special_method(callee, "__call__", node)
        if method is not None:
            return self.call_binding(method, args, kwargs, node)
        found = self.deref(callee)
        if isinstance(found, Value) and is_number(found.type):
            raise self.python_raises(
                TypeError(), node, f"{describe(found)} is called here",
                "Python raises TypeError here", "call a function",
            )  # fmt: skip
        raise self.unsupported(
            node, f"{describe(found)} is called here",
            "which function it is, is not known while compiling",
            "pass the function as an argument, or call it by its name",
        )  # fmt: skip

    def call_known(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        if self.chosen([*args, *kwargs.values()]) is not None:
            names, given = list(kwargs), [*args, *kwargs.values()]

            def call(*given: Binding) -> Binding:
                named = dict(zip(names, given[len(args) :]))
                return self.call_known(fn, list(given[: len(args)]), named, node)

            return self.on_either(given, call, node)  # type: ignore[no-any-return]
        closure = closure_of(fn)
        if closure is not None:
            return self.call_source(closure, args, kwargs, node)
        origin = typing.get_origin(fn)
        if origin is not None or typing.is_typeddict(fn):  # `Stack[float]()`
            return self.call_known(origin or dict, args, kwargs, node)
        arranged = self.class_call(fn, args, kwargs, node)
        if arranged is not None:
            return arranged
        if isinstance(fn, opaque.Method):
            return opaque.call(self, fn, args, kwargs, node)
        if isinstance(fn, MethodOf) and isinstance(fn.function, CustomFunction):
            return self.call_custom(fn.function, [fn.receiver, *args], kwargs, node)
        if isinstance(fn, MethodOf):
            return self.call_source(fn.function, [fn.receiver, *args], kwargs, node)
        if isinstance(fn, CustomFunction):
            return self.call_custom(fn, args, kwargs, node)
        if isinstance(fn, types.MethodType) and isinstance(fn.__func__, CustomFunction):
            return self.call_custom(fn.__func__, [Known(fn.__self__), *args], kwargs, node)
        if fn is stop_gradient:
            return self.stopped(args, kwargs, node)
        if _hashable(fn) and fn in FOLLOWED and args and self.object_of(args[0]) is not None:
            return self.call_source(FOLLOWED[fn], args, kwargs, node)
        self.note_filling_call(fn)
        if lookup(fn) is None:
            packages.met(fn)
        if not args and kwargs:
            args, kwargs = _first_by_position(fn, kwargs)
        if fn is np.array and _copies(kwargs) is False and kwargs.keys() <= {"copy", "dtype"}:
            fn, kwargs = np.asarray, {k: v for k, v in kwargs.items() if k != "copy"}
        if _hashable(fn):
            made = self.unary_object(fn, args, node)
            if made is not None:
                return made
            if fn in (*BINARY, *COMPARE) and len(args) == 2 and not kwargs:
                made = self.binary_object(fn, *args, node)
                if made is None:
                    made = self.compare_object(fn, *args, node)
                if made is not None:
                    return made
            args = self.iterated_arguments(fn, args, node)
        written = self.writing_call(fn, args, kwargs, node) if _hashable(fn) else None
        if written is not None:
            return written
        if self.quiet and fn in FILTERS:
            return Known(None)
        if _hashable(fn) and fn in WRITTEN_OUT:
            return self.call_source(WRITTEN_OUT[fn], args, kwargs, node)
        if _hashable(fn) and fn in WITH_KEYWORDS:
            passed = {k: v for k, v in kwargs.items() if not same(v, Known(np._NoValue))}
            if not WITH_KEYWORDS[fn][1].isdisjoint(passed):
                return self.call_source(WITH_KEYWORDS[fn][0], args, passed, node)
        if isinstance(fn, np.vectorize):
            made = self.revectorized(fn, node)
            return self.call_binding(made, args, kwargs, node)
        reduced = ufunc_method(self, fn, args, kwargs, node)
        if reduced is not None:
            return reduced
        special = _SPECIAL.get(fn) if _hashable(fn) else None
        kwargs = dict(kwargs)
        if special is not None:
            result = special(self, args, kwargs, node)
            if result is not None:
                return result
        answer = kind_queries.answer(self, fn, args, kwargs)
        if answer is not None:
            return answer
        for reader in (reading.method, reading.cached, dispatched):
            found = reader(self, fn, args, kwargs, node)
            if found is not None:
                return found
        derived = self.derivative_request(fn, args, kwargs, node)
        if derived is not None:
            return derived
        if lookup(fn) is not None:
            if fn in CALLBACKS:
                args, kwargs = self.with_lifted(fn, args, kwargs, node)
            return self.apply(fn, args, kwargs, node)
        got = call_operator(self, fn, args, node)
        if got is not None:
            return got
        if isinstance(fn, functools.partial):
            merged = {k: Known(v) for k, v in fn.keywords.items()} | kwargs
            return self.call_known(fn.func, [*map(Known, fn.args), *args], merged, node)
        known = all(isinstance(a, Known) for a in (*args, *kwargs.values()))
        if function_name(fn) == "_make" and classes.is_namedtuple(fn.__self__):
            return self.constructed(fn.__self__, self.known_elements(args[0], node), {}, node)
        function = getattr(fn, "__func__", fn)
        if isinstance(getattr(fn, "__self__", None), LOGGERS):  # their level may change
            return opaque.call(self, fn, args, kwargs, node)
        if isinstance(function, types.FunctionType):
            given = [Known(fn.__self__), *args] if isinstance(fn, types.MethodType) else args
            if function is not fn and lookup(function) is not None:
                return self.apply(function, given, kwargs, node)
            try:
                return self.call_source(function, given, kwargs, node)
            except SrcadError:
                if not known:  # else no derivative flows through it, whatever it does
                    raise
                return opaque.call(self, fn, args, kwargs, node)
        wrapped = getattr(fn, "__wrapped__", None)
        if isinstance(fn, _DISPATCHER) and isinstance(wrapped, types.FunctionType):
            try:  # a function of NumPy that is written in Python
                return self.call_source(wrapped, args, kwargs, node)
            except SrcadError:
                return opaque.call(self, fn, args, kwargs, node)
            except StaticRequired as need:
                if not need.params & {path[0] for path in self.wanted_paths}:
                    raise
                return opaque.call(self, fn, args, kwargs, node)
        method = self.special_method(Known(fn), "__call__", node)
        if method is not None:
            return self.call_binding(method, args, kwargs, node)
        if isinstance(fn, enum.Enum) and isinstance(type(fn).__call__, types.FunctionType):
            return self.call_source(type(fn).__call__, [Known(fn), *args], kwargs, node)
        if isinstance(fn, enum.EnumMeta):
            return self.enum_member(fn, args, kwargs, node)
        if isinstance(fn, type) and (classes.is_own(fn) or container_of(fn) is not None):
            return self.construct(fn, args, kwargs, node)
        if followed_error(fn) and not (known and fn.__module__ == "builtins"):
            return self.error_object(fn, args, kwargs, node)
        if isinstance(fn, type) and fn.__module__ != "builtins":
            if not known or issubclass(fn, collections.defaultdict):
                self.refuse_class(fn, node)
        return opaque.call(self, fn, args, kwargs, node)

    def revectorized(self, fn: Any, node: gast.AST) -> Binding:
        """What makes such a `np.vectorize` again."""
        options = {
            "otypes": Known(fn.otypes and list(fn.otypes)),
            "excluded": Known(tuple(fn.excluded)), "signature": Known(fn.signature),
        }  # fmt: skip
        self.assumptions.add("attribute", fn, "pyfunc", fn.pyfunc)
        return self.call_source(WRITTEN_OUT[np.vectorize], [Known(fn.pyfunc)], options, node)

    def enum_member(
        self, cls: enum.EnumMeta, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """The member of an enumeration that has this value."""
        values = [self.settled(a) for a in args]
        for value in values:
            if isinstance(value, Value):
                self.require_static(value, node, "the value of a member of an enumeration")
        if kwargs or not all(isinstance(v, Known) for v in values):
            self.refuse_class(cls, node)
        return reading.read(self, cls, tuple(v.value for v in values), node)

    def stopped(
        self, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """`stop_gradient` of a number or array, or of each of a container of these."""
        given = [*args, *kwargs.values()]
        if len(given) != 1 or any(k != "x" for k in kwargs):
            raise self.unsupported(
                node, "`srcad.stop_gradient` takes one argument",
                f"{len(given)} are given", "pass a tuple for several values",
            )  # fmt: skip

        def stop(binding: Binding) -> Binding:
            held = self.deref(binding)
            if isinstance(held, Struct):
                made = Struct(held.kind, tuple((k, stop(b)) for k, b in held.items))
                return made if held.kind == "tuple" else self.boxed(made, held.kind)
            if isinstance(held, Value):
                return self.apply(stop_gradient, [binding], {}, node)
            return binding

        return stop(given[0])

    def apply(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """Apply a function of the rule table."""
        self.refuse_text(fn, args, node)
        if fn in MEASURES and len(args) == 1 and not kwargs:
            measured = self.measured(fn, args[0])
            if measured is not None:
                return measured  # type: ignore[no-any-return]
        if _python_function(fn) and all(isinstance(a, Known) for a in args) and not kwargs:
            folded = self.fold(fn, *(a.value for a in args))  # type: ignore[union-attr]
            if folded is not None and not isinstance(folded.value, np.generic):
                return folded
        if fn not in (len, operator.contains):
            for a in (*args, *kwargs.values()):
                self.refuse_keys(a, node)
        try:
            seen = self.array_view(fn, args, kwargs, node)
            if seen is not None:
                return seen
            converted = [self.argument(a, node) for a in args]
            keywords = {k: self.argument(v, node) for k, v in kwargs.items()}
            result = apply_rule(self.builder, fn, converted, keywords)
        except NeedsConstant as error:
            self.require_static(error.value, node, error.what.split(" must be")[0])
            raise
        except SrcadError as error:
            if error.loc is None:
                raise type(error)(
                    error.what, reason=error.reason, advice=error.advice, loc=self.loc(node)
                ) from error
            raise
        if fn is np.ndarray.tolist:
            self.separate_values.add(result)
        copies = fn is np.astype and "copy" not in kwargs
        views = (may_return_operand(fn) and not copies) or (
            fn is np.array and not _copies(kwargs)
        )
        shared = [*args, *kwargs.values()]
        if fn in HANDED_ON:
            position, name = HANDED_ON[fn]
            shared = [*args[position : position + 1], *[v for k, v in kwargs.items() if k == name]]
        if views:
            self.note_views(shared, result)
        elif fn in CONTIGUOUS and isinstance(result, Value) and "order" not in kwargs:
            self.note_contiguous(fn, args, result)
        t = result.type
        if isinstance(result, Value) and isinstance(t, TupleOf) and t.elems is not None:
            if fn not in (np.shape,):
                parts = [self.item(result, i) for i in range(len(t.elems))]
                if views:
                    for part in parts:
                        self.note_views(shared, part)
                if fn in _NAMED:
                    return self.construct(type(fn(np.eye(1))), parts, {}, node)
                return self.new_sequence("list" if fn in _GIVE_LISTS else "tuple", parts)
        return self.as_binding(result)

    def refuse_text(self, fn: Any, args: list[Binding], node: gast.AST) -> None:
        """`float(text)`: what the text was made of is lost."""
        reads = fn in (float, complex) or (isinstance(fn, type) and issubclass(fn, np.generic))
        if reads and any(isinstance(a, Value) and a.type == STR for a in args):
            raise MissingRuleError(
                "a number is read from a text of run time here",
                reason="a derivative would have to flow through the text",
                advice="compute with the number that the text was made of",
                loc=self.loc(node),
            )

    def argument(self, binding: Binding, node: gast.AST) -> Any:
        """A binding as `rules.symbols.apply` takes it: known objects plain, the rest operands."""
        binding = self.settled(binding)
        if isinstance(binding, Known):
            if isinstance(binding.value, np.ndarray):
                return self.operand(binding, node)
            return binding.value
        if isinstance(binding, Struct) and binding.kind != "dict":
            if all(is_plain(p) for p in binding.parts):
                parts = [self.argument(p, node) for p in binding.parts]
                return tuple(parts) if binding.kind == "tuple" else parts
        return self.operand(binding, node)

    def array_method(
        self, method: BoundMethod, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        done = self.own_method(method, args, kwargs, node)
        if done is not None:
            return done
        fn = ARRAY.methods[method.name]
        if "out" in kwargs:
            rest = {k: v for k, v in kwargs.items() if k != "out"}
            made = self.array_method(method, args, rest, node)
            if same(kwargs["out"], Known(None)):
                return made
            self.put_into(kwargs["out"], made, node)
            return kwargs["out"]
        if fn in WITH_KEYWORDS and not WITH_KEYWORDS[fn][1].isdisjoint(kwargs):
            return self.call_known(fn, [method.receiver, *args], kwargs, node)
        if fn is runtime.item and args:
            return self.item_at(method.receiver, args, node)
        all_args: list[Binding] = [method.receiver, *args]
        adapter = METHOD_ADAPTERS.get(method.name)
        if adapter is not None:
            plain = [self.argument(a, node) for a in all_args]
            named = {k: self.argument(v, node) for k, v in kwargs.items()}
            new_args, new_kwargs = adapter(plain, named)
            all_args = [self.rebind(a) for a in new_args]
            if isinstance(method.receiver, Ref) and new_args[0] is plain[0]:
                all_args[0] = method.receiver
            kwargs = {k: self.rebind(v) for k, v in new_kwargs.items()}
        if method.name in ("conj", "conjugate"):  # a real array returns itself
            made = self.apply(fn, all_args, kwargs, node)
            self.note_views([method.receiver], made)
            return made
        if method.name not in ("copy", "flatten"):
            return self.apply(fn, all_args, kwargs, node)
        made = self.apply(fn, [self.deref(all_args[0]), *all_args[1:]], kwargs, node)
        self.may_view.pop(made, None)  # the methods copy, in C order, where the functions need not
        if isinstance(made, Value) and not (args or kwargs):
            self.contiguous.add(made)
        return made

    def item_at(self, receiver: Binding, args: list[Binding], node: gast.AST) -> Binding:
        """``x.item(i)`` or ``x.item(i, j)``: an element as a Python number."""
        x = self.deref(receiver)
        first = self.deref(args[0])
        index = list(first.parts) if isinstance(first, Struct) else args
        if len(index) == 1 and rank_of(x.type) != 1:
            x = self.apply(np.ravel, [x], {}, node)
        operands = [self.operand(i, node) for i in index]
        element = self.as_binding(getitem_operands(self.builder, x, operands))
        return self.apply(runtime.item, [element], {}, node)

    def rebind(self, value: Any) -> Binding:
        if isinstance(value, Value):
            return value
        if isinstance(value, Const):
            return Known(value.value)
        if isinstance(value, (tuple, list)):
            return Struct.sequence(type(value).__name__, [self.rebind(v) for v in value])
        return Known(value)


def _may_take_none(callee: Binding) -> bool:
    """Whether a call of this is followed, so that an argument may be None on some paths."""
    if isinstance(callee, Known):
        function = getattr(callee.value, "__func__", callee.value)
        return isinstance(function, types.FunctionType) and lookup(function) is None
    return isinstance(callee, (Closure, Choice, Partial)) or (
        isinstance(callee, BoundMethod) and callee.function is not None
    )


def function_name(fn: Any) -> str:
    """The name of a method of a class that is bound to it; empty for all else."""
    owner = getattr(fn, "__self__", None)
    return fn.__name__ if isinstance(owner, type) and hasattr(fn, "__name__") else ""


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _is_output(fn: Any) -> bool:
    """Whether a call of this writes something for people to read, and gives nothing back."""
    receiver = getattr(fn, "__self__", None)
    if isinstance(receiver, LOGGERS):
        return fn.__name__ in ("debug", "info", "warning", "error", "critical", "log", "exception")
    return _hashable(fn) and fn in (*_OUTPUT, *_LOGGING)


def _python_function(fn: Any) -> bool:
    module = getattr(fn, "__module__", None)
    return module in ("math", "operator", "_operator", "builtins")


def _first_by_position(
    fn: Any, kwargs: dict[str, Binding]
) -> tuple[list[Binding], dict[str, Binding]]:
    """The arguments with the array first that is given by its name: the result may view it."""
    rule = lookup(fn)
    name = next(iter(rule.signature.parameters), None) if rule is not None else None
    if rule is None or name not in kwargs or name not in rule.operands:
        return [], kwargs
    return [kwargs[name]], {k: v for k, v in kwargs.items() if k != name}


def _copies(kwargs: dict[str, Binding]) -> bool | None:
    """Whether np.array certainly copies what it is given, as `copy` says; None if the run decides.

    If not certainly, its argument may come back.
    """
    copy = kwargs.get("copy", Known(True))
    if not isinstance(copy, Known):
        return None
    if isinstance(copy.value, (int, np.bool_)):
        return bool(copy.value)
    return copy.value is np._CopyMode.ALWAYS
