"""Random programs as source text: `program(seed)` is the module of one function `f(x, y, v, a)`.

`x` and `y` are floats, `v` has 4 elements and `a` is 4 by 4; the result is one number. A program
uses a random part of the features, so that one which is refused does not hide the others. Numbers
pass through functions that bound them, and indices are in bounds. What is bound in the body of a
branch or loop is not read after it. Lists keep two elements, dictionaries the keys "a" and "b".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .expressions import Expressions

FEATURES = (
    "branch", "for_range", "for_array", "while", "exit", "helper", "closure", "store_item",
    "store_slice", "store_advanced", "update_in_place", "write_function", "view", "alias", "swap",
    "list", "tuple", "dict", "comprehension", "builtin", "object", "protected", "nonlocal",
    "iterate_container",
)  # fmt: skip
STATES = '''
class State:
    def __init__(self, value):
        self.value = value

    def step(self, change):
        self.value = 0.5 * self.value + change
        return self.value

    @property
    def bounded(self):
        return np.tanh(self.value)
'''


def program(seed: int, features: tuple[str, ...] | None = None) -> str:
    """Return the source text of the program of this seed.

    Parameters
    ----------
    seed : int
        Equal seeds give equal programs.
    features : tuple of str, optional
        The features to use, of `FEATURES`; by default a random part of them.
    """
    rng = random.Random(seed)
    if features is None:
        share = rng.choice([0.2, 0.4, 0.7])
        features = tuple(name for name in FEATURES if rng.random() < share)
    return Program(rng, frozenset(features)).text()


class Program(Expressions):
    """Writes one function after the other; `scope` maps the names that can be read to kinds.

    The kinds are `scalar`, `vector`, `matrix`, `index`, `list`, `tuple`, `dict`, `object`,
    `function` (of one number), and `helper` (of a number and a vector).
    """

    def __init__(self, rng: random.Random, features: frozenset[str]) -> None:
        super().__init__(rng, features)
        self.lines: list[str] = []
        self.indent = 0
        self.loops: list[str] = []
        self.in_main = False

    def text(self) -> str:
        """Return the module."""
        self.lines += ["import math", "", "import numpy as np", ""]
        if "object" in self.features:
            self.lines += [*STATES.splitlines(), ""]
        helpers: dict[str, str] = {}
        if "helper" in self.features:
            for number in range(self.rng.randint(1, 2)):
                self.function(f"h{number}", {**helpers, "s": "scalar", "w": "vector"}, "s, w", 3)
                helpers[f"h{number}"] = "helper"
        arguments = {"x": "scalar", "y": "scalar", "v": "vector", "a": "matrix"}
        self.in_main = True
        self.function("f", {**helpers, **arguments}, "x, y, v, a", self.rng.randint(3, 9))
        return "\n".join(self.lines) + "\n"

    def function(self, name: str, scope: dict[str, str], parameters: str, size: int) -> None:
        self.scope = dict(scope)
        self.write(f"def {name}({parameters}):")
        with self.deeper():
            for _ in range(size):
                self.statement(3)
            self.write(f"return {self.result()}")
        self.lines += ["", ""]

    def result(self) -> str:
        """Everything that can be read, so that no statement is without effect."""
        forms = {
            "scalar": "{}", "vector": "np.sum(np.sin({}))", "matrix": "0.1 * np.sum({})",
            "list": "{}[0] * {}[-1]", "tuple": "{}[0] * {}[1]", "dict": "{}['a'] * {}['b']",
            "object": "{}.value",
        }  # fmt: skip
        terms = [
            forms[kind].format(name, name) for name, kind in self.scope.items() if kind in forms
        ]
        self.rng.shuffle(terms)
        return " + ".join(terms[:7])

    # -------------------------------------------------------------------------------- writing
    def write(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        before = dict(self.scope)
        self.indent += 1
        yield
        self.indent -= 1
        self.scope = before

    def body(self, depth: int, at_most: int = 3) -> None:
        start = len(self.lines)
        for _ in range(self.rng.randint(1, at_most)):
            self.statement(depth - 1)
        if len(self.lines) == start:
            self.write("pass")

    def target(self, kind: str) -> str:
        """A name to bind, often one that is bound already."""
        known = self.names(kind)
        if known and self.chance(0.5):
            return self.rng.choice(known)
        return self.fresh(kind[0])

    def bind(self, kind: str, value: str) -> None:
        name = self.target(kind)
        self.write(f"{name} = {value}")
        self.scope[name] = kind

    # ----------------------------------------------------------------------------- statements
    def statement(self, depth: int) -> None:
        choices: list[Callable[[], None]] = [self.assign, self.assign, self.update_scalar]
        simple = {
            "store_item": self.store_item, "store_slice": self.store_slice,
            "store_advanced": self.store_advanced, "update_in_place": self.update_in_place,
            "write_function": self.write_function, "view": self.view, "alias": self.alias,
            "swap": self.swap, "list": self.list_statement, "tuple": self.tuple_statement,
            "dict": self.dict_statement, "object": self.object_statement,
        }  # fmt: skip
        nested = {
            "branch": self.branch, "for_range": self.for_range, "for_array": self.for_array,
            "while": self.while_loop, "protected": self.protected,
            "iterate_container": self.for_container,
        }  # fmt: skip
        choices += [write for name, write in simple.items() if name in self.features]
        if depth > 0:
            choices += [
                lambda write=write: write(depth)  # type: ignore[misc]
                for name, write in nested.items()
                if name in self.features
            ]
            if not self.loops and self.indent == 1:
                for name, write in (("closure", self.closure), ("nonlocal", self.nonlocal_counter)):
                    if name in self.features:
                        choices.append(write)
        if "exit" in self.features and depth < 3:
            choices.append(self.exit)
        self.rng.choice(choices)()

    def assign(self) -> None:
        kind = self.rng.choice(["scalar", "scalar", "vector", "vector", "matrix"])
        self.bind(kind, self.of_kind(kind, 3))

    def update_scalar(self) -> None:
        name, value = self.name("scalar"), self.scalar(2)
        self.write(self.rng.choice([
            f"{name} += {value}", f"{name} -= {value}", f"{name} *= np.sin({value})",
        ]))  # fmt: skip

    def store_item(self) -> None:
        operator = self.rng.choice(["=", "=", "+=", "*="])
        if self.chance(0.6):
            place = f"{self.name('vector')}[{self.index()}]"
        else:
            place = f"{self.name('matrix')}[{self.index()}, {self.index()}]"
        self.write(f"{place} {operator} np.sin({self.scalar(2)})")

    def store_slice(self) -> None:
        v, w, a = self.name("vector"), self.name("vector"), self.name("matrix")
        operator = self.rng.choice(["=", "=", "+=", "-=", "*="])
        place, value = self.rng.choice([
            (f"{v}[1:3]", f"{w}[:2]"),
            (f"{v}[1:]", f"{v}[:-1] * 0.5"),
            (f"{v}[:]", f"np.sin({self.scalar(2)})"),
            (f"{v}[:]", self.vector(2)),
            (f"{v}[::2]", f"{w}[::-2]"),
            (f"{v}[::-1]", self.vector(1)),
            (f"{a}[{self.index()}]", self.vector(2)),
            (f"{a}[:, {self.index()}]", self.vector(2)),
            (f"{a}[1:-1, 1:-1]", f"0.5 * ({a}[:-2, 1:-1] + {a}[2:, 1:-1])"),
            (f"{a}[{self.index()}, 1:]", f"{v}[:-1]"),
            (f"{a}[...]", f"np.sin({self.matrix(1)})"),
            (f"{a}[{self.index()}][1:3]", f"{v}[1:3]"),
        ])  # fmt: skip
        self.write(f"{place} {operator} {value}")

    def store_advanced(self) -> None:
        v, w, a = self.name("vector"), self.name("vector"), self.name("matrix")
        operator = self.rng.choice(["=", "+=", "*="])
        self.write(self.rng.choice([
            f"{v}[{w} > 0.3] {operator} np.sin({self.scalar(1)})",
            f"{v}[{v} > 0.3] *= 0.5",
            f"{v}[[0, 2]] {operator} {w}[[2, 0]]",
            f"{v}[[0, 0, 1]] {operator} {w}[[1, 2, 3]]",
            f"{v}[np.array([0, -4, 1])] {operator} {w}[1:]",
            f"{a}[[0, 1]] {operator} {a}[[1, 0]]",
            f"{a}[[0, 1, 1], [2, 3, 3]] {operator} {v}[:3]",
            f"{a}[{a} > 0.5] = 0.5",
        ]))  # fmt: skip

    def update_in_place(self) -> None:
        kind = self.rng.choice(["vector", "vector", "matrix"])
        operator = self.rng.choice(["+=", "-=", "*="])
        self.write(f"{self.name(kind)} {operator} np.sin({self.of_kind(kind, 2)})")

    def write_function(self) -> None:
        v, w = self.name("vector"), self.name("vector")
        self.write(self.rng.choice([
            f"np.sin({w}, out={v})",
            f"np.multiply({w}, 0.5, out={v})",
            f"np.copyto({v}, {self.vector(2)})",
            f"np.add.at({v}, [0, 0, 2], np.sin({self.scalar(1)}))",
            f"np.add.at({v}, [1, 1, 3, 0], {w})",
            f"{v}.fill(np.sin({self.scalar(1)}))",
            f"{v}.sort()",
            f"np.fill_diagonal({self.name('matrix')}, np.cos({self.scalar(1)}))",
        ]))  # fmt: skip

    def view(self) -> None:
        v, a = self.name("vector"), self.name("matrix")
        kind, value = self.rng.choice([
            ("vector", f"{a}[{self.index()}]"), ("vector", f"{a}[:, {self.index()}]"),
            ("matrix", f"{a}.T"), ("vector", f"{v}[:]"), ("vector", f"{v}[::-1]"),
            ("matrix", f"{a}.reshape(4, 4)"), ("vector", f"{a}.reshape(-1)[4:8]"),
            ("vector", f"{a}.T[{self.index()}]"), ("matrix", f"{a}[::-1]"),
            ("vector", f"np.asarray({v})"), ("vector", f"{a}.ravel()[::5]"),
        ])  # fmt: skip
        self.bind(kind, value)

    def alias(self) -> None:
        kind = self.rng.choice(["vector", "vector", "matrix", *self.container_kinds()])
        if self.names(kind):
            self.bind(kind, self.name(kind))

    def swap(self) -> None:
        v, w, a = self.name("vector"), self.name("vector"), self.name("matrix")
        s, t = self.name("scalar"), self.name("scalar")
        self.write(self.rng.choice([
            f"{v}, {w} = {w}, {v}", f"{s}, {t} = {t}, {s}", f"{v}[0], {v}[2] = {v}[2], {v}[0]",
            f"{a}[0], {a}[1] = {a}[1].copy(), {a}[0].copy()", f"{a}[0], {a}[1] = {a}[1], {a}[0]",
            f"{s} = {t} = {self.scalar(1)}", f"{v}[0] = {s} = {self.scalar(1)}",
        ]))  # fmt: skip

    # ----------------------------------------------------------------------------- containers
    def list_statement(self) -> None:
        names = self.names("list")
        if not names or self.chance(0.3):
            self.bind("list", self.list())
            return
        name, s = self.rng.choice(names), f"np.sin({self.scalar(2)})"
        self.write(self.rng.choice([
            f"{name}.append({s})", f"{name}.append({s})", f"{name}[0] = {s}", f"{name}[-1] += {s}",
            f"{name}.insert(1, {s})", f"{name}.extend([{s}, {self.scalar(1)}])",
            f"{name} += [{s}]", f"{name} = {name} + [{s}]",
            f"{name}[0], {name}[1] = {name}[1], {s}",
            f"{name}.append({name}.pop(0))", f"{name}.reverse()",
            f"if len({name}) > 2:\n{'    ' * (self.indent + 1)}{name}.pop()",
            f"{name} = [{s}, *{name}[1:]]",
        ]))  # fmt: skip

    def tuple_statement(self) -> None:
        names = self.names("tuple")
        if not names or self.chance(0.5):
            self.bind("tuple", f"({self.scalar(2)}, {self.scalar(2)})")
            return
        first, second = self.target("scalar"), self.fresh("s")
        source = self.rng.choice([*names, f"({self.scalar(1)}, {self.scalar(1)})"])
        self.write(f"{first}, {second} = {source}")
        self.scope |= {first: "scalar", second: "scalar"}

    def dict_statement(self) -> None:
        names = self.names("dict")
        if not names or self.chance(0.3):
            self.bind("dict", f"{{'a': {self.scalar(2)}, 'b': {self.scalar(2)}}}")
            return
        name, s, key = self.rng.choice(names), f"np.sin({self.scalar(2)})", self.key()
        self.write(self.rng.choice([
            f"{name}[{key}] = {s}", f"{name}[{key}] += {s}", f"{name}.update(a={s})",
            f"{name}.setdefault({key}, {s})", f"{name} = {{**{name}, {key}: {s}}}",
            f"{name}[{key}] = {name}.pop({key}) * 0.5", f"{name} = dict({name})",
        ]))  # fmt: skip

    def object_statement(self) -> None:
        names = self.names("object")
        if not names or self.chance(0.3):
            self.bind("object", f"State({self.scalar(2)})")
            return
        name = self.rng.choice(names)
        self.write(self.rng.choice([
            f"{name}.step(np.sin({self.scalar(2)}))", f"{name}.value *= 0.5",
            f"{name}.value = {name}.bounded + {self.scalar(1)}",
        ]))  # fmt: skip

    # --------------------------------------------------------------------------------- control
    def branch(self, depth: int) -> None:
        condition, head = self.condition(), len(self.lines)
        self.write(f"if {condition}:")
        with self.deeper():
            self.body(depth)
        if self.chance(0.3):
            end = len(self.lines)
            condition = self.condition()
            self.lines[head:head] = [self.lines.pop(end) for _ in self.lines[end:]]
            self.write(f"elif {condition}:")
            with self.deeper():
                self.body(depth)
        if self.chance(0.6):
            self.write("else:")
            with self.deeper():
                self.body(depth)

    def loop(self, head: str, scope: dict[str, str], depth: int) -> None:
        self.write(head)
        with self.deeper():
            self.scope |= scope
            self.loops.append(head)
            self.body(depth)
            self.loops.pop()
        if "exit" in self.features and self.chance(0.15):
            self.write("else:")
            with self.deeper():
                self.body(depth, 1)

    def for_range(self, depth: int) -> None:
        i = self.fresh("i")
        bounds = self.rng.choice(["3", "1, 4", "len(v)", "3, -1, -1", "0, 4, 2", "0"])
        if not self.in_main:
            bounds = bounds.replace("v", "w")
        self.loop(f"for {i} in range({bounds}):", {i: "index"}, depth)

    def for_array(self, depth: int) -> None:
        i, e, g = self.fresh("i"), self.fresh("e"), self.fresh("e")
        v, w = self.vector(1), self.name("vector")
        head, scope = self.rng.choice([
            (f"for {e} in {v}:", {e: "scalar"}),
            (f"for {e} in {self.matrix(1)}:", {e: "vector"}),
            (f"for {e} in {self.name('matrix')}:", {e: "vector"}),
            (f"for {i}, {e} in enumerate({v}):", {i: "index", e: "scalar"}),
            (f"for {e}, {g} in zip({v}, {w}):", {e: "scalar", g: "scalar"}),
            (f"for {e}, {g} in zip({self.name('matrix')}, {w}):", {e: "vector", g: "scalar"}),
            (f"for {e} in reversed({v}):", {e: "scalar"}),
        ])  # fmt: skip
        self.loop(head, scope, depth)

    def for_container(self, depth: int) -> None:
        e, g, i = self.fresh("e"), self.fresh("e"), self.fresh("i")
        forms = []
        for name in self.names("list"):
            forms += [
                (f"for {e} in {name}[:2]:", {e: "scalar"}),
                (f"for {i}, {e} in enumerate({name}[:3]):", {i: "index", e: "scalar"}),
                (f"for {e}, {g} in zip({name}, {self.name('vector')}):",
                 {e: "scalar", g: "scalar"}),
            ]  # fmt: skip
        for name in self.names("dict"):
            forms += [
                (f"for {e}, {g} in list({name}.items()):", {g: "scalar"}),
                (f"for {e} in list({name}.values()):", {e: "scalar"}),
            ]
        for name in self.names("tuple"):
            forms.append((f"for {e} in {name}:", {e: "scalar"}))
        if forms:
            self.loop(*self.rng.choice(forms), depth)

    def while_loop(self, depth: int) -> None:
        counter = self.fresh("k")
        self.write(f"{counter} = 0")
        condition = f" and {self.condition()}" if self.chance(0.4) else ""
        self.write(f"while {counter} < 3{condition}:")
        with self.deeper():
            self.write(f"{counter} += 1")
            self.loops.append("while")
            self.body(depth)
            self.loops.pop()

    def exit(self) -> None:
        ways = [f"return {self.scalar(2)}"]
        if self.loops:
            ways += ["break", "continue", "break", "continue"]
        self.write(f"if {self.condition()}:")
        self.write("    " + self.rng.choice(ways))

    def protected(self, depth: int) -> None:
        self.write(self.rng.choice(["with np.errstate(all='ignore'):", "try:"]))
        is_try = self.lines[-1].endswith("try:")
        with self.deeper():
            self.body(depth)
        if is_try:
            self.write(self.rng.choice(["finally:", "except ZeroDivisionError:"]))
            with self.deeper():
                self.body(depth, 1)

    def closure(self) -> None:
        name, parameter = self.fresh("g"), self.fresh("s")
        if self.chance(0.3):
            inner = dict(self.scope)
            self.scope[parameter] = "scalar"
            self.write(f"{name} = lambda {parameter}: {self.scalar(2)}")
            self.scope = inner
        else:
            self.write(f"def {name}({parameter}):")
            with self.deeper():
                self.scope[parameter] = "scalar"
                self.bind_local(parameter)
                self.write(f"return {self.scalar(2)}")
        self.scope[name] = "function"

    def bind_local(self, parameter: str) -> None:
        local = self.fresh("s")
        self.write(f"{local} = {parameter} * {self.scalar(2)}")
        self.scope[local] = "scalar"
        if "store_item" in self.features and self.chance(0.5):
            self.write(f"{self.name('vector')}[{self.index()}] += np.sin({local})")

    def nonlocal_counter(self) -> None:
        name, parameter, total = self.fresh("g"), self.fresh("s"), self.fresh("s")
        self.write(f"{total} = {self.scalar(1)}")
        self.write(f"def {name}({parameter}):")
        self.write(f"    nonlocal {total}")
        self.write(f"    {total} = 0.5 * {total} + {parameter}")
        self.write(f"    return np.sin({total})")
        self.scope |= {name: "function", total: "scalar"}
