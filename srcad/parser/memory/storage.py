"""Mutable objects while a function is lowered: memory, references to it, views, writes.

The IR is pure: a write makes a new value of the object's memory (its cell), so every name that
refers to the cell, also through a view, sees it. What cannot be decided (whether two names are
the same memory) is no matter until one of them is written; then it is an AliasingError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gast

from srcad.errors import AliasingError
from srcad.ir import ops as O
from srcad.ir.abstract import (
    UNDEF,
    UNKNOWN,
    Array,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    Type,
    is_number,
    join,
    rank_of,
)
from srcad.ir.values import Const, Loc, Operand, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
    Choice,
    Closure,
    Derived,
    Key,
    Known,
    LazyIterable,
    Maybe,
    Partial,
    Poison,
    Ref,
    Step,
    Struct,
    cells_in,
    describe,
    is_root,
    number,
    plain_name,
)
from srcad.parser.live_names import LiveNames
from srcad.parser.memory.parts import holds_objects
from srcad.pristine import np
from srcad.rules import indexing
from srcad.rules.symbols import apply_operands, getitem_operands

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

# These give a new array in C order, of which a reshape is a view.
CONTIGUOUS = (
    np.zeros, np.ones, np.empty, np.full, np.arange, np.linspace, np.eye, np.identity, np.array,
)  # fmt: skip


def is_mutable(t: Type) -> bool:
    """Whether a value of this type is an object that can change."""
    return isinstance(t, (ListOf, TableOf)) or t == UNKNOWN or (isinstance(t, Array) and not t.item)


class ChangedInLoop(Exception):
    """Control flow of the parser: the loop here has to read each element when its turn comes."""

    def __init__(self, loc: Loc) -> None:
        super().__init__(loc)
        self.loc = loc


class StorageLowering(_Base):
    iterated: dict[Cell, tuple[Loc, ...]]

    # ------------------------------------------------------------------ memory
    def new_cell(self, content: Binding, name: str, origin: str = "") -> Ref:
        """A reference to a new object that holds `content`."""
        cell = Cell(name, origin)
        self.frame.vars[cell] = content
        if isinstance(content, Value):
            self.fill_in_origin(cell, content)
        return Ref(cell)

    def argument_cell(self, content: Binding, value: Value, name: str) -> Ref:
        """A reference to an object that the caller passes."""
        made = self.new_cell(content, name, "argument")
        self.argument_memory[made.cell] = value
        made.cell.separate = made.cell.given = holds_objects(value.type)
        return made

    def fill_in_origin(self, cell: Cell, value: Value) -> None:
        """What is known of where the memory of a new value comes from."""
        if value in self.external:
            cell.origin = cell.origin or self.external[value]
        cell.contiguous = value in self.contiguous
        if holds_objects(value.type):
            cell.separate = value in self.separate_values
            self.part_from(value, cell)
        for owner in self.may_view.get(value, ()):
            for other in (owner, *owner.shared):  # two views of one array may overlap
                if cell.share(other):
                    self.shared_at[frozenset((cell, other))] = self.builder.loc

    def boxed(self, binding: Binding, name: str = "t") -> Binding:
        """The binding as other names can share it: a mutable value gets a cell."""
        if isinstance(binding, Value) and is_mutable(binding.type):
            return self.new_cell(binding, name)
        if isinstance(binding, Maybe):
            return Maybe(binding.present, self.boxed(binding.value, name))
        return binding

    @contextmanager
    def in_use(self, bindings: Sequence[Any]) -> Iterator[None]:
        """What an expression has read and still needs: what it may be a view of may not change."""
        outer = self.iterated
        views = [self.new_cell(b, b.name).cell for b in bindings if self.is_view_made(b)]
        if views:
            self.iterated = {**outer, **dict.fromkeys(views, ())}
        try:
            yield
        finally:
            self.iterated = outer
            for cell in views:
                self.frame.vars.pop(cell, None)
                for other in cell.shared:
                    other.shared.discard(cell)

    def is_view_made(self, binding: Any) -> bool:
        """Whether this is what a function of NumPy made, perhaps a view (what a user's function
        returns, or a list holds, may be a number)."""
        if not isinstance(binding, Value) or not self.may_view.get(binding):
            return False
        op = self.builder.defining.get(binding)
        return op is not None and op.kind is O.APPLY

    def deref(self, binding: Any) -> Any:
        """What a reference holds here; any other binding as it is."""
        if not isinstance(binding, Ref):
            return self.view_now(binding) if id(binding) in self.dict_views else binding
        return self.project(binding.cell, binding.path) if binding.path else self.held(binding.cell)

    def held(self, cell: Cell) -> Binding:
        found: Binding = self.frame.vars[cell]
        if isinstance(found, Poison):
            raise self.of_many_kinds(cell.name, found, self.builder.loc)
        return found

    def settled(self, binding: Any) -> Any:
        """A binding with all references replaced by what they hold, but for those to objects."""
        if self.object_of(binding) is not None:
            return binding
        binding = self.deref(binding)
        if isinstance(binding, Struct):
            parts = tuple((k, self.settled(b)) for k, b in binding.items)
            return Struct(binding.kind, parts)
        return binding

    def project(self, cell: Cell, path: Sequence[Step]) -> Value:
        """The view of an array that a path leads to, as a value."""
        value = self.frame.vars[cell]
        for step in path:
            value = self.step_value(value, step)
        assert isinstance(value, Value)
        return value

    def step_value(self, base: Value, step: Step) -> Value:
        key = (base, step.key())
        known = self.projected.get(key)
        if known is not None and self.builder.is_open(known[1]):
            return known[0]
        if step.kind in ("index", "item"):
            value = getitem_operands(self.builder, base, list(step.operands))
        elif step.kind == "transpose":
            axes = step.operands[0]
            assert isinstance(axes, Const)
            attrs = {} if axes.value is None else {"axes": axes.value}
            value = apply_operands(self.builder, np.transpose, (base,), attrs)
        else:
            value = apply_operands(self.builder, np.reshape, (base, *step.operands), {})
        assert isinstance(value, Value)
        self.projected[key] = (value, self.builder.block)
        return value

    # ------------------------------------------------------------------ views
    def view(self, owner: Ref, step: Step) -> Binding | None:
        """The view that `step` gives, or None if it is no reference to the same memory."""
        base = self.deref(owner)
        if not isinstance(base, Value):
            return None
        if step.kind == "index" and isinstance(base.type, (ListOf, TableOf)):
            place: Binding | None = self.item_view(owner, base.type, step)
            return place
        basic = step.kind != "index" or indexing.is_basic(step.operands)
        if basic is False or not (isinstance(base.type, Array) or base.type == UNKNOWN):
            return None
        value = self.step_value(base, step)
        t = value.type
        if basic and isinstance(t, Array) and not t.item and t.dims is not None:
            return Ref(owner.cell, (*owner.path, step))
        if not is_number(t):  # an element or a view: which of them is not known
            self.may_view[value] = (owner.cell,)
        return value

    def reshape_is_view(self, owner: Ref, fn: Any) -> bool:
        """Whether `np.reshape` or `np.ravel` of an array in C order certainly copies nothing."""
        content = self.deref(owner)
        if fn is np.reshape and rank_of(content.type) == 1:
            return True
        return owner.cell.contiguous and all(
            step.kind == "reshape" or (step.kind == "index" and all(map(_is_int, step.operands)))
            for step in owner.path
        )

    def note_contiguous(self, fn: Any, args: Sequence[Binding], result: Value) -> None:
        """The result of a function that makes a new array in C order."""
        if fn is np.array and args:
            source = self.deref(args[0])
            of_array = isinstance(source, Value) and not isinstance(source.type, ListOf)
            if of_array and rank_of(source.type) != 1:  # in the order of that array
                if not (isinstance(args[0], Ref) and self.reshape_is_view(args[0], np.ravel)):
                    return
        self.contiguous.add(result)

    def note_views(self, args: Iterable[Any], result: Any) -> None:
        """The result of a function may be a view of its arguments."""
        if isinstance(result, Value) and is_mutable(result.type):
            found: dict[Cell, None] = {}
            for b in args:
                found.update(dict.fromkeys(self.reachable([b])))
                if isinstance(b, Value):
                    found.update(dict.fromkeys(self.may_view.get(b, ())))
                    if b in self.external:
                        self.external[result] = self.external[b]
            if found:
                self.may_view[result] = tuple(found)

    def note_held(self, cell: Cell, bindings: Iterable[Any]) -> None:
        """A list that is one value holds these objects. What they become later is not seen in
        it, so they must not be written any more."""
        bindings = list(bindings)
        self.note_parts(cell, bindings)
        for other in self.reachable(bindings):
            if other is not cell and other.origin in ("", "argument"):
                other.origin = f"in the list `{cell.name}`"

    def note_element(self, holder: Binding, element: Any) -> None:
        """An element of such a list must not be written either."""
        if not isinstance(element, Value) or not is_mutable(element.type):
            return
        t = getattr(self.deref(holder), "type", None)
        if isinstance(t, (ListOf, TableOf)):
            name = f" `{holder.cell.name}`" if isinstance(holder, Ref) else ""
            kind = "list" if isinstance(t, ListOf) else "dictionary"
            self.external.setdefault(element, f"an element of the {kind}{name}")

    # ------------------------------------------------------------------ writes
    def write(
        self, ref: Ref, content: Binding, node: gast.AST, index: Any = None, grows: bool = False
    ) -> None:
        """Make an object hold `content`, or a view of it; with `index` only what that selects.

        A list that only `grows` keeps its elements where they are.
        """
        if ref.cell in self.attribute_owners:
            self.write_attributes(ref.cell, content, node)
            return
        self.check_write(ref, node)
        if index is None and self.iterated.get(ref.cell) and not ref.path:
            self.check_iterated(ref.cell, content, node)
        if any(step.kind == "item" for step in ref.path):
            self.check_parts(ref, node)
        held = self.deref(ref)
        if isinstance(held, Value) and holds_objects(held.type) and not grows:
            self.check_places(ref, node)
        path, parts = list(ref.path), index
        if parts is not None:
            path, parts = composed(path, parts, self.deref)
        value = content
        if parts is not None:
            base = self.project(ref.cell, path) if path else self.held(ref.cell)
            of_list = isinstance(base, Value) and isinstance(base.type, ListOf)
            stored = self.element(content, node) if of_list else self.operand(content, node)
            value = self.put(base, stored, parts)
        for depth in range(len(path) - 1, -1, -1):
            base = self.project(ref.cell, path[:depth]) if depth else self.held(ref.cell)
            value = self.put_back(base, path[depth], value)
        if isinstance(value, Value):
            self.rename(value, ref.cell.name)
            if isinstance(value.type, (ListOf, TableOf)) and is_mutable(value.type.elem):
                self.note_held(ref.cell, [content])
        self.frame.vars[ref.cell] = value

    def put(self, base: Any, value: Operand, parts: Sequence[Operand]) -> Value:
        t = base.type
        if isinstance(t, ListOf):
            t = ListOf(join(t.elem, value.type))
        elif isinstance(t, TableOf):
            t = TableOf(join(t.key, parts[0].type), join(t.elem, value.type))
        return self.builder.emit1(O.SETITEM, (base, value, *parts), t, base.name)

    def put_back(self, base: Any, step: Step, value: Any) -> Binding:
        """The whole of which a view has become `value`."""
        if step.kind in ("index", "item"):
            return self.put(base, value, step.operands)
        if step.kind == "transpose":
            axes = step.operands[0].value  # type: ignore[union-attr]
            back = {} if axes is None else {"axes": tuple(int(i) for i in np.argsort(axes))}
            made = apply_operands(self.builder, np.transpose, (value,), back)
        else:
            shape = apply_operands(self.builder, np.shape, (base,), {})
            made = apply_operands(self.builder, np.reshape, (value, shape), {})
        assert isinstance(made, Value)
        if made.type != base.type:
            made.type = base.type
        return made

    def check_write(self, ref: Ref, node: gast.AST) -> None:
        """Raise if it is not known who else sees a write to this memory."""
        cell = ref.cell
        name = cell.name
        if cell.origin not in ("", "argument"):
            outside = " list" not in cell.origin and " dictionary" not in cell.origin
            raise AliasingError(
                f"`{name}` is {cell.origin}, and this changes it",
                reason="a derivative that changes what is outside would change it once more"
                if outside else "which element it is is not known while compiling, so srcad "
                "cannot tell who else sees the change",
                advice=f"work on a copy: `{name} = {name}.copy()`",
                loc=self.loc(node),
            )
        if cell.shared:
            visible = self.visible_names(self.live_here())
            # the caller sees it, or a loop around reads on
            unnamed = cell.shared & self.frame.lasting.union(self.iterated)
            for other in sorted(unnamed, key=lambda c: c.name):
                visible.setdefault(other, other.name)
            for other, second in visible.items():
                if other in cell.shared:
                    place = self.shared_at.get(frozenset((cell, other)))
                    made = f" (line {place.line}: `{place.text.strip()}`)" if place else ""
                    raise AliasingError(
                        f"`{name}` and `{second}` may share memory, and `{name}` is changed here",
                        reason="whether they do is not known while compiling, so srcad cannot "
                        f"tell whether `{second}` changes too",
                        advice=f"add `.copy()` where one of them is made out of the other{made}",
                        loc=self.loc(node),
                    )
        if cell.origin == "argument":
            self.written_arguments.add(cell)

    def check_iterated(self, cell: Cell, content: Binding, node: gast.AST) -> None:
        """A list or dictionary that is looped over may not change its length meanwhile.

        Raises
        ------
        ChangedInLoop
            If an element changes, and the loop has taken the elements at its start.
        AliasingError
            If the length changes.
        """
        held = self.held(cell)
        if isinstance(held, Struct) and isinstance(content, Struct):
            if [k for k, _ in held.items] == [k for k, _ in content.items]:
                loops = self.iterated[cell]
                if held.kind != "list" or all((cell, at) in self.live_loops for at in loops):
                    return
                for loc in loops:
                    if loc not in self.live:
                        raise ChangedInLoop(loc)
        elif isinstance(held, Value) and not isinstance(held.type, ListOf):
            return
        raise AliasingError(
            f"`{cell.name}` is changed while a loop runs over it",
            reason="how often the loop runs would depend on what it does",
            advice=f"loop over a copy: `list({cell.name})`",
            loc=self.loc(node),
        )

    def live_here(self) -> frozenset[str] | None:
        """Names of the function that this statement or a later one may read; None: all."""
        live = self.live_names()
        return None if live is None else live.at(self.frame.statement)

    def names_after(self) -> frozenset[str] | None:
        """Names of the function that a later statement may read; None: all."""
        live = self.live_names()
        return None if live is None else live.after(self.frame.statement)

    def live_names(self) -> LiveNames | None:
        frame = self.frame
        if not isinstance(frame.node, gast.FunctionDef):
            return None
        if frame.live_names is None:
            frame.live_names = LiveNames(frame.node.body)
        found: LiveNames = frame.live_names
        return found

    def visible_names(self, live: frozenset[str] | None = None) -> dict[Cell, str]:
        """Cells that some name leads to here, with such a name; with `live`, of the names of this
        function only those are asked."""
        found: dict[Cell, str] = {}
        frames = [self.frame]
        for frame in frames:
            state = frame.vars
            for name, binding in state.items():
                if frame is self.frame and live is not None and name in frame.locals - live:
                    if "." not in key_name(name):  # those of what is lowered in place are read on
                        continue
                if is_root(name, binding):
                    self.note_reachable(binding, plain_name(key_name(name)), found, frames)
            if frame.outer is not None and frame.outer not in frames:
                frames.append(frame.outer)
        return found

    def note_reachable(
        self, binding: Any, name: str, found: dict[Cell, str], frames: list[Any] | None = None
    ) -> None:
        """Note all cells that can be reached from a binding."""
        todo = [binding]
        while todo:
            b = todo.pop()
            if isinstance(b, Closure):
                if frames is not None and b.frame not in frames:
                    frames.append(b.frame)
                todo.extend(b.defaults)
            elif isinstance(b, Derived):
                todo.append(b.target)
            elif isinstance(b, Struct):
                todo.extend(b.parts)
            elif isinstance(b, BoundMethod):
                todo.append(b.receiver)
            elif isinstance(b, Maybe):
                todo.append(b.value)
            elif isinstance(b, Choice):
                todo.extend([b.then, b.orelse])
            elif isinstance(b, LazyIterable):
                todo.extend(b.parts)
                if b.used is not None:
                    found.setdefault(b.used, name)
            elif isinstance(b, Partial):
                todo.extend([b.target, *b.args, *(v for _, v in b.kwargs)])
            for cell in cells_in(b) if isinstance(b, Ref) else ():
                if cell not in found:
                    found[cell] = name
                    if cell in self.frame.vars:
                        todo.append(self.frame.vars[cell])

    def holders(self, cell: Cell) -> list[str]:
        """For each reference to a cell that can be reached here, a name that leads to it."""
        held = [(n.lstrip("$"), b) for n, b in self.frame.vars.items() if isinstance(n, str)]
        held += [
            (name, self.frame.vars[other])
            for other, name in self.visible_names().items()
            if other in self.frame.vars
        ]
        names = [name for name, b in held if not isinstance(b, Poison) for c in cells_in(b)
                 if c is cell]  # fmt: skip
        return [*names, "the caller"] if cell in self.frame.lasting else names

    def reachable(self, bindings: Iterable[Binding | None]) -> list[Cell]:
        """All cells that can be reached from these bindings, in order."""
        found: dict[Cell, str] = {}
        for b in bindings:
            self.note_reachable(b, "", found)
        return list(found)

    # ------------------------------------------------------------------ lists
    def element(self, content: Any, node: gast.AST) -> Operand:
        """What a list of unknown length is to hold: a list is of unknown length as well."""
        held = self.settled(content)
        listed = None
        if isinstance(held, Struct) and held.kind == "list":
            listed = self.as_list_value(held, node)
        content = self.deref(held)
        objects = isinstance(content, Struct) and content.kind in ("object", "dict")
        if objects and not self.is_error_object(held):
            raise self.unsupported(
                node, f"{describe(content)} is kept in a list whose length only the run knows",
                "such a list holds numbers, arrays, and tuples or lists of these",
                "keep a list for each attribute, or an array with a row for each object",
            )  # fmt: skip
        return self.operand(held, node) if listed is None else listed

    def as_list_value(self, content: Any, node: gast.AST) -> Value | None:
        """A list of known length as one value of like elements, if they are numbers or arrays."""
        if isinstance(content, Value):
            return content
        if isinstance(content, Known):
            content = Struct.sequence("list", [Known(v) for v in content.value])
        operands = self.like_operands(content.parts, node)
        if operands is None:
            return None
        elem: Type = UNDEF
        for o in operands:
            elem = join(elem, o.type)
        made = self.builder.emit1(O.PACK, operands, ListOf(elem), "t", {"container": "list"})
        self.note_held(Cell("items"), content.parts)
        return made

    def like_operands(
        self, bindings: Sequence[Binding], node: gast.AST | None
    ) -> list[Operand] | None:
        """The elements of a container as operands; None if no single type describes them."""
        parts = [self.deref(p) for p in bindings]
        operands: list[Operand] = []
        kinds = {is_mutable(p.type) for p in parts if isinstance(p, Value)}
        kinds |= {False for p in parts if isinstance(p, Known)}
        if len(kinds) > 1:  # numbers and arrays: no single type describes them
            return None
        for p in parts:
            if isinstance(p, Struct) and p.kind == "list":
                p = self.as_list_value(p, node)
                if p is None:
                    return None
            elif isinstance(p, Struct) and p.kind == "tuple":
                p = self.operand(p, node)
            if isinstance(p, Const):  # a tuple of constants
                p = Known(p.value)
            if isinstance(p, Value) and (
                p.type == UNKNOWN
                or isinstance(p.type, (Scalar, Array, ListOf, TableOf, TupleOf))
            ):
                operands.append(p)
            elif isinstance(p, Known) and _is_data(p.value):
                operands.append(Const.of(p.value))
            else:
                return None
        return operands

    def type_of_part(self, part: Binding) -> Type:
        """The type of an element of a container as a value; undefined if it is none."""
        part = self.deref(part)
        if isinstance(part, Struct) and part.kind in ("list", "tuple"):
            inner = [self.type_of_part(p) for p in part.parts]
            if part.kind == "tuple":
                return TupleOf(tuple(inner))
            elem: Type = UNDEF
            for t in inner:
                elem = join(elem, t)
            return ListOf(elem)
        operand = number(part)
        return UNDEF if operand is None else operand.type


def _is_data(value: object) -> bool:
    """Whether a constant is a number, or a tuple of such."""
    if isinstance(value, tuple):
        return all(map(_is_data, value))
    return isinstance(value, (bool, int, float, complex))


def composed(path: list[Step], parts: list[Operand], deref: Any) -> tuple[list[Step], list[Any]]:
    """`a[i][j]` as `a[i, j]`, where both indices only count or slice."""
    while path and path[-1].kind == "index" and indexing.is_basic(parts):
        last = path[-1].operands
        if not all(_is_int(o) for o in last):
            break
        path, parts = path[:-1], [*last, *parts]
    return path, parts


def _is_int(operand: Operand) -> bool:
    t = operand.type
    if isinstance(t, Scalar):
        return t.kind == "int"
    return isinstance(t, Array) and t.item and np.dtype(t.dtype).kind in "iu"


def key_name(key: Key) -> str:
    """The name of a variable or of what a cell holds."""
    return key if isinstance(key, str) else key.name
