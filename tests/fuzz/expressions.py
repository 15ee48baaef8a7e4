"""Random expressions over the names in scope, each bounded where its operands are."""

from __future__ import annotations

import random


class Expressions:
    """Writes expressions of one kind; `scope` maps the names that can be read to their kinds."""

    def __init__(self, rng: random.Random, features: frozenset[str]) -> None:
        self.rng = rng
        self.features = features
        self.scope: dict[str, str] = {}
        self.count = 0

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def names(self, kind: str) -> list[str]:
        return [name for name, other in self.scope.items() if other == kind]

    def name(self, kind: str) -> str:
        """A name of this kind, or an expression for one where none is bound."""
        names = self.names(kind)
        if names:
            return self.rng.choice(names)
        name = self.fresh(kind[0])
        value = {"matrix": "np.outer(w, w)", "vector": "np.ones(4)", "scalar": "0.5"}[kind]
        self.write(f"{name} = {value}")
        self.scope[name] = kind
        return name

    def write(self, line: str) -> None:
        raise NotImplementedError

    def container_kinds(self) -> list[str]:
        return [kind for kind in ("list", "dict", "tuple", "object") if self.names(kind)]

    def index(self) -> str:
        loop = [f"{i} % 4" for i in self.names("index")]
        return self.rng.choice([*loop, *loop, "0", "1", "2", "3", "-1", "-2"])

    def key(self) -> str:
        return self.rng.choice(["'a'", "'b'"])

    def number(self) -> str:
        return str(self.rng.choice([0.3, 0.7, -0.4, 1.2, 0.5, -0.9]))

    def condition(self) -> str:
        s, t = self.scalar(1), self.scalar(1)
        forms = [f"{s} > {self.number()}", f"{s} < {t} + 0.1", f"{s} > 0.21 and {t} < 0.67"]
        forms += [f"{i} == 1" for i in self.names("index")]
        if "builtin" in self.features:
            v = self.name("vector")
            forms.append(f"np.any({v} > 0.8)")
            if "comprehension" in self.features:
                forms.append(f"not all(e > -0.5 for e in {v})")
        return self.rng.choice(forms)

    def of_kind(self, kind: str, depth: int) -> str:
        write = {"scalar": self.scalar, "vector": self.vector, "matrix": self.matrix}
        return write[kind](depth)

    def scalar(self, depth: int) -> str:
        choices = [self.scalar_leaf]
        if depth > 0:
            choices += [lambda: self.scalar_arithmetic(depth)] * 4
            choices += [lambda: self.reduction(depth)] * 2
            if "builtin" in self.features:
                choices += [lambda: self.builtin(depth)] * 2
            if "comprehension" in self.features:
                choices.append(lambda: self.generated(depth))
            if self.names("helper") or self.names("function") or self.names("object"):
                choices += [lambda: self.call(depth)] * 2
        return self.rng.choice(choices)()

    def scalar_leaf(self) -> str:
        forms = [self.name("scalar"), self.name("scalar"), self.name("scalar"), self.number()]
        forms.append(f"{self.name('vector')}[{self.index()}]")
        forms.append(f"{self.name('matrix')}[{self.index()}, {self.index()}]")
        forms += [f"{name}[{self.rng.choice(['0', '1', '-1'])}]" for name in self.names("list")]
        forms += [f"{name}[{self.rng.choice(['0', '1', '-1'])}]" for name in self.names("tuple")]
        forms += [f"{name}[{self.key()}]" for name in self.names("dict")]
        forms += [f"{name}.get({self.key()}, 0.0)" for name in self.names("dict")]
        for name in self.names("object"):
            forms += [f"{name}.value", f"{name}.bounded"]
        forms += [f"(0.2 * {i})" for i in self.names("index")]
        return self.rng.choice(forms)

    def scalar_arithmetic(self, depth: int) -> str:
        s, t = self.scalar(depth - 1), self.scalar(depth - 1)
        return self.rng.choice([
            f"({s} + {t})", f"({s} - {t})", f"0.5 * ({s}) * ({t})", f"({s}) / (1.0 + ({t}) ** 2)",
            f"np.sin({s})", f"math.sin({s})", f"np.tanh({s})", f"math.exp(-({s}) ** 2)",
            f"np.cos({s})", f"math.atan({s})", f"-({s})", f"np.sqrt(1.0 + ({s}) ** 2)",
            f"({s} if {t} > 0.17 else {t})", f"float({s})",
        ])  # fmt: skip

    def reduction(self, depth: int) -> str:
        v, w = self.vector(depth - 1), self.vector(depth - 1)
        return self.rng.choice([
            f"0.3 * np.sum({v})", f"np.mean({v})", f"0.2 * np.dot({v}, {w})",
            f"0.2 * (({v}) @ ({w}))",
            f"({v}).sum() * 0.3", f"0.1 * np.sum({self.matrix(depth - 1)})",
            f"np.max({v})", f"np.prod(np.cos({v}))", f"({v})[{self.index()}]",
        ])  # fmt: skip

    def builtin(self, depth: int) -> str:
        s, t, v = self.scalar(depth - 1), self.scalar(depth - 1), self.name("vector")
        forms = [
            f"max({s}, {t})", f"min({s}, {t}, 0.8)", f"abs({s})", f"0.1 * len({v})",
            f"0.3 * sum({v})", f"max({v})", f"pow({s}, 2)", f"sum([{s}, {t}])",
        ]  # fmt: skip
        for name in self.names("list"):
            forms += [f"0.2 * sum({name})", f"max({name})", f"0.1 * len({name})",
                      f"sorted({name})[0]"]  # fmt: skip
        forms += [f"sum({name}.values())" for name in self.names("dict")]
        forms += [f"sum({name})" for name in self.names("tuple")]
        return self.rng.choice(forms)

    def generated(self, depth: int) -> str:
        e, source = self.fresh("e"), self.source()
        before = dict(self.scope)
        self.scope[e] = "scalar"
        item = self.scalar(depth - 1)
        self.scope = before
        condition = f" if {e} > 0.13" if self.chance(0.3) else ""
        items = f"{item} for {e} in {source}{condition}"
        return self.rng.choice([f"0.3 * sum({items})", f"0.3 * sum([{items}])"])

    def source(self) -> str:
        return self.rng.choice([self.name("vector"), *self.names("list"), *self.names("tuple")])

    def call(self, depth: int) -> str:
        s = self.scalar(depth - 1)
        forms = [f"0.3 * {h}({s}, {self.name('vector')})" for h in self.names("helper")]
        forms += [f"np.sin({g}({s}))" for g in self.names("function")]
        forms += [f"np.sin({o}.step({s}))" for o in self.names("object")]
        return self.rng.choice(forms)

    def vector(self, depth: int) -> str:
        v, w = self.name("vector"), self.name("vector")
        if depth <= 0:
            return v
        a, s = self.name("matrix"), self.scalar(depth - 1)
        u = self.vector(depth - 1)
        forms = [
            f"({u} + {w})", f"({u} - {w})", f"0.5 * {u} * {w}", f"np.sin({u})", f"np.tanh({u})",
            f"np.cos({u}) * ({s})", f"({u} + {s})",
            f"np.array([{s}, 0.3, {v}[0], {self.scalar(0)}])",
            f"np.where({v} > 0.25, {u}, {w})", f"{v}[::-1]", f"0.3 * np.cumsum({u})",
            f"0.3 * ({a} @ ({u}))", "np.zeros(4)", f"np.full(4, {s})", f"{v}.copy()",
            f"np.concatenate([{v}[:2], {w}[2:]])", f"0.3 * np.sum({a}, axis=0)",
            f"{v}[[0, 0, 2, 1]]", f"{a}[{self.index()}]", f"{a}[:, {self.index()}]",
            f"{u} / (1.0 + {w} ** 2)", f"np.zeros_like({v})", f"np.sort({v})", f"np.diag({a})",
        ]  # fmt: skip
        if "comprehension" in self.features:
            e = self.fresh("e")
            forms += [f"np.array([{e} * {e} - {v}[0] for {e} in {w}])"] * 2
            forms += [f"np.array([{v}[{e}] * {w}[-{e}] for {e} in range(4)])"]
        return self.rng.choice(forms)

    def matrix(self, depth: int) -> str:
        a, c = self.name("matrix"), self.name("matrix")
        if depth <= 0:
            return a
        b, v = self.matrix(depth - 1), self.name("vector")
        return self.rng.choice([
            f"({b} + {a})", f"0.5 * {b} * {a}", f"np.outer({v}, {self.name('vector')})", f"{a}.T",
            f"0.2 * ({a} @ {c})", f"np.sin({b})", f"({b} + {v})", f"{a} * {v}[:, None]",
            f"np.stack([{v}, {v}, {a}[0], {c}[:, 1]])", f"{a}.copy()", "np.zeros((4, 4))",
            f"({b} - {self.scalar(depth - 1)})", f"np.where({a} > 0.1, {b}, 0.2)",
        ])  # fmt: skip

    def list(self) -> str:
        s, t = self.scalar(2), self.scalar(2)
        forms = [f"[{s}, {t}]", f"[{s}, {t}, {self.scalar(1)}]", f"[{s}] * 2"]
        forms += [f"{name}[:]" for name in self.names("list")]
        if "comprehension" in self.features:
            e = self.fresh("e")
            forms += [f"[np.sin({e}) * {self.scalar(1)} for {e} in {self.name('vector')}]"] * 2
        return self.rng.choice(forms)
