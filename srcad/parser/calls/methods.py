"""Methods of arrays and containers that write them or that depend on their structure."""

from __future__ import annotations

import operator
from typing import Any

import gast

from srcad.errors import AliasingError
from srcad.ir.abstract import ANY, ONE, Array, Dim, ListOf, Scalar, TableOf
from srcad.ir.values import Const, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Known,
    Ref,
    Step,
    Struct,
    describe,
    is_plain,
    same,
)
from srcad.pristine import np
from srcad.rules.numbers import CONTINUOUS as NUMBER_CLASSES

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

CONTAINER_METHODS: dict[str, frozenset[str]] = {
    "tuple": frozenset(("index", "count", "__getitem__")),
    "list": frozenset(
        ("append", "extend", "insert", "pop", "remove", "index", "count", "copy", "clear",
         "reverse", "sort", "__getitem__")
    ),
    "dict": frozenset(
        ("get", "items", "keys", "values", "update", "setdefault", "pop", "popitem", "copy",
         "clear", "move_to_end", "__getitem__")
    ),
}  # fmt: skip
WRITING_METHODS = frozenset(("fill", "sort", "put", "partition", "resize", "itemset"))
_BY_KEY = frozenset(("get", "setdefault", "pop"))
_MISSING = object()


class MethodLowering(_Base):
    # ------------------------------------------------------------------ arrays
    def own_method(
        self, method: BoundMethod, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        """A method that is no function of the rule table; None if it is one."""
        receiver = method.receiver
        content = self.deref(receiver)
        if isinstance(receiver, Ref) and receiver.cell.special is not None:
            self.check_cache(receiver, method.name, args, node)
            done: Binding | None = self.special_call(
                receiver, method.name, args, kwargs, node
            )
            if done is not None:
                return done
        if method.name == "__getitem__" and len(args) == 1:
            item: Binding = self.subscript(receiver, args[0], node)
            return item
        if isinstance(content, Struct) and content.kind == "dict":
            by_key_of_run = (
                method.name in _BY_KEY and args and self.is_run_key(self.settled(args[0]))
            )
            if method.name == "update" and any(map(self.has_run_keys, args)):
                by_key_of_run = True
            if by_key_of_run and not content.items and method.name == "get":
                return args[1] if len(args) > 1 else Known(None)
            if by_key_of_run:
                table = self.as_table_value(content, node)
                if table is not None:
                    self.write(receiver, table, node)
                    content = table
        if isinstance(content, Value) and isinstance(content.type, TableOf):
            by_key = getattr(self, f"run_dict_{method.name}", None)
            if by_key is None:
                raise self.unsupported(
                    node, f"`{method.name}` of a dictionary with keys of the run cannot be "
                    "differentiated", "which entry it concerns is known at run time only",
                    "use `pop` with a key",
                )  # fmt: skip
            entry: Binding = by_key(receiver, content, args, kwargs, node)
            return entry
        if isinstance(content, Struct):
            handler = getattr(self, f"{content.kind}_{method.name}")
            return handler(receiver, content, args, kwargs, node)
        if isinstance(content, Value) and isinstance(content.type, ListOf):
            handler = getattr(self, f"run_list_{method.name}", None)
            if handler is None:
                raise self.unsupported(
                    node, f"`{method.name}` of a list of unknown length cannot be differentiated",
                    "which elements it concerns is not known while compiling",
                    "use append, pop and indices, or an array",
                )  # fmt: skip
            found: Binding = handler(receiver, content, args, kwargs, node)
            return found
        if method.name not in WRITING_METHODS:
            return None
        if method.name == "fill" and len(args) == 1 and not kwargs:
            self.write_to(receiver, args[0], node, [Const.of(Ellipsis)])
        elif method.name == "sort":
            self.write_to(receiver, self.apply(np.sort, [receiver, *args], kwargs, node), node)
        elif method.name == "put":
            self.call_known(np.put, [receiver, *args], kwargs, node)
        else:
            raise self.unsupported(
                node, f"`{method.name}` of an array cannot be differentiated",
                "it changes the array in a way that srcad does not follow",
                "make a new array instead",
            )  # fmt: skip
        return Known(None)

    def write_to(
        self, target: Binding, value: Binding, node: gast.AST, index: Any = None
    ) -> None:
        """Store into an array that is an argument of a call (`out=`, `np.copyto`)."""
        if not isinstance(target, Ref):
            self.refuse_write(target, node)
        assert isinstance(target, Ref)
        old, new = self.deref(target), self.deref(value)
        if index is None and not (isinstance(new, Value) and new.type == old.type):
            index = [Const.of(Ellipsis)]
        self.write(target, new, node, index)

    def refuse_write(self, target: Binding, node: gast.AST) -> None:
        if isinstance(target, Value) and target in self.external:
            self.check_write(self.new_cell(target, target.name), node)
        is_tuple = isinstance(target, Struct) and target.kind == "tuple"
        if is_tuple or isinstance(target, Value) and isinstance(target.type, Scalar):
            raise self.python_raises(
                TypeError(), node, f"a store into {describe(target)}",
                "Python raises TypeError here", "store into a list or an array",
            )  # fmt: skip
        raise self.unsupported(
            node, f"a store into {describe(target)} cannot be differentiated",
            "srcad follows stores into arrays, lists and dictionaries",
            "store into an array that the function has made",
        )  # fmt: skip

    def array_view(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        """The result of a function that certainly returns a view of (or just) its argument."""
        if not args or not isinstance(args[0], Ref):
            return None
        owner = args[0]
        t = getattr(self.deref(owner), "type", None)
        if not isinstance(t, Array) or t.item or t.dims is None:
            return None
        if fn in _REARRANGED:
            given = dict(zip(_REARRANGED[fn], args[1:])) | kwargs
            if not all(is_plain(self.settled(b)) for b in given.values()):
                return None
            step = _rearranged(fn, {k: self.argument(b, node) for k, b in given.items()}, t.dims)
            return None if step is None else self.view(owner, step)
        if kwargs:
            return None
        if fn in (np.asarray, np.asanyarray) and len(args) == 1:
            return owner
        if fn in NUMBER_CLASSES and len(args) == 1 and t.dims and t.dtype == np.dtype(fn).name:
            return owner
        if fn is np.asarray and isinstance(args[1], Known) and t.dtype is not None:
            wanted = args[1].value
            if wanted is None or (wanted in (float, np.float64) and t.dtype == "float64"):
                return owner
        rest = args[1:]
        if fn in (np.reshape, np.ravel) and self.reshape_is_view(owner, fn):
            shape = rest[0] if rest else Known(-1)
            return self.view(owner, Step("reshape", (self.operand(shape, node),)))
        return None

    # ------------------------------------------------------------------ lists of known length
    def put_list(self, owner: Binding, parts: list[Binding], node: gast.AST) -> None:
        assert isinstance(owner, Ref)
        self.write(owner, Struct.sequence("list", [self.boxed(p) for p in parts]), node)

    def list_append(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        self.put_list(owner, [*held.parts, args[0]], node)
        return Known(None)

    def list_extend(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        added = self.known_elements(args[0], node)
        self.put_list(owner, [*held.parts, *added], node)
        return Known(None)

    def list_insert(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        if isinstance(self.settled(args[0]), Value) and held.parts:
            of_run = self.as_list_value(held, node)
            if of_run is not None:
                self.write(owner, of_run, node)
                return self.run_list_insert(owner, of_run, args, kwargs, node)  # type: ignore[no-any-return]
        parts = list(held.parts)
        parts.insert(self.static_int(args[0], node, "where to insert"), args[1])
        self.put_list(owner, parts, node)
        return Known(None)

    def list_pop(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        parts = list(held.parts)
        at = self.static_int(args[0], node, "which element to pop") if args else -1
        if not -len(parts) <= at < len(parts):
            raise self.python_raises(
                IndexError(), node, f"a list of {len(parts)} has no element {at} to pop",
                "Python raises IndexError here", "correct the index",
            )  # fmt: skip
        taken = parts.pop(at)
        self.put_list(owner, parts, node)
        return taken

    def list_remove(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        at = self.position(held, args[0], node)
        parts = list(held.parts)
        del parts[at]
        self.put_list(owner, parts, node)
        return Known(None)

    def list_clear(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        self.put_list(owner, [], node)
        return Known(None)

    def list_reverse(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        self.put_list(owner, list(held.parts)[::-1], node)
        return Known(None)

    def list_copy(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        return self.new_cell(held, "items")

    def list_sort(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        made = self.call_known(sorted, [owner], kwargs, node)
        content = self.deref(made)
        assert isinstance(owner, Ref)
        self.write(owner, content, node)
        return Known(None)

    def list_index(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        return Known(self.position(held, args[0], node))

    tuple_index = list_index

    def list_count(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        if not all(isinstance(p, Known) for p in (*held.parts, args[0])):
            return self.undecided(node, "count")
        return Known(sum(same(p, args[0]) for p in held.parts))

    tuple_count = list_count

    def position(self, held: Struct, wanted: Binding, node: gast.AST) -> int:
        """Where an element that is known while compiling stands."""
        for i, part in enumerate(held.parts):
            if isinstance(part, Known) and isinstance(wanted, Known):
                if part.value == wanted.value:
                    return i
            elif part is wanted or (isinstance(part, Ref) and same(part, wanted)):
                return i
            else:
                self.undecided(node, "index")
        raise self.python_raises(
            ValueError(), node, "this element is not in the list", "Python raises ValueError here",
            "correct the element",
        )  # fmt: skip

    def undecided(self, node: gast.AST, what: str) -> Binding:
        raise self.unsupported(
            node, f"`{what}` compares elements that are not known while compiling",
            "which element it finds may change from call to call", "compare them in a loop",
        )  # fmt: skip

    def static_int(self, binding: Binding, node: gast.AST, what: str) -> int:
        found = self.deref(binding)
        if isinstance(found, Value):
            self.require_static(found, node, what)
        if isinstance(found, Known) and isinstance(found.value, (int, np.integer)):
            return int(found.value)
        raise self.unsupported(
            node, f"{what} must be an integer", f"it is {describe(found)}", "pass an integer"
        )

    # ------------------------------------------------------------------ dictionaries
    def dict_items(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        pairs: list[Binding] = [Struct.sequence("tuple", [Known(k), b]) for k, b in held.items]
        return self.dict_view(owner, "items", pairs)

    def dict_view(self, owner: Any, name: str, parts: list[Binding]) -> Struct:
        """A view, which gives what the dictionary holds when it is read."""
        made = Struct.sequence("tuple", parts)
        self.dict_views[id(made)] = (made, owner, name)
        return made

    def as_set(self, binding: Binding) -> Binding:
        """`d.keys()` as an operand of what is one of sets."""
        view = self.dict_views.get(id(binding))
        if view is None or view[2] != "keys":
            return binding
        now = self.view_now(view[0])
        return Known(frozenset(p.value for p in now.parts if isinstance(p, Known)))

    def view_now(self, view: Struct) -> Struct:
        """What a view gives here."""
        _, owner, name = self.dict_views[id(view)]
        held = self.deref(owner)
        if not isinstance(held, Struct):
            raise AliasingError(
                f"{describe(owner)} is changed under a view of it",
                reason="its keys are known to the run only from then on, those of the view are not",
                advice="loop over a copy: `list(d.items())`", loc=self.builder.loc,
            )  # fmt: skip
        return getattr(self, f"dict_{name}")(owner, held, (), {}, None)  # type: ignore[no-any-return]

    def dict_keys(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        return self.dict_view(owner, "keys", [Known(k) for k, _ in held.items])

    def dict_values(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        return self.dict_view(owner, "values", list(held.parts))

    def dict_copy(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        return self.new_cell(held, "table")

    def dict_clear(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        self.write(owner, Struct("dict", ()), node)
        return Known(None)

    def dict_get(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        default = args[1] if len(args) > 1 else Known(None)
        return self.found(held, args[0], node, default)

    def dict_setdefault(
        self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        default = self.boxed(args[1] if len(args) > 1 else Known(None))
        found = self.found(held, args[0], node, _MISSING)
        if found is not _MISSING:
            return found
        self.store(owner, args[0], default, node)
        return default

    def dict_pop(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        found = self.found(held, args[0], node, args[1] if len(args) > 1 else _MISSING)
        if found is _MISSING:
            return self.struct_item(held, args[0], node)  # raises
        key = self.static_key(args[0], node)
        rest = tuple((k, b) for k, b in held.items if k != key)
        self.write(owner, Struct("dict", rest), node)
        return found

    def dict_popitem(
        self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        if not held.items:
            raise self.python_raises(
                KeyError(), node, "a dictionary without entries has none to pop",
                "Python raises KeyError here", "ask whether it has entries first",
            )  # fmt: skip
        last = self.keyword_last(args, kwargs, node)
        key, value = held.items[-1 if last else 0]
        rest = held.items[:-1] if last else held.items[1:]
        self.write(owner, Struct("dict", rest), node)
        return Struct.sequence("tuple", [Known(key), value])

    def dict_move_to_end(
        self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        """`OrderedDict.move_to_end`."""
        key = self.static_key(args[0], node)
        rest = tuple(item for item in held.items if item[0] != key)
        if len(rest) == len(held.items):
            raise self.python_raises(
                KeyError(key), node, f"the dictionary has no entry {key!r}",
                "Python raises KeyError here", "correct the key",
            )  # fmt: skip
        moved = ((key, dict(held.items)[key]),)
        last = self.keyword_last(args[1:], kwargs, node)
        self.write(owner, Struct("dict", rest + moved if last else moved + rest), node)
        return Known(None)

    def keyword_last(self, args: Any, kwargs: Any, node: Any) -> bool:
        """The argument `last` of methods of an OrderedDict."""
        given = self.deref(args[0] if args else kwargs.get("last", Known(True)))
        if not isinstance(given, Known):
            self.require_static(given, node, "`last`")
        return bool(given.value)

    def dict_update(self, owner: Any, held: Struct, args: Any, kwargs: Any, node: Any) -> Binding:
        items = dict(held.items)
        for a in map(self.plain_container, args):
            added = self.deref(a)
            if not self.is_dictionary(a):
                added = self.deref(self.call_known(dict, [a], {}, node))
            if isinstance(added, Known) and isinstance(added.value, dict):
                items.update({k: self.known_object(v) for k, v in added.value.items()})
            elif isinstance(added, Struct) and added.kind == "dict":
                items.update(added.items)
            else:
                raise self.unsupported(
                    node, f"a dictionary is updated with {describe(added)}",
                    "its keys are not known while compiling", "update with a dictionary",
                )  # fmt: skip
        items.update({k: self.boxed(v) for k, v in kwargs.items()})
        self.write(owner, Struct("dict", tuple(items.items())), node)
        return Known(None)

    def found(self, held: Struct, key: Binding, node: gast.AST, default: Any) -> Any:
        """The element of a dictionary, or the default."""
        wanted = self.static_key(key, node)
        for k, part in held.items:
            if k == wanted:
                return part
        return default

    def static_key(self, key: Binding, node: gast.AST) -> Any:
        key = self.settled(key)
        if isinstance(key, Struct) and all(isinstance(p, Known) for p in key.parts):
            return tuple(p.value for p in key.parts if isinstance(p, Known))
        for part in key.parts if isinstance(key, Struct) else (key,):
            if isinstance(part, Value):
                self.require_static(part, node, "a dictionary key")
        if not isinstance(key, Known):
            raise self.unsupported(
                node, "a dictionary key must be known while compiling",
                f"this is {describe(key)}", "use constant keys",
            )  # fmt: skip
        return key.value


# Functions whose result is a view with other axes, and their parameters besides the array.
_REARRANGED = {
    np.transpose: ("axes",), np.swapaxes: ("axis1", "axis2"), np.squeeze: ("axis",),
    np.moveaxis: ("source", "destination"), np.expand_dims: ("axis",),
}  # fmt: skip


def _rearranged(fn: Any, given: dict[str, Any], dims: tuple[Dim, ...]) -> Step | None:
    """The step to a view with other axes; None where NumPy raises, or sizes decide."""
    rank = len(dims)
    axes = list(range(rank))
    try:
        if fn is np.squeeze:
            axis = given.get("axis")
            chosen = [k for k in axes if dims[k] is ONE] if axis is None else _each(axis, rank)
            if (axis is None and ANY in dims) or not all(dims[k] is ONE for k in chosen):
                return None
            if len(chosen) == rank:
                return None
            return Step("index", tuple(Const.of(0 if k in chosen else slice(None)) for k in axes))
        if fn is np.expand_dims:
            added = _each(given["axis"], rank + len(_each(given["axis"], None)))
            places = range(rank + len(added))
            index = tuple(Const.of(None if k in added else slice(None)) for k in places)
            return Step("index", index)
        if fn is np.transpose:
            order = given.get("axes")
            axes = axes[::-1] if order is None else _each(order, rank)
        elif fn is np.swapaxes:
            i, k = given["axis1"], given["axis2"]
            axes[i], axes[k] = axes[k], axes[i]
        else:
            source, target = _each(given["source"], rank), _each(given["destination"], rank)
            axes = [k for k in axes if k not in source]
            for at, k in sorted(zip(target, source)):
                axes.insert(at, k)
    except (KeyError, IndexError, TypeError):
        return None
    if sorted(axes) != list(range(rank)):
        return None
    plain = fn is np.transpose and axes == list(range(rank))[::-1]
    return Step("transpose", (Const.of(None if plain else tuple(axes)),))


def _each(axis: Any, rank: int | None) -> list[int]:
    """The axes that are meant, as positive numbers if the rank is known."""
    found = list(map(operator.index, axis if isinstance(axis, (tuple, list)) else (axis,)))
    if rank is None:
        return found
    if not all(-rank <= a < rank for a in found):
        raise IndexError
    return [a % rank for a in found]
