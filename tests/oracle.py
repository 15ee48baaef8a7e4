"""What the tests of the corpus need beyond `srcad.testing`: the functions, arguments, references.

The name of a parameter chooses its argument; R = 3 rows and C = 4 columns:

====================  ==============================================================
``x y z t``           floats
``u v w``             vectors (C,)
``p``                 vector (R,)
``a c``               matrices (R, C)
``b``                 matrix (C, R)
``m``                 square matrix (R, R), well conditioned
``row col``           matrices (1, C) and (R, 1)
``q``                 array (2, R, C)
``o``                 array of no dimensions
``n k``               the ints 3 and 2
``i j``               the indices C // 2 and -1
``idx``               int array (4,): indices below C, one of them twice, one negative
``mask``              bool array (C,)
====================  ==============================================================

A parameter with a default keeps it. The numbers are drawn from a generator seeded by the names of
function and parameter, at least 0.4 away from zero. Each function runs on these *variants* of its
arguments:

- ``mixed``: numbers of either sign;
- ``positive``;
- ``given`` in the place of these two, if the settings give all numbers;
- ``size_one``: with C = 1, if any argument depends on C;
- ``float32``: arrays and scalars of float32.

The dictionary ``SETTINGS`` of a module of the corpus maps names of functions to keyword arguments
of `Settings`, which say what is special about a function. The set ``NOT_YET`` of a module names the
functions that `srcad` refuses today although a derivative exists, the set ``TYPED`` those that it
refuses unless the types of the arguments are known.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import corpus
import numpy as np

from srcad.testing import numerical_jvp, with_constants

ROWS, COLUMNS = 3, 4
SHAPES = {
    "x": "", "y": "", "z": "", "t": "", "u": "C", "v": "C", "w": "C", "p": "R", "a": "RC",
    "b": "CR", "c": "RC", "m": "RR", "row": "1C", "col": "R1", "q": "2RC", "o": "",
}  # fmt: skip
INDICES = ("n", "k", "i", "j", "idx", "mask")


@dataclass(frozen=True)
class Settings:
    """What is special about a function of the corpus.

    Attributes
    ----------
    inputs : mapping, or sequence of mappings
        Arguments by name that take the place of the drawn ones. A sequence gives several choices;
        those after the first run on one variant only.
    positive, size_one, float32 : bool
        Whether the function takes positive numbers only, and whether it takes the arguments of
        the variants of these names.
    scalar : bool
        Whether the result is one float; if not, `vjp` takes the place of `grad`.
    gradient : tuple, optional
        The gradient at a kink, by convention, one entry for each argument that carries a
        derivative; differences must be refused there.
    error : str
        Name of the exception of `srcad` that differentiation must raise.
    not_yet : bool
        Whether differentiation raises any `SrcadError` today.
    typed : bool
        Whether generic code is refused with a `SrcadError`: what the function does depends on
        whether its arguments are numbers or arrays.
    """

    inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]] = ()
    positive: bool = False
    size_one: bool = True
    float32: bool = True
    scalar: bool = True
    gradient: tuple[Any, ...] | None = None
    error: str = ""
    not_yet: bool = False
    typed: bool = False


@dataclass(frozen=True)
class Entry:
    """A function of the corpus."""

    name: str
    function: Callable[..., Any]
    settings: Settings

    def cases(self) -> Iterator[Case]:
        """Yield one case per variant of the arguments; the first one is typical."""
        chosen = self.settings.inputs
        alternatives = [chosen] if isinstance(chosen, Mapping) else list(chosen) or [{}]
        for variant in self._variants(alternatives[0]):
            yield Case(self, variant, alternatives[0], f"{self.name}-{variant}")
        for number, inputs in enumerate(alternatives[1:], 2):
            variant = next(self._variants(inputs))
            yield Case(self, variant, inputs, f"{self.name}-{variant}{number}")

    def _variants(self, inputs: Mapping[str, Any]) -> Iterator[str]:
        drawn = [name for name in parameters(self.function) if name not in inputs]
        if not any(name in SHAPES for name in drawn):
            yield "given"
        else:
            if not self.settings.positive:
                yield "mixed"
            yield "positive"
        if self.settings.size_one and any("C" in SHAPES.get(name, "C") for name in drawn):
            yield "size_one"
        if self.settings.float32:
            yield "float32"


@dataclass(frozen=True, eq=False)
class Case:
    """A function of the corpus and arguments for it."""

    entry: Entry
    variant: str
    inputs: Mapping[str, Any]
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def function(self) -> Callable[..., Any]:
        return self.entry.function

    @property
    def settings(self) -> Settings:
        return self.entry.settings

    def args(self) -> tuple[Any, ...]:
        """Return new positional arguments."""
        return tuple(
            self._argument(name)
            for name, parameter in parameters(self.function).items()
            if parameter.kind is not parameter.KEYWORD_ONLY
        )

    def kwargs(self) -> dict[str, Any]:
        """Return new arguments for the keyword-only parameters."""
        return {
            name: self._argument(name)
            for name, parameter in parameters(self.function).items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }

    @functools.cached_property
    def call(self) -> Callable[..., Any]:
        """The function of the positional arguments."""
        kwargs = self.kwargs()
        if not kwargs:
            return self.function
        return with_constants(self.function, len(self.args()), kwargs)

    @functools.cached_property
    def argnums(self) -> tuple[int, ...]:
        """The positions of the arguments that carry a derivative."""
        return tuple(i for i, arg in enumerate(self.args()) if is_float(arg))

    def chosen(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return of `values`, one for each argument, those that belong to `argnums`."""
        return tuple(values[i] for i in self.argnums)

    def tangents(self, salt: str = "tangent") -> tuple[Any, ...]:
        """Return a random direction, like the arguments; None for those without derivative."""
        rng = generator(self.name, salt)
        return tuple(like(rng.normal(size=np.shape(a)), a) for a in self.args())

    def cotangent(self) -> Any:
        """Return a random seed like the result; 1.0 (in the result's type) for one float."""
        value = self.call(*self.args())
        if self.settings.scalar:
            return like(1.0, value)
        rng = generator(self.name, "cotangent")
        return tree_map(lambda leaf: like(rng.normal(size=np.shape(leaf)), leaf), value)

    @functools.cached_property
    def gradient(self) -> tuple[Any, ...]:
        """The gradient for `cotangent`, by differences, one entry for each of `argnums`."""
        if self.settings.gradient is not None:
            return self._typed(self.settings.gradient)
        return self._typed(self.numerical_gradient(*self.args()))

    @functools.cached_property
    def tangent(self) -> Any:
        """The derivative along `tangents`, by differences."""
        args = self.args()
        if self.settings.gradient is not None:
            return like(inner(self.gradient, self.chosen(self.tangents())), self.call(*args))
        return tree_map(like, numerical_jvp(self.call, args, self.tangents()), self.call(*args))

    @functools.cached_property
    def hessian_product(self) -> tuple[Any, ...]:
        """The derivative of the gradient along `tangents`, by differences of differences."""
        product = numerical_jvp(
            self.numerical_gradient, self.args(), self.tangents(), complex_step=False
        )
        return self._typed(product)

    def numerical_gradient(self, *args: Any) -> tuple[Any, ...]:
        """Return the gradient for `cotangent` at `args`, by differences."""
        seed = self.cotangent()

        def weighted(*primals: Any) -> Any:
            return inner(seed, self.call(*primals))

        gradient = []
        for i in self.argnums:
            entries = np.zeros(np.shape(args[i]))
            for place in np.ndindex(entries.shape):
                unit = np.zeros(entries.shape)
                unit[place] = 1.0
                tangents = tuple(like(unit, a) if k == i else None for k, a in enumerate(args))
                entries[place] = numerical_jvp(weighted, args, tangents)
            gradient.append(like(entries, args[i]))
        return tuple(gradient)

    def _typed(self, gradient: tuple[Any, ...]) -> tuple[Any, ...]:
        return tree_map(like, gradient, self.chosen(self.args()))

    def _argument(self, name: str) -> Any:
        if name in self.inputs:
            value = self.inputs[name]
            value = value.copy() if isinstance(value, np.ndarray) else value
        else:
            value = self._drawn(name)
        if self.variant == "float32" and is_float(value):
            return np.array(value, "f4") if isinstance(value, np.ndarray) else np.float32(value)
        return value

    def _drawn(self, name: str) -> Any:
        columns = 1 if self.variant == "size_one" else COLUMNS
        if name in INDICES:
            return {
                "n": 3,
                "k": 2,
                "i": columns // 2,
                "j": -1,
                "idx": np.array([0, columns - 1, -1, columns // 2]),
                "mask": np.arange(columns) % 3 != 1,
            }[name]
        sizes = {"R": ROWS, "C": columns}
        shape = tuple(sizes.get(letter) or int(letter) for letter in SHAPES[name])
        rng = generator(self.entry.name, name)
        values = rng.uniform(0.4, 1.6, shape)
        if self.variant != "positive" and not self.settings.positive:
            values = values * rng.choice([-1.0, 1.0], shape)
        if name == "m":
            values = values + 4.0 * np.eye(ROWS)
        return np.array(values) if shape or name == "o" else float(values)


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function that need an argument."""
    wanted = inspect.signature(function).parameters
    return {name: p for name, p in wanted.items() if p.default is p.empty}


def modules() -> list[ModuleType]:
    """The modules of the corpus."""
    names = [m.name for m in pkgutil.iter_modules(corpus.__path__) if not m.name.startswith("_")]
    return [importlib.import_module(f"corpus.{name}") for name in sorted(names)]


def entries() -> list[Entry]:
    """All functions of the corpus, in the order in which they are written."""
    found = []
    for module in modules():
        theme = module.__name__.rpartition(".")[2]
        settings = dict(getattr(module, "SETTINGS", {}))
        sets = {kind: set(getattr(module, kind.upper(), ())) for kind in ("not_yet", "typed")}
        functions = {
            name: value
            for name, value in vars(module).items()
            if inspect.isfunction(value)
            and value.__module__ == module.__name__
            and not name.startswith("_")
        }
        functions |= getattr(module, "FUNCTIONS", {})
        for name, function in functions.items():
            kinds = {kind: name in names for kind, names in sets.items()}
            special = Settings(**settings.pop(name, {}), **kinds)
            found.append(Entry(f"{theme}.{name}", function, special))
        if settings:
            raise LookupError(f"{theme}.SETTINGS names no function of its module: {list(settings)}")
        for kind, names in sets.items():
            if unknown := sorted(names - functions.keys()):
                raise LookupError(
                    f"{theme}.{kind.upper()} names no function of its module: {unknown}"
                )
    return found


def generator(*names: str) -> np.random.Generator:
    """A random generator that always gives the same numbers for the same names."""
    return np.random.default_rng(zlib.crc32(" ".join(names).encode()))


def is_float(value: Any) -> bool:
    """Whether a value carries a derivative."""
    return isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"


def like(value: Any, pattern: Any) -> Any:
    """`value` in the type, dtype and shape of `pattern`; None if that carries no derivative."""
    if not is_float(pattern):
        return None
    if isinstance(pattern, np.ndarray):
        return np.array(value, pattern.dtype).reshape(pattern.shape)
    return type(pattern)(value)


def tree_map(fn: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply `fn` to the leaves of nested tuples."""
    if isinstance(tree, tuple):
        return tuple(tree_map(fn, *row) for row in zip(tree, *others, strict=True))
    return fn(tree, *others)


def inner(seed: Any, value: Any) -> Any:
    """The sum of the products of the leaves of two nested tuples."""
    if isinstance(value, tuple):
        return sum(inner(s, v) for s, v in zip(seed, value, strict=True))
    return 0.0 if seed is None else np.sum(np.asarray(seed, float) * value)
