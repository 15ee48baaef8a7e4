"""Functions of installed packages, unmodified, against differences; skipped without them."""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import srcad
import third_party
from srcad.testing import assert_close, numerical_jvp

CALLS: list[tuple[str, str, tuple[Any, ...]]] = [
    ("fluids.friction", "friction_factor", (1e5, 1e-4)),
    ("fluids.friction", "helical_turbulent_fd_Ju", (1e4, 0.01, 0.2)),
    ("fluids.control_valve", "control_valve_choke_P_l", (69682.9, 22048320.0, 0.6, 680000.0)),
    ("fluids.two_phase", "Bankoff", (0.6, 0.1, 915.0, 2.67, 180e-6, 14e-6, 0.05)),
    ("fluids.open_flow", "Q_weir_V_Shen", (0.6, 45.0)),
    ("scipy.stats", "wasserstein_distance", (np.array([0.1, 1.3, 3.2]), np.array([5.0, 6.1]))),
    ("colour.models.rgb.transfer_functions.arri", "log_encoding_ARRILogC3", (0.18,)),
    ("colour.models.rgb.transfer_functions.exponent", "exponent_function_basic", (0.18, 2.2)),
]


@pytest.mark.parametrize("module, name, args", CALLS, ids=[c[1] for c in CALLS])
def test_gradient(module: str, name: str, args: tuple[Any, ...]) -> None:
    pytest.importorskip(module.partition(".")[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = getattr(importlib.import_module(module), name)
    tangents = tuple(0.01 * np.asarray(a) if np.ndim(a) else 0.01 * a for a in args)
    argnums = tuple(range(len(args)))
    bars = srcad.grad(found, argnums=argnums)(*args)
    along = sum(np.sum(bar * tangent) for bar, tangent in zip(bars, tangents, strict=True))
    expected = numerical_jvp(found, args, tangents)
    assert_close(float(along), float(expected), rtol=1e-5)


def test_example(capsys: pytest.CaptureFixture[str]) -> None:
    for package in ("fluids", "scipy", "colour"):
        pytest.importorskip(package)
    assert third_party.main() == 0
    shown = capsys.readouterr().out
    for start in ("d friction_factor / d Re = ", "d wasserstein_distance / d u_values = ["):
        assert start in shown


def test_example_names_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = third_party.Example("absent-package", "absent_package", "f", ("x",), {"x": 1.0})
    monkeypatch.setattr(third_party, "EXAMPLES", (absent,))
    assert third_party.main() == 1
    assert "python -m pip install absent-package" in capsys.readouterr().err
    assert "absent_package" not in sys.modules
