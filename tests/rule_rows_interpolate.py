"""Samples of the functions of `scipy.interpolate`, where SciPy is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from rule_rows import Row, sample

ROWS: list[Row] = []
if importlib.util.find_spec("scipy") is not None:
    from scipy import interpolate

    from srcad.rules import interpolate as rules

    PLACES = np.linspace(0.0, 3.0, 9)
    A, B = np.array([0.3, 1.2, 2.2, 2.9]), np.array([0.35, 1.3, 2.4])
    TABLE = np.outer(np.sin(PLACES), np.cos(PLACES))

    def add(fn: Any, *args: Any, **options: Any) -> None:
        ROWS.append(Row(fn, args, **options))

    def of_spline(fn: Any, spline: Any, *args: Any, **options: Any) -> None:
        argnums = tuple(range(1, 1 + len(args)))
        ROWS.append(Row(fn, (spline, *args), argnums=argnums, constants=(0,), **options))

    for k in (1, 3):
        t, c, _ = interpolate.splrep(PLACES, np.sin(PLACES), k=k)
        for x in (0.7, A):
            for statics in ({}, {"der": 1}, {"ext": 3}, {"ext": 1}):
                add(
                    interpolate.splev, x, (t, c, k), kwargs=statics, argnums=(0,), generic=False
                )
        add(rules.spline_derivative, A, (t, c, k), kwargs={"der": 1}, argnums=(0,))
        add(rules.spline_derivative, 3.4, (t, c, k), kwargs={"ext": 3}, argnums=(0,))
    for x in (0.7, A):
        for spline in (
            interpolate.CubicSpline(PLACES, np.sin(PLACES)),
            interpolate.PchipInterpolator(PLACES, np.exp(-PLACES)),
        ):
            of_spline(interpolate.PPoly.__call__, spline, x)
        curve = interpolate.make_interp_spline(PLACES, np.sin(PLACES), k=2)
        of_spline(interpolate.BSpline.__call__, curve, x, kwargs={"nu": 1})
    for ext in (0, 1, 3):
        spline = interpolate.UnivariateSpline(PLACES, np.cos(PLACES), s=0, k=2, ext=ext)
        for x in (0.7, A, 3.4):
            of_spline(interpolate.UnivariateSpline.__call__, spline, x)
            of_spline(rules.univariate_derivative, spline, x)
    for k in (1, 3):
        surface = interpolate.RectBivariateSpline(PLACES, PLACES, TABLE, kx=k, ky=k)
        tck = rules.surface_of(surface)
        add(rules.surface_of, surface, argnums=())
        for x, y in ((0.7, 1.2), (3.7, 1.2), (A, 1.2), (0.7, B), (A, B)):
            add(interpolate.bisplev, x, y, tck, argnums=(0, 1))
            add(rules.surface_derivative, x, y, tck, argnums=(0, 1))
            of_spline(interpolate.BivariateSpline.__call__, surface, x, y)
        for x, y in ((0.7, 1.2), (A, 1.2), (A, sample(4)), (A[:, None], B)):
            of_spline(
                interpolate.BivariateSpline.__call__, surface, x, y, kwargs={"grid": False}
            )
            add(rules.surface_derivative, x, y, tck, kwargs={"grid": False}, argnums=(0, 1))
        if k == 3:
            add(interpolate.bisplev, A, B, tck, kwargs={"dx": 1, "dy": 2}, argnums=(0, 1))
