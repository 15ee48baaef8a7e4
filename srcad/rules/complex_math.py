"""The functions of the `cmath` module: they take any number, and give complex ones.

Their derivatives are written with the result where a real argument has none: ``cmath.sqrt(-1.0)``.
"""

from __future__ import annotations

import cmath
from typing import Any

from srcad.ir.abstract import BOOL, COMPLEX
from srcad.pristine import np
from srcad.rules import inference
from srcad.rules.registry import elementwise, zero

_COMPLEX = inference.constant_type(COMPLEX)


def _log(y: Any, z: Any, *base: Any) -> Any:
    if not base:
        return 1 / z
    log_base = np.log(base[0] + 0j)
    return 1 / (z * log_base), -y / (base[0] * log_base)


elementwise(cmath.exp, lambda y, z: y, infer=_COMPLEX)
elementwise(cmath.log, _log, infer=_COMPLEX)
elementwise(cmath.log10, lambda y, z: 1 / (np.log(10.0) * z), infer=_COMPLEX)
elementwise(cmath.sqrt, lambda y, z: 0.5 / y, infer=_COMPLEX)
elementwise(cmath.sin, lambda y, z: np.cos(z), infer=_COMPLEX)
elementwise(cmath.cos, lambda y, z: -np.sin(z), infer=_COMPLEX)
elementwise(cmath.tan, lambda y, z: 1 + y * y, infer=_COMPLEX)
elementwise(cmath.sinh, lambda y, z: np.cosh(z), infer=_COMPLEX)
elementwise(cmath.cosh, lambda y, z: np.sinh(z), infer=_COMPLEX)
elementwise(cmath.tanh, lambda y, z: 1 - y * y, infer=_COMPLEX)
elementwise(cmath.asin, lambda y, z: 1 / np.cos(y), infer=_COMPLEX)
elementwise(cmath.acos, lambda y, z: -1 / np.sin(y), infer=_COMPLEX)
elementwise(cmath.atan, lambda y, z: 1 / (1 + z * z), infer=_COMPLEX)
elementwise(cmath.asinh, lambda y, z: 1 / np.cosh(y), infer=_COMPLEX)
elementwise(cmath.acosh, lambda y, z: 1 / np.sinh(y), infer=_COMPLEX)
elementwise(cmath.atanh, lambda y, z: 1 / (1 - z * z), infer=_COMPLEX)
zero(
    cmath.isnan, cmath.isinf, cmath.isfinite, signature="z",
    infer=inference.constant_type(BOOL),
)  # fmt: skip
zero(
    cmath.isclose, signature="a, b, rel_tol=1e-09, abs_tol=0.0",
    infer=inference.constant_type(BOOL),
)  # fmt: skip
