"""Rules of `scipy.special`, where SciPy is installed.

They are declared when a function of `scipy.special` is first looked up: srcad itself neither
needs SciPy nor imports it.
"""

from __future__ import annotations

import math
from typing import Any

from scipy import special

from srcad.ir.abstract import Array, Type, dims_of
from srcad.pristine import np
from srcad.rules.inference import as_array
from srcad.rules.language import call
from srcad.rules.registry import elementwise, zero

_HALF_ROOT_PI = math.sqrt(math.pi) / 2
_ROOT_2PI = math.sqrt(2 * math.pi)


def _density(x: Any) -> Any:
    """Of the normal distribution."""
    return np.exp(-0.5 * x * x) / _ROOT_2PI


def _is_number(t: Type) -> bool:
    return dims_of(as_array(t)) == ()


def _nonzero(x: Any) -> Any:
    return np.where(x == 0, 1.0, x)


# -- error function and normal distribution

elementwise(special.erf, lambda y, x: np.exp(-x * x) / _HALF_ROOT_PI)
elementwise(special.erfc, lambda y, x: -np.exp(-x * x) / _HALF_ROOT_PI)
elementwise(special.erfcx, lambda y, x: 2 * x * y - 1 / _HALF_ROOT_PI)
elementwise(special.erfi, lambda y, x: np.exp(x * x) / _HALF_ROOT_PI)
elementwise(special.erfinv, lambda y, x: _HALF_ROOT_PI * np.exp(y * y))
elementwise(special.erfcinv, lambda y, x: -_HALF_ROOT_PI * np.exp(y * y))
elementwise(special.ndtr, lambda y, x: _density(x))
elementwise(special.ndtri, lambda y, x: 1 / _density(y))
elementwise(special.log_ndtr, lambda y, x: np.exp(-0.5 * x * x - y) / _ROOT_2PI)

# -- gamma and beta functions

elementwise(special.gamma, lambda y, x: y * special.psi(x))
elementwise((special.gammaln, special.loggamma), lambda y, x: special.psi(x))
elementwise(special.rgamma, lambda y, x: -y * special.psi(x))
elementwise(special.psi, lambda y, x: call(special.zeta, x, 2.0, x))
elementwise(special.beta, lambda y, a, b: (
    y * (special.psi(a) - special.psi(a + b)), y * (special.psi(b) - special.psi(a + b))
))  # fmt: skip
elementwise(special.betaln, lambda y, a, b: (
    special.psi(a) - special.psi(a + b), special.psi(b) - special.psi(a + b)
))  # fmt: skip
elementwise(
    special.gammainc, lambda y, a, x: (None, np.exp(-x + (a - 1) * np.log(x) - special.gammaln(a))),
    unknown=("a",),
)  # fmt: skip
elementwise(
    special.gammaincc,
    lambda y, a, x: (None, -np.exp(-x + (a - 1) * np.log(x) - special.gammaln(a))),
    unknown=("a",),
)  # fmt: skip
elementwise(  # Hurwitz's zeta function; in its first argument there is no short expression
    special.zeta, lambda y, x, q: (None, -x * call(special.zeta, q, x + 1, q)), unknown=("x",)
)

# -- exponentials, logarithms, entropies

elementwise(special.expit, lambda y, x: y * (1 - y))
elementwise(special.logit, lambda y, x: 1 / (x * (1 - x)))
elementwise(special.log_expit, lambda y, x: special.expit(-x))
elementwise(special.exprel, lambda y, x: np.where(
    np.abs(x) < 1e-5, 0.5 + x / 3, (np.exp(x) - y) / _nonzero(x)
))  # fmt: skip
elementwise(special.exp2, lambda y, x: math.log(2.0) * y)
elementwise(special.exp10, lambda y, x: math.log(10.0) * y)
elementwise(special.expm1, lambda y, x: y + 1)
elementwise(special.log1p, lambda y, x: 1 / (1 + x))
elementwise(special.cbrt, lambda y, x: 1 / (3 * y * y))
elementwise(special.xlogy, lambda z, x, y: (np.log(y), x / y))
elementwise(special.xlog1py, lambda z, x, y: (np.log1p(y), x / (1 + y)))
elementwise(special.entr, lambda y, x: -np.log(x) - 1)
elementwise(special.rel_entr, lambda z, x, y: (np.log(x / y) + 1, -x / y))
elementwise(special.kl_div, lambda z, x, y: (np.log(x / y), 1 - x / y))
elementwise(special.boxcox, lambda y, x, lmbda: (x ** (lmbda - 1), np.where(
    lmbda == 0, np.log(x) ** 2 / 2, (x**lmbda * np.log(x) - y) / _nonzero(lmbda)
)))  # fmt: skip
elementwise(special.pseudo_huber, lambda z, d, r: (
    2 * z / d - r * r / d / np.sqrt(1 + (r / d) ** 2), r / np.sqrt(1 + (r / d) ** 2)
))  # fmt: skip
elementwise(special.huber, lambda y, delta, r: (
    np.where(np.abs(r) <= delta, 0.0, np.abs(r) - delta),
    np.where(np.abs(r) <= delta, r, delta * np.sign(r)),
))  # fmt: skip
zero(special.round)

