"""What the sources of numeric libraries are made of, in functions as small as can be."""

from __future__ import annotations

import bisect
import copy
import functools
import inspect
from collections.abc import Mapping

import numpy as np


def flag_in_condition(x, strict=True):
    if x > 5.0 and strict:
        raise ValueError("too large")
    return x * x


def flag_first_in_condition(x, y, loose=False):
    if loose or y > 0.0:
        return x * x * y
    return x - y


def number_class_called(x):
    return np.float64(x * x)


def number_class_as_value(x, dtype=None):
    dtype = np.float64 if dtype is None else dtype
    return dtype(x) ** 3


def number_class_of_array(u):
    squares = np.float64(u * u)
    return np.sum(squares * u)


def number_class_gives_the_array_itself(u):
    same = np.float64(u)
    other = np.float64(same * 1.0)
    other *= same
    return np.sum(other)


def number_class_of_array_without_dimensions(x, y):
    return np.float64(np.asarray(x) * y)


def number_class_of_list(x, y):
    return np.sum(np.float64([x, y, x * y]))


def masked_store_without_dimensions(x, p_power=2.2):
    x = np.asarray(x)
    y = np.zeros(x.shape)
    positive = x >= 0.0
    y[positive] = x[positive] ** p_power
    y[~positive] = -((-x[~positive]) ** p_power)
    return np.float64(y)


def masked_update_without_dimensions(x, y):
    h = np.array(x)
    h[h <= 0.0] += 3.0
    h[np.asarray(np.isnan(h))] = 0.0
    return np.float64(h * h * y)


TABLE = [0.5, 1.5, 1.0, 3.0]
POINTS = [(0.0, 1.0), (1.0, 3.0), (2.0, -1.0)]
ROWS = [[1.0, 2.0, 4.0], [3.0, 5.0, 6.0]]
STEPS = (1, 2, 4)


def table_by_computed_index(x, n):
    i = n - 1
    return TABLE[i] * x * x + TABLE[-n]


def table_of_ints(x, n):
    return x ** STEPS[n - 2] * STEPS[n - 1]


def table_of_pairs(x, n):
    low, high = POINTS[n - 1]
    return low * x + high * x * x


def table_of_tables(x, k):
    row = ROWS[k - 1]
    return row[k] * x**2 + ROWS[k - 2][k - 1] * x


def _position(key, table):
    low, high = 0, len(table) - 1
    while low < high:
        middle = (low + high) // 2
        if key >= table[middle]:
            low = middle + 1
        else:
            high = middle
    return low


def table_searched(x):
    knots = [-2.0, -1.0, 0.0, 1.0, 2.0]
    heights = (1.0, 3.0, 0.5, 2.0, 7.0)
    i = _position(x, knots) - 1
    slope = (heights[i + 1] - heights[i]) / (knots[i + 1] - knots[i])
    return (heights[i] + slope * (x - knots[i])) * x


def table_bisected(x):
    i = bisect.bisect([-2.0, 0.0, 2.0], x) + bisect.bisect_left(STEPS, 1)
    return TABLE[i] * x * x


MODE = "square"
SCALE = 1.5


def _set_mode(mode):
    global MODE
    previous, MODE = MODE, mode
    return previous


def _set_scale(scale):
    global SCALE
    SCALE = scale


def _by_mode(x):
    if MODE == "square":
        return x * x
    return x * x * x * SCALE


def global_set_and_put_back(x):
    y = _by_mode(x)
    previous = _set_mode("cube")
    y = y + _by_mode(x)
    _set_mode(previous)
    return y + _by_mode(2.0 * x)


def global_number_set_to_a_value(x, y):
    before = SCALE
    _set_scale(y * y)
    previous = _set_mode("cube")
    z = _by_mode(x)
    _set_mode(previous)
    _set_scale(before)
    return z * SCALE


def global_set_in_a_branch(x, y):
    previous = MODE
    if y > 0.0:
        _set_mode("cube")
        z = _by_mode(x)
        _set_mode(previous)
    else:
        z = _by_mode(x) * y
    return z + _by_mode(x)


def global_set_in_a_loop(x, n):
    total = 0.0
    for _ in range(n):
        previous = _set_mode("cube")
        total = total + _by_mode(x)
        _set_mode(previous)
        total = total + _by_mode(x)
    return total


class Settings(Mapping):
    """A mapping that finds its keys in capitals too."""

    def __init__(self, values):
        self._values = values

    def __getitem__(self, key):
        return self._values[key.lower()]

    def __iter__(self):
        return iter(self._values)

    def __len__(self):
        return len(self._values)


SETUP = Settings({"rate": 1.5, "weights": np.array([1.0, -2.0, 0.5, 3.0]), "kind": "cubic"})


