"""Samples of the functions of `scipy.special`, where SciPy is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from rule_rows import Row, sample

ROWS: list[Row] = []
if importlib.util.find_spec("scipy") is not None:
    from scipy import special

    from srcad.rules.registry import lookup

    lookup(special.erf)  # declares the rules

    UNIT = sample(3, low=0.15, high=0.85)
    OTHER = sample(3, low=0.15, high=0.85, seed=1)
    LARGE = sample(3, low=1.2, high=3.0)

    def add(fn: Any, *args: Any, **options: Any) -> None:
        ROWS.append(Row(fn, args, **options))

    for fn in (
        special.erf, special.erfc, special.erfcx, special.erfi, special.erfinv, special.erfcinv,
        special.ndtr, special.ndtri, special.log_ndtr, special.gamma, special.gammaln,
        special.loggamma, special.rgamma, special.psi, special.expit, special.logit,
        special.log_expit, special.exprel, special.exp2, special.exp10, special.expm1,
        special.log1p, special.cbrt, special.entr, special.j0, special.j1, special.y0, special.y1,
        special.i0, special.i1, special.i0e, special.i1e, special.k0, special.k1, special.ellipe,
        special.ellipk, special.exp1, special.expi, special.dawsn, special.spence,
    ):  # fmt: skip
        add(fn, UNIT, order=1 if fn in (special.y1, special.i1e) else 2)
    add(special.ellipe, np.array([0.0, 0.3]), order=1)
    add(special.exprel, np.array([0.0, 1e-7, 0.3]), order=1, rtol=1e-4)
    for fn in (
        special.beta, special.betaln, special.xlogy, special.xlog1py, special.rel_entr,
        special.kl_div, special.pseudo_huber,
    ):  # fmt: skip
        add(fn, UNIT, OTHER)
        add(fn, UNIT, 0.4)
    for fn in (special.gammainc, special.gammaincc):
        add(fn, 1.5, LARGE, argnums=(1,), constants=(0,))
    for fn in (special.jv, special.yv, special.iv, special.kv, special.ive):
        add(fn, 2, LARGE, argnums=(1,))
    add(special.zeta, 2.0, LARGE, argnums=(1,), constants=(0,))
    add(special.boxcox, LARGE, 0.5, argnums=(0,), constants=(1,))
    add(special.round, LARGE)
    for fn in (special.ellipeinc, special.ellipkinc):
        add(fn, UNIT, OTHER)
        add(fn, UNIT, 0.3)
        add(fn, 0.7, np.array([0.0, 0.2]), order=1)
    add(special.huber, 0.5, UNIT)
    add(special.hyp2f1, 0.5, 1.5, 2.5, UNIT, argnums=(3,), constants=(0, 1, 2))
    add(special.hyp1f1, 0.5, 1.5, UNIT, argnums=(2,), constants=(0, 1))
    add(special.hyp0f1, 0.5, UNIT, argnums=(1,), constants=(0,))
    add(special.betainc, 1.5, 2.5, UNIT, argnums=(2,), constants=(0, 1))
    add(special.gammaincinv, 1.5, UNIT, argnums=(1,), constants=(0,))
    add(special.lambertw, UNIT)
    add(special.lambertw, 0.4)
