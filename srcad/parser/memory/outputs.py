"""Functions of NumPy that write to an array they are given: `out=`, `np.copyto`, `np.add.at`.

What holds afterwards: each is a store into the memory of that array, of what the same function
without `out` gives, so all names and views of the array see it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.abstract import Array, Scalar, is_number, kind_of, rank_of
from srcad.ir.values import Const, Operand, Value
from srcad.parser.bindings import Binding, Known, Ref, Step, Struct, same
from srcad.parser.calls.ufunc_methods import updated_at
from srcad.pristine import np
from srcad.rules.registry import lookup, position_of_out
from srcad.rules.symbols import getitem_operands

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_WHOLE = Const.of(Ellipsis)


class OutputLowering(_Base):
    def writing_call(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        """A call that writes to an array it is given; None if `fn` does not."""
        ufunc = getattr(fn, "__self__", None)
        if isinstance(ufunc, np.ufunc) and fn.__name__ == "at":
            self.update_at(ufunc, args, node)
            return Known(None)
        writer = _WRITERS.get(fn)
        if writer is not None:
            names, write = writer
            given = dict(zip(names, args)) | kwargs
            if len(args) > len(names) or not set(kwargs) <= set(names) - set(names[: len(args)]):
                raise self.refused_write(fn, node, "these arguments are not those of NumPy")
            write(self, given, node)
            return Known(None)
        if lookup(fn) is None:
            return None
        out, position = kwargs.get("out"), position_of_out(fn)
        if position is not None and len(args) > position:
            out = args[position]
            if same(out, Known(None)):
                return None
            after = args[position + 1 :]
            args = [*args[:position], *([Known(None), *after] if after else ())]
        if out is None:
            return None
        rest = {k: v for k, v in kwargs.items() if k != "out"}
        return self.into(out, fn, args, rest, node)

    def into(
        self, out: Binding, fn: Any, args: list[Binding], kwargs: dict[str, Binding],
        node: gast.AST,
    ) -> Binding:  # fmt: skip
        """`fn(*args, out=out)`, which is `out` afterwards."""
        if isinstance(self.deref(out), Struct) and len(self.deref(out).parts) == 1:
            out = self.deref(out).parts[0]  # out=(y,)
        if same(out, Known(None)):
            return self.call_known(fn, args, kwargs, node)
        index: list[Operand] = [_WHOLE]
        if isinstance(fn, np.ufunc) and "where" in kwargs:
            where = kwargs.pop("where")
            if not same(where, Known(True)):
                mask = self.stretched(where, out, node)
                args = [self.selected(a, out, mask, node) for a in args]
                index = [mask]
        result = self.call_known(fn, args, kwargs, node)
        self.put_into(out, result, node, index)
        return out

    def put_into(
        self, target: Binding, value: Binding, node: gast.AST, index: Sequence[Operand] = (_WHOLE,)
    ) -> None:
        """Store into an array as ufuncs and `np.copyto` do: never floats into integers."""
        old, new = self.deref(target), self.deref(value)
        if isinstance(old, Value) and isinstance(old.type, Array):
            self.check_cast(self.operand(new, node), old.type, node)
            if isinstance(target, Ref):
                self.check_overlap(target, index, value, node)
        self.write_to(target, value, node, list(index))

    def stretched(self, where: Binding, target: Binding, node: gast.AST) -> Operand:
        """`where` in the shape of the array that is written."""
        shape = self.apply(np.shape, [target], {}, node)
        return self.operand(self.apply(np.broadcast_to, [where, shape], {}, node), node)

    def selected(
        self, value: Binding, target: Binding, mask: Operand, node: gast.AST
    ) -> Binding:
        """Of a value in the shape of `target` what a mask selects; numbers as they are."""
        operand = self.operand(value, node)
        if is_number(operand.type):
            return value
        whole = self.stretched(value, target, node)
        return self.as_binding(getitem_operands(self.builder, whole, [mask]))

    def repeated(self, value: Binding, count: Binding, node: gast.AST) -> Binding:
        """`count` numbers of a value, from its first one on, again and again."""
        if is_number(self.operand(value, node).type):
            return value
        if isinstance(self.deref(value), Struct):
            value = self.apply(np.array, [value], {}, node)
        flat = self.apply(np.ravel, [value], {}, node)
        size = self.apply(np.size, [flat], {}, node)
        number = self.apply(np.arange, [count], {}, node)
        return self.apply(np.take, [flat, self.binary(operator.mod, number, size, node)], {}, node)

    def flat(self, target: Binding, node: gast.AST) -> Ref:
        """All elements of an array in one row: a view, however it lies in memory."""
        if not isinstance(target, Ref):
            self.refuse_write(target, node)
        assert isinstance(target, Ref)
        return Ref(target.cell, (*target.path, Step("reshape", (Const.of(-1),))))

    def refused_write(self, fn: Any, node: gast.AST, reason: str) -> Exception:
        name = getattr(fn, "__qualname__", None) or fn.__name__
        refused: Exception = self.unsupported(
            node, f"this call of `{name}` cannot be differentiated", reason,
            "store into the array by an index",
        )  # fmt: skip
        return refused

    # ------------------------------------------------------------------ functions that write
    def copy_to(self, given: dict[str, Binding], node: gast.AST) -> None:
        target, source = given["dst"], given["src"]
        where = given.get("where", Known(True))
        if "casting" in given:
            raise self.refused_write(np.copyto, node, "`casting` is not followed")
        if same(where, Known(True)):
            self.put_into(target, source, node)
            return
        mask = self.stretched(where, target, node)
        self.put_into(target, self.selected(source, target, mask, node), node, [mask])

    def put_at(self, given: dict[str, Binding], node: gast.AST) -> None:
        if not same(given.get("mode", Known("raise")), Known("raise")):
            raise self.refused_write(np.put, node, "`mode` is not followed")
        places = self.apply(np.ravel, [given["ind"]], {}, node)
        count = self.apply(np.size, [places], {}, node)
        self.store(
            self.flat(given["a"], node), places, self.repeated(given["v"], count, node), node
        )

    def place(self, given: dict[str, Binding], node: gast.AST) -> None:
        mask = self.apply(np.reshape, [given["mask"], Known(-1)], {}, node)
        count = self.apply(np.count_nonzero, [mask], {}, node)
        self.store(
            self.flat(given["arr"], node), mask, self.repeated(given["vals"], count, node), node
        )

    def put_mask(self, given: dict[str, Binding], node: gast.AST) -> None:
        mask = self.apply(np.reshape, [given["mask"], Known(-1)], {}, node)
        count = self.apply(np.size, [given["a"]], {}, node)
        values = self.repeated(given["values"], count, node)
        if not is_number(self.operand(values, node).type):
            values = self.subscript(values, mask, node)
        self.store(self.flat(given["a"], node), mask, values, node)

    def put_along(self, given: dict[str, Binding], node: gast.AST) -> None:
        target, indices = given["arr"], self.boxed(given["indices"])
        rank = rank_of(self.operand(target, node).type)
        axis = given["axis"]
        if same(axis, Known(None)):
            self.store(self.flat(target, node), indices, given["values"], node)
            return
        if rank is None:
            raise self.refused_write(
                np.put_along_axis, node, "how many dimensions the array has is not known"
            )
        at = self.static_int(axis, node, "the axis")
        parts: list[Binding] = []
        for k in range(rank):
            if k == at % rank:
                parts.append(indices)
                continue
            shape = self.apply(np.shape, [target], {}, node)
            number = self.apply(np.arange, [self.subscript(shape, Known(k), node)], {}, node)
            across = tuple(-1 if i == k else 1 for i in range(rank))
            parts.append(self.apply(np.reshape, [number, Known(across)], {}, node))
        self.store(target, Struct.sequence("tuple", parts), given["values"], node)

    def fill_diagonal(self, given: dict[str, Binding], node: gast.AST) -> None:
        target = given["a"]
        rank = rank_of(self.operand(target, node).type)
        if rank is None or not same(given.get("wrap", Known(False)), Known(False)):
            raise self.refused_write(
                np.fill_diagonal, node,
                "`wrap` is not followed, and the number of dimensions must be known",
            )  # fmt: skip
        shape = self.apply(np.shape, [target], {}, node)
        lengths = [self.subscript(shape, Known(k), node) for k in range(rank)]
        count = self.call_known(min, lengths, {}, node)
        number = self.boxed(self.apply(np.arange, [count], {}, node))
        values = self.repeated(given["val"], count, node)
        self.store(target, Struct.sequence("tuple", [number] * rank), values, node)

    def update_at(self, ufunc: np.ufunc, args: list[Binding], node: gast.AST) -> None:
        """`np.add.at(x, indices, v)`: repeated indices count as often as they stand there."""
        if len(args) != 3:
            raise self.refused_write(ufunc.at, node, "srcad follows those of two operands")
        target, indices, value = args
        base, added = self.deref(target), self.operand(value, node)
        if not isinstance(base, Value):
            self.refuse_write(target, node)
        if isinstance(base.type, Array):
            self.check_cast(added, base.type, node)
        parts = self.index_operands(self.settled(indices), node)
        if ufunc not in (np.add, np.subtract):
            if len(parts) != 1 or not _integers(parts[0]):
                raise self.refused_write(
                    ufunc.at, node, "that the index is one integer array must be known"
                )
            self.call_source(updated_at, [Known(ufunc), target, indices, value], {}, node)
            return
        if ufunc is np.subtract:
            added = self.operand(self.apply(operator.neg, [value], {}, node), node)
        made = self.builder.emit1(O.ADD_AT, (base, added, *parts), base.type, base.name)
        self.write_to(target, made, node)


def _integers(index: Operand) -> bool:
    elems = getattr(index.type, "elems", None)
    if elems is not None:
        return all(isinstance(t, Scalar) and t.kind == "int" for t in elems)
    return kind_of(index.type) in ("i", "u")


_WRITERS: dict[Any, tuple[tuple[str, ...], Callable[..., None]]] = {
    np.copyto: (("dst", "src", "casting", "where"), OutputLowering.copy_to),
    np.put: (("a", "ind", "v", "mode"), OutputLowering.put_at),
    np.place: (("arr", "mask", "vals"), OutputLowering.place),
    np.putmask: (("a", "mask", "values"), OutputLowering.put_mask),
    np.put_along_axis: (("arr", "indices", "values", "axis"), OutputLowering.put_along),
    np.fill_diagonal: (("a", "val", "wrap"), OutputLowering.fill_diagonal),
}
