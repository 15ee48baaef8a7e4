"""Helpers of `calls`, in a module of their own; one of them has the name of another there."""

from __future__ import annotations

import numpy as np

SCALE = 1.25
_OFFSET = 0.4


def polynomial(x, y):
    return x * x * y - y


def weighted(x, weight):
    return weight * x * x


def shift(x):
    return x - _OFFSET


def gaussian(x):
    return np.exp(-0.5 * x * x)
