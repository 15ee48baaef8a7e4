"""Assignment to IR: names, unpacking, stores into arrays and containers, `del`.
"""

from __future__ import annotations

from typing import Any

import gast

from srcad.errors import AliasingError
from srcad.ir import ops as O
from srcad.ir.abstract import Array, ListOf
from srcad.ir.values import Const, Value
from srcad.parser.bindings import Binding, Known, Struct, describe, map_values
from srcad.parser.expressions import OPERATORS

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class AssignmentLowering(_Base):
    def stmt_Assign(self, node: gast.Assign, rest: Any) -> None:
        value = self.expression(node.value)
        for target in node.targets:
            self.assign(target, value)

    def stmt_AnnAssign(self, node: gast.AnnAssign, rest: Any) -> None:
        if node.value is not None:
            self.assign(node.target, self.expression(node.value))

    def stmt_AugAssign(self, node: gast.AugAssign, rest: Any) -> None:
        if not isinstance(node.target, gast.Name):
            raise self.unsupported(
                node, "a store into an array or object cannot be differentiated yet",
                "only plain names can be updated in this version",
                "build the new value with an expression",
            )  # fmt: skip
        name = node.target.id
        old = self.lookup(name, node.target)
        added = self.expression(node.value)
        fn = OPERATORS[type(node.op)]
        new = self.binary(fn, old, added, node)
        if isinstance(old, Struct) and old.kind != "tuple":
            raise self.unsupported(
                node, f"`{name}` is a {old.kind}, and updating it in place is not supported yet",
                "other names may see the change", f"write `{name} = {name} + ...`",
            )  # fmt: skip
        if isinstance(old, Value) and self.is_buffer(old):
            self.update_in_place(name, old, new, node)
        else:
            self.bind(name, new, node.target)

    def is_buffer(self, value: Value) -> bool:
        """Whether `+=` on this value would change memory that other names may see."""
        t = value.type
        return isinstance(t, ListOf) or (isinstance(t, Array) and not t.item)

    def update_in_place(self, name: str, old: Value, new: Binding, node: gast.AugAssign) -> None:
        """`x += y` on an array: every name of the same array sees it; dtype and shape stay."""
        assert isinstance(new, Value) and isinstance(old.type, Array)
        where = self.loc(node)
        if old in self.frame.params and self.frame.is_callee:
            raise AliasingError(
                f"`{name}` is the caller's array, and this changes it",
                reason="srcad does not yet carry a change of an argument back to the caller",
                advice=f"write `{name} = {name} + ...`, or work on `{name}.copy()`",
                loc=where,
            )
        for _, other, value in self.visible_values():
            if value is not old and self.view_root(value) is self.view_root(old):
                raise AliasingError(
                    f"`{name}` and `{other}` may share memory, and `{name}` is changed here",
                    reason="srcad does not yet follow a change through a view of an array",
                    advice=f"add `.copy()` where `{other}` is made, or write "
                    f"`{name} = {name} + ...`",
                    loc=where,
                )
        t = new.type
        if not isinstance(t, Array) or t.dtype != old.type.dtype or t.dims != old.type.dims:
            whole = Const.of(Ellipsis)
            new = self.builder.emit1(O.SETITEM, (old, new, whole), old.type, name)
        self.rename(new, name)
        for frame, other, value in self.visible_values():
            if value is old:
                frame.vars[other] = map_values(frame.vars[other], lambda v: new if v is old else v)
        self.bind(name, new, node.target)

    def visible_values(self) -> list[tuple[Any, str, Value]]:
        from srcad.parser.bindings import values_in

        found = []
        frame = self.frame
        while frame is not None:
            for name, binding in list(frame.vars.items()):
                found += [(frame, name, v) for v in values_in(binding)]
            frame = frame.outer if frame.outer is not None else None
        return found

    def assign(self, target: gast.AST, value: Binding) -> None:
        if isinstance(target, gast.Name):
            self.bind(target.id, value, target)
        elif isinstance(target, (gast.Tuple, gast.List)):
            self.unpack(target, value)
        elif isinstance(target, gast.Starred):
            self.assign(target.value, value)
        else:
            what = "an element" if isinstance(target, gast.Subscript) else "an attribute"
            raise self.unsupported(
                target, f"a store into {what} cannot be differentiated yet",
                "only plain names can be assigned in this version",
                "build the new value with an expression, such as np.where or np.stack",
            )  # fmt: skip

    def unpack(self, target: gast.Tuple | gast.List, value: Binding) -> None:
        n = len(target.elts)
        starred = [i for i, t in enumerate(target.elts) if isinstance(t, gast.Starred)]
        if isinstance(value, Value):
            if starred:
                raise self.unsupported(
                    target, "a starred target needs a tuple of known length",
                    f"the right side is {describe(value)}", "slice the array instead",
                )  # fmt: skip
            value = Struct.sequence("tuple", [self.item(value, i) for i in range(n)])
        elif isinstance(value, Known) and isinstance(value.value, (tuple, list, str, range)):
            value = Struct.sequence("tuple", [Known(v) for v in value.value])
        if not isinstance(value, Struct) or value.kind == "dict":
            raise self.unsupported(
                target, f"cannot unpack {describe(value)} into {n} names",
                "its parts are not known while compiling", "unpack a tuple",
            )  # fmt: skip
        parts = list(value.parts)
        if starred:
            i = starred[0]
            after = n - i - 1
            middle = parts[i : len(parts) - after]
            parts = [*parts[:i], Struct.sequence("list", middle), *parts[len(parts) - after :]]
        if len(parts) != n:
            raise self.unsupported(
                target, f"{len(parts)} values to unpack into {n} names",
                "Python raises ValueError here", "make both sides of one length",
            )  # fmt: skip
        for t, part in zip(target.elts, parts):
            self.assign(t, part)

    def bind(self, name: str, value: Binding, node: gast.AST) -> None:
        frame = self.frame
        if name in frame.globals_declared:
            raise self.unsupported(
                node, f"the global `{name}` is assigned here",
                "a derivative that changes globals would change them once more",
                "return the value instead",
            )  # fmt: skip
        if name in frame.nonlocals:
            owner = frame.outer
            while owner is not None and name not in owner.locals:
                owner = owner.outer
            raise self.unsupported(
                node, f"`{name}` of an enclosing function is assigned here",
                "srcad does not follow `nonlocal` stores yet", "return the value instead",
            )  # fmt: skip
        frame.vars[name] = value
        self.rename(value, name)

    def rename(self, value: Binding, name: str) -> None:
        """Give an unnamed value the user's name."""
        if isinstance(value, Value) and not value.named:
            value.name, value.named = name, True
        elif isinstance(value, Struct):
            for key, part in value.items:
                if isinstance(part, Value) and not part.named:
                    fits = str(key).isidentifier() or key in range(99)
                    part.name = f"{name}_{key}" if fits else name