def mapping_of_a_class(x):
    if "Kind" in SETUP and SETUP["KIND"] == "cubic" and len(SETUP) == 3:
        return SETUP["rate"] * x**3
    return x


def mapping_with_an_array(u):
    return np.sum(SETUP["Weights"] * u * u)


def keys_of_a_mapping(x):
    if "kind" in tuple(SETUP) and "rate" in SETUP.keys():
        return x * x * SETUP.get("rate", 1.0)
    return x


@functools.cache
def _checked(kind, allowed):
    if kind.lower() not in allowed:
        raise ValueError(f"{kind} is none of {allowed}")
    return kind.lower()


def cached_check(x, kind="Cubic"):
    kind = _checked(kind, ("linear", "cubic"))
    return x**3 if kind == "cubic" else x


@functools.lru_cache(maxsize=8)
def _slope(x):
    return x * x + 1.0


def cached_function_of_a_value(x, y):
    return _slope(x) * y + _slope(y)


def parameters_of_a_function(x, y):
    names = tuple(inspect.signature(_weighted).parameters.keys())
    return _weighted(x, y) if "weight" in names else x


def _weighted(value, weight):
    return value * weight**2


def copied_list(x, y):
    values = [x, y]
    others = copy.copy(values)
    others[0] = x * y
    return values[0] * others[0] + others[1]


def unpacked_array_from_outside(x):
    low, high = LIMITS
    return (x - low) * (high - x)


LIMITS = np.array([-3.0, 5.0])


def select_of_three(u):
    return np.sum(np.select([u < -1.0, u < 0.5, u >= 0.5], [0, u * u, 3 * u], default=7))


def methods_of_ufuncs(a):
    columns = np.add.reduce(a * a)
    rows = np.multiply.reduce(a, axis=1)
    return np.sum(columns * columns) + np.sum(rows) + np.add.accumulate(a)[1, 0] * np.max(a)


_WINDOW = np.array([0.5, 1.0, 1.5])


def _windowed(u, weights=_WINDOW, power=2):
    return np.sum(u[:3] * weights[: u.size]) ** power


def keywords_that_a_signature_has(u, x):
    known = inspect.signature(_windowed).parameters
    options = {"power": 3, "other": x}
    return _windowed(u, **{k: v for k, v in options.items() if k in known}) * x


class _Curve:
    """A table outside of the function, whose class only watches what is stored."""

    def __init__(self, knots, heights):
        self._knots = knots
        self._heights = heights
        self._line = None

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)

    def __getitem__(self, x):
        return self.line(x)

    @property
    def line(self):
        if self._line is None:
            self._line = functools.partial(np.interp, xp=self._knots, fp=self._heights)
        return self._line


_CURVE = _Curve(np.array([-9.0, -0.3, 0.7, 9.0]), np.array([1.0, 3.0, 2.0, 5.0]))
_CURVE[0.0]  # makes the line


def curve_outside(x):
    return _CURVE[x] * x


def _on_or_off(x, flag=None, rows=()):
    if x and flag:
        return 0.0
    if not (rows and x > 0.0) and (x or flag):
        return x * x
    return x


def none_in_a_test(x):
    return _on_or_off(x) * x


def questions_of_dtypes(u, x):
    kind = np.common_type(u, np.zeros(2))
    if np.iscomplexobj(u) or not np.iterable(u) or np.isscalar(u):
        return 0.0
    weights = np.ones(u.size, dtype=np.promote_types(kind, np.result_type(u, np.float32)))
    axis = np.lib.array_utils.normalize_axis_index(-1, np.ndim(u))
    return np.sum(u * weights, axis=axis) * x + np.finfo(u.dtype).eps


def dimension_of_one(x):
    rows = np.atleast_2d(x * x)
    if rows.shape[-1] == 3:
        first, second, third = rows[0]
        return first * second * third
    return np.sum(np.sin(rows))


class _Line:
    def __init__(self, slope, points):
        self.slope = slope
        self.points = points

    def value(self, x):
        if len(self.points) > 100:
            raise ValueError(f"too many points: {len(self.points)}, {self.slope}")
        return self.slope * x


def text_with_attributes(u, x):
    return _Line(np.sum(u * u), u).value(x)


SETTINGS = {
    "cached_function_of_a_value": {"float32": False},
    "masked_store_without_dimensions": {"float32": False},
    "number_class_gives_the_array_itself": {"float32": False},
    "number_class_called": {"float32": False},
    "number_class_as_value": {"float32": False},
    "number_class_of_array": {"float32": False},
    "number_class_of_array_without_dimensions": {"float32": False},
    "number_class_of_list": {"float32": False},
}

TYPED = {"global_number_set_to_a_value"}  # in generic code it may be an array

NOT_YET = {"keys_of_a_mapping"}  # for now
