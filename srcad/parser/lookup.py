"""Names to bindings, by the scoping rules of Python; what was found outside is remembered.
"""

from __future__ import annotations

from typing import Any

import gast

from srcad.errors import TypeInferenceError
from srcad.ir import ops as O
from srcad.ir.abstract import Type, type_of_value
from srcad.ir.values import Value
from srcad.parser.bindings import (
    Binding,
    Cell,
    Key,
    Known,
    Poison,
    Ref,
    Struct,
    boxed_name,
    plain_name,
)
from srcad.parser.frames import Diverges, Frame, StaticRequired, builtin_names, is_data
from srcad.pristine import np

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class NameLowering(_Base):
    def expr_Name(self, node: gast.Name) -> Binding:
        return self.lookup(node.id, node)

    def lookup(self, name: str, node: gast.AST) -> Binding:
        """The binding of a name, by Python's scoping rules.

        Raises
        ------
        TypeInferenceError
            If no single value describes the name here.
        """
        binding = self.find(self.frame, name, node)
        if isinstance(binding, Poison):
            self.require_choice(binding, node)
            raise self.of_many_kinds(name, binding, self.loc(node))
        self.prefer_known(binding)
        if binding in self.unset and self.catchers:
            self.ask_whether_set(binding, name, node)
        if isinstance(binding, Ref) and isinstance(self.frame.vars.get(binding.cell), Poison):
            raise self.of_many_kinds(name, self.frame.vars[binding.cell], self.loc(node))
        return binding

    def box_of(self, frame: Frame, name: str) -> Cell | None:
        """The memory that keeps a name which several functions store to."""
        owner: Frame | None = frame
        if name in frame.nonlocals:
            owner = frame.outer
            while owner is not None and name not in owner.locals:
                owner = owner.outer
        return None if owner is None else owner.boxes.get(name)

    def fill_boxes(self, frame: Frame, state: dict[Key, Binding]) -> None:
        """Move the arguments that nested functions store to into their boxes."""
        for name, box in frame.boxes.items():
            state[box] = boxed_name(state.pop(name, None))

    def require_choice(self, poison: Poison, node: gast.AST) -> None:
        """Ask for the parameters that decide which known object a name is bound to, if they do."""
        if poison.condition is not None:
            params = self.origins(poison.condition)
            if params:
                raise StaticRequired(params)

    def of_many_kinds(self, name: str, poison: Poison, loc: Any) -> TypeInferenceError:
        return TypeInferenceError(
            f"the kind of `{plain_name(name)}` is not the same on all paths",
            reason=poison.reason,
            advice=f"give `{plain_name(name)}` a value of one kind on every path",
            loc=loc,
        )

    def find(self, frame: Frame, name: str, node: gast.AST) -> Binding:
        if name in frame.locals and not (frame.is_class and name not in frame.vars):
            binding = frame.vars.get(name)
            if name in frame.boxes:
                binding = self.frame.vars[frame.boxes[name]].parts[0]
            if binding is None and name in frame.tolerated:
                frame.met.add(name)
                raise Diverges
            if binding is None:
                raise self.python_raises(
                    UnboundLocalError(name), node,
                    f"`{plain_name(name)}` is read here before it has a value",
                    "Python raises UnboundLocalError here",
                    f"give `{plain_name(name)}` a value first",
                )  # fmt: skip
            return binding
        if name not in frame.globals_declared:
            if frame.outer is not None:
                outer: Frame | None = frame.outer
                while outer is not None and (outer.is_class or name not in outer.locals):
                    if outer.live is not None and name in outer.cells():
                        return self.cell(outer, name, node)
                    outer = outer.outer
                if outer is not None:
                    return self.find(outer, name, node)
            elif name in frame.cells():
                return self.cell(frame, name, node)
        namespace = frame.globals
        followed = self.global_now(namespace, name)
        if followed is not None:
            return followed
        if name in namespace:
            return self.outside("global", namespace, name, namespace[name], frame)
        builtin = builtin_names(namespace)
        if name in builtin:
            self.assumptions.add("builtin", namespace, name, builtin[name])
            return Known(builtin[name])
        raise self.python_raises(
            NameError(name), node, f"the name `{name}` is not defined",
            "Python raises NameError here", f"define `{name}` before calling the derivative",
        )  # fmt: skip

    def cell(self, frame: Frame, name: str, node: gast.AST) -> Binding:
        cell = frame.cells()[name]
        try:
            value = cell.cell_contents
        except ValueError:
            raise self.python_raises(
                NameError(), node, f"`{name}` of the enclosing function has no value yet",
                "Python raises NameError here", f"give `{name}` a value first",
            ) from None  # fmt: skip
        return self.outside("cell", cell, name, value, frame)

    def outside(self, kind: str, holder: Any, name: str, value: Any, frame: Frame) -> Binding:
        """A global or cell: numbers and arrays are read live, everything else is static."""
        if not is_data(value):
            self.assumptions.add(kind, holder, name, value)
            return self.known_object(value)
        key = (kind, id(holder), name)
        if key in self.static_outside:
            self.assumptions.add(kind, holder, name, value)
            return Known(value)
        t = type_of_value(value)
        self.assumptions.add_type(kind, holder, name, t)
        root = self.root_frame
        at_home = frame.globals is root.globals if kind == "global" else frame is root
        if not at_home and kind == "cell":
            # another function's cell has no name in generated code
            self.assumptions.add(kind, holder, name, value)
            if isinstance(value, (int, float, complex)):
                return Known(value)
            return self.global_value(key, t, name, None, value)
        return self.global_value(key, t, name, None if at_home else frame.globals, None)

    def global_value(
        self, key: tuple[Any, ...], t: Type, name: str, holder: Any, fixed: Any
    ) -> Value:
        """A live global as an IR value, read once, at the start of the function."""
        table = self.context.globals_read
        if key not in table:
            value = Value(t, name, named=True)
            attrs = {"name": name, "holder": holder, "value": fixed}
            from srcad.ir.values import Op

            self.context.prologue.append(Op(O.GLOBAL, (), attrs, (value,), (), self.builder.loc))
            table[key] = value
            self.external[value] = "an array outside of the function"
        return table[key]

    def known_object(self, value: Any) -> Binding:
        cache: Binding | None = self.cache_of(value)
        if cache is not None:
            return cache
        if isinstance(value, tuple) and any(isinstance(v, np.ndarray) for v in value):
            return Struct.sequence("tuple", [self.known_object(v) for v in value])
        return Known(value)
