"""Array programs of PolyBench and NPBench, as people write them: loops, slices, stores in place.

They are written from their mathematical definitions. Each module has a list `KERNELS` of `Kernel`.
A kernel may change its arguments; it returns the arrays that it computes.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Draw = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Kernel:
    """A function, which of its arguments carry a derivative, and how small ones are made.

    `make` gets a function that returns numbers between 0.5 and 1.5 in the shape that it is given.
    """

    function: Callable[..., Any]
    active: str
    make: Callable[[Draw], tuple[Any, ...]]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def argnums(self) -> tuple[int, ...]:
        """Positions of the arguments that carry a derivative."""
        names = list(inspect.signature(self.function).parameters)
        return tuple(names.index(name) for name in self.active.split())

    def args(self) -> tuple[Any, ...]:
        """New arguments, always the same numbers."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        return self.make(lambda *shape: rng.uniform(0.5, 1.5, shape))

    def __str__(self) -> str:
        return self.name


def kernels() -> list[Kernel]:
    """All kernels, in the order in which they are written."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return [kernel for module in modules for kernel in module.KERNELS]
