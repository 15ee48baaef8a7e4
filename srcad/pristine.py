"""NumPy and `math` as they were when srcad was imported.

A rule for `np.cos` that reads `np.sin` means the sine, also where a program has since put another
function in its place (a monkeypatch, a wrapper that counts calls). So the rules, the passes that
compare with functions of NumPy, and generated code read them from these copies, while the user's
own calls are looked up in the modules themselves, and guarded.
"""

from __future__ import annotations

import math as _math
import types
from typing import TYPE_CHECKING

import numpy as _numpy

if TYPE_CHECKING:
    import math as math

    import numpy as np

_FAMILIES = ("linalg", "fft")  # modules within NumPy whose functions have rules


def _copy(module: types.ModuleType) -> types.ModuleType:
    made = types.ModuleType(module.__name__, module.__doc__)
    vars(made).update(vars(module))
    return made


_COPIES = {_math: _copy(_math), _numpy: _copy(_numpy)}
for _name in _FAMILIES:
    _family = getattr(_numpy, _name)
    _COPIES[_family] = _copy(_family)
    setattr(_COPIES[_numpy], _name, _COPIES[_family])
_ORIGINALS = {id(copied): module for module, copied in _COPIES.items()}

if not TYPE_CHECKING:
    np, math = _COPIES[_numpy], _COPIES[_math]


def original(value: object) -> object:
    """The module itself for a copy of this file; anything else as it is."""
    return _ORIGINALS.get(id(value), value)


def copy_of(module: types.ModuleType) -> types.ModuleType:
    """The copy of a module; the module itself if there is none."""
    return _COPIES.get(module, module)


__all__ = ["copy_of", "math", "np", "original"]