# -- hypergeometric functions, incomplete beta function, Lambert's W

elementwise(
    special.hyp2f1,
    lambda y, a, b, c, z: (
        None, None, None, a * b / c * special.hyp2f1(a + 1, b + 1, c + 1, z)
    ),
    unknown=("a", "b", "c"),
)  # fmt: skip
elementwise(
    special.hyp1f1, lambda y, a, b, x: (None, None, a / b * special.hyp1f1(a + 1, b + 1, x)),
    unknown=("a", "b"),
)  # fmt: skip
elementwise(
    special.hyp0f1, lambda y, v, z: (None, special.hyp0f1(v + 1, z) / v), unknown=("v",)
)  # fmt: skip
elementwise(
    special.betainc,
    lambda y, a, b, x: (None, None, x ** (a - 1) * (1 - x) ** (b - 1) / special.beta(a, b)),
    unknown=("a", "b"),
)  # fmt: skip
elementwise(
    special.gammaincinv,
    lambda y, a, q: (None, np.exp(y + special.gammaln(a) - (a - 1) * np.log(y))),
    unknown=("a",),
)  # fmt: skip
elementwise(
    special.lambertw,
    lambda y, z, k=0, tol=1e-8: np.where(z == 0, 1.0, y / (_nonzero(z) * (1 + y))),
    infer=lambda c: Array("complex128", dims_of(as_array(c.types[0])), _is_number(c.types[0])),
)  # fmt: skip

# -- Bessel functions

elementwise(special.j0, lambda y, x: -special.j1(x))
elementwise(special.j1, lambda y, x: (special.j0(x) - special.jv(2, x)) / 2)
elementwise(special.y0, lambda y, x: -special.y1(x))
elementwise(special.y1, lambda y, x: (special.y0(x) - special.yv(2, x)) / 2)
elementwise(special.i0, lambda y, x: special.i1(x))
elementwise(special.i1, lambda y, x: (special.i0(x) + special.iv(2, x)) / 2)
elementwise(special.i0e, lambda y, x: special.i1e(x) - np.sign(x) * y)
elementwise(special.i1e, lambda y, x: (special.i0e(x) + special.ive(2, x)) / 2 - np.sign(x) * y)
elementwise(special.k0, lambda y, x: -special.k1(x))
elementwise(special.k1, lambda y, x: -special.k0(x) - y / x)
for _fn, _sign in ((special.jv, -1), (special.yv, -1), (special.iv, 1)):
    elementwise(
        _fn,
        lambda y, v, x, fn=_fn, sign=_sign: (None, (fn(v - 1, x) + sign * fn(v + 1, x)) / 2),
        unknown=("v",),
    )  # fmt: skip
elementwise(
    special.kv, lambda y, v, x: (None, -(special.kv(v - 1, x) + special.kv(v + 1, x)) / 2),
    unknown=("v",),
)  # fmt: skip

elementwise(
    special.ive,
    lambda y, v, x: (None, (special.ive(v - 1, x) + special.ive(v + 1, x)) / 2 - np.sign(x) * y),
    unknown=("v",),
)  # fmt: skip

# -- elliptic integrals, exponential integrals

elementwise(special.ellipe, lambda y, m: np.where(
    m == 0, -math.pi / 8, (y - special.ellipk(m)) / _nonzero(2 * m)
))  # fmt: skip
elementwise(special.ellipk, lambda y, m: np.where(
    m == 0, math.pi / 8, (special.ellipe(m) / (1 - m) - y) / _nonzero(2 * m)
))  # fmt: skip
elementwise(special.ellipeinc, lambda y, phi, m: (
    np.sqrt(1 - m * np.sin(phi) ** 2),
    np.where(m == 0, np.sin(2 * phi) / 8 - phi / 4, (
        y - special.ellipkinc(phi, m)
    ) / _nonzero(2 * m)),
))  # fmt: skip
elementwise(special.ellipkinc, lambda y, phi, m: (
    1 / np.sqrt(1 - m * np.sin(phi) ** 2),
    np.where(m == 0, phi / 4 - np.sin(2 * phi) / 8, (
        special.ellipeinc(phi, m) / (1 - m) - y
        - m * np.sin(2 * phi) / (2 * (1 - m) * np.sqrt(1 - m * np.sin(phi) ** 2))
    ) / _nonzero(2 * m)),
))  # fmt: skip
elementwise(special.exp1, lambda y, x: -np.exp(-x) / x)
elementwise(special.expi, lambda y, x: np.exp(x) / x)
elementwise(special.dawsn, lambda y, x: 1 - 2 * x * y)
elementwise(special.spence, lambda y, x: np.log(x) / (1 - x))
