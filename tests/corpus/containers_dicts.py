"""Dictionaries, sets, named tuples, data classes: parameters by name, tables, records."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections import namedtuple
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

_CONSTANTS = {"g": 9.81, "rho": 1.2}
_KNOWN = {"euler", "midpoint"}
Point = namedtuple("Point", "x y")


class Gas(NamedTuple):
    pressure: float
    volume: float = 2.0

    def energy(self):
        return 1.5 * self.pressure * self.volume


@dataclass
class Option:
    spot: float
    strike: float = 1.0
    history: list = field(default_factory=list)

    def value(self):
        return math.log(1.0 + math.exp(self.spot - self.strike))


@dataclass(frozen=True)
class Beam:
    length: float
    load: float

    @property
    def moment(self):
        return self.load * self.length**2 / 8.0


def dict_literal(x, y):
    p = {"mass": x, "speed": y}
    return 0.5 * p["mass"] * p["speed"] ** 2


def dict_store(x, y):
    state = {}
    state["position"] = x
    state["speed"] = y
    state["position"] = state["position"] + 0.1 * state["speed"]
    return state["position"] * state["speed"]


def dict_update_item(x, y):
    totals = {"a": x, "b": 0.0}
    totals["b"] += x * y
    totals["a"] *= y
    return totals["a"] + totals["b"] ** 2


def dict_get(x, y):
    options = {"rate": x}
    return options.get("rate", 1.0) * options.get("volatility", y)


def dict_items(x, y):
    weights = {1: x, 2: y, 3: x * y}
    return sum(power * w for power, w in weights.items())


def dict_keys(x, y):
    weights = {"a": x, "b": y}
    total = 0.0
    for key in weights.keys():
        total += weights[key] ** 2
    return total


def dict_values(x, y):
    return sum({"a": x * x, "b": y}.values())


def dict_iteration(x, y):
    parts = {"kinetic": x * x, "potential": y}
    total = 0.0
    for name in parts:
        total += parts[name] if name == "kinetic" else 2.0 * parts[name]
    return total


def dict_update(x, y):
    settings = {"a": 1.0, "b": x}
    settings.update({"a": y}, c=x * y)
    return settings["a"] * settings["b"] + settings["c"]


def dict_setdefault(x, y):
    table = {"a": x}
    return table.setdefault("a", y) + table.setdefault("b", y * y) + table["b"]


def dict_pop(x, y):
    table = {"a": x, "b": y}
    return table.pop("a") ** 2 * table["b"] + table.pop("c", 0.5)


def dict_comprehension(x):
    powers = {k: x**k for k in range(1, 4)}
    return powers[1] + powers[2] * powers[3]


def dict_merge(x, y):
    merged = {**{"a": 1.0, "b": x}, "a": y}
    return merged["a"] * merged["b"]


def dict_or(x, y):
    merged = {"a": x} | {"b": y}
    return merged["a"] / (1.0 + merged["b"] ** 2)


def dict_call(x, y):
    options = dict(rate=x, time=y)
    return math.exp(-options["rate"] * options["time"])


def dict_from_zip(x, y):
    table = dict(zip(["a", "b"], [x, y * y]))
    return table["a"] * table["b"]


def nested_dicts(x, y):
    model = {"layer": {"w": x, "b": y}, "scale": 2.0}
    model["layer"]["b"] = model["layer"]["b"] * x
    return model["scale"] * model["layer"]["w"] + model["layer"]["b"]


def dict_of_lists(x, y):
    groups = {"even": [], "odd": []}
    for k in range(4):
        groups["even" if k % 2 == 0 else "odd"].append(x * k + y)
    return groups["even"][1] * groups["odd"][0]


def dict_of_arrays(u, v):
    params = {"w": u, "b": v}
    return np.sum(np.tanh(params["w"] * 0.5 + params["b"]))


def gradient_step_on_dict(x, y):
    params = {"w": x, "b": y}
    for _ in range(3):
        residual = params["w"] * 0.5 + params["b"] - 1.0
        slopes = {"w": residual * 0.5, "b": residual}
        params = {name: value - 0.1 * slopes[name] for name, value in params.items()}
    return params["w"] * params["b"]


def dict_as_argument(x, y):
    return _loss({"w": x, "b": y}, 0.7)


def _loss(params, t):
    return (params["w"] * t + params["b"]) ** 2


def dict_as_result(x, y):
    moments = _moments(x, y)
    return moments["mean"] * moments["variance"]


def _moments(x, y):
    mean = 0.5 * (x + y)
    return {"mean": mean, "variance": (x - mean) ** 2 + (y - mean) ** 2}


def keywords_from_dict(x, y):
    arguments = {"rate": x, "time": y}
    return _discount(**arguments)


def _discount(rate, time):
    return math.exp(-rate * time)


def key_membership(x, y):
    options = {"drag": y}
    force = x * x
    if "drag" in options:
        force -= options["drag"] * x
    if "lift" in options:
        force += 1.0
    return force


def length_of_dict(x, y):
    return (x + y) / len({"a": x, "b": y})


def delete_key(x, y):
    table = {"a": x, "b": y}
    del table["a"]
    return sum(table.values()) * x


def global_dict(x):
    return 0.5 * _CONSTANTS["rho"] * x * x + _CONSTANTS["g"]


def dispatch_by_dict(x, y):
    kernels = {"linear": lambda a, b: a * b, "gauss": lambda a, b: math.exp(-((a - b) ** 2))}
    return kernels["gauss"](x, y) + kernels["linear"](x, y)


def set_of_constants(x):
    method = "midpoint"
    return x * x if method in _KNOWN else x


def set_literal(x, n):
    return x * x if n in {2, 3, 5} else x


def set_comprehension_of_constants(x):
    return x * len({k % 2 for k in range(5)})


def tuple_keys(x, y):
    stiffness = {(0, 0): x, (0, 1): -y, (1, 1): x * y}
    return stiffness[0, 0] * stiffness[1, 1] - stiffness[0, 1] ** 2


def counting_dict(x, n):
    counts = {}
    for k in range(n + 3):
        counts[k % 3] = counts.get(k % 3, 0.0) + x * k
    return counts[0] * counts[1] + counts[2]


def memo_inside(x, n):
    memo = {0: 1.0, 1: x}

    def chebyshev(k):
        if k not in memo:
            memo[k] = 2.0 * x * chebyshev(k - 1) - chebyshev(k - 2)
        return memo[k]

    return chebyshev(4)


def last_entry_popped(x, y):
    table = dict.fromkeys(("a", "b", "c"), x * y)
    table["c"] = y
    key, value = table.popitem()
    return value * len(table) * len(key) + table["a"] * table["b"]


def rows_completed(x, y):
    rows = [{"time": k, "payment": x * (k + 1)} for k in range(3)]
    for row in rows:
        row["interest"] = row["payment"] * y
        row["payment"] += row["time"]
    return sum(row["payment"] * row["interest"] for row in rows)


def namedtuple_fields(x, y):
    point = Point(x, y * y)
    return point.x * point.y


def namedtuple_unpacked(x, y):
    a, b = Point(y=x, x=y)
    return a - b * b


def namedtuple_replaced(x, y):
    moved = Point(x, y)._replace(x=x * y)
    return moved.x + moved.y**2


def namedtuple_indexed(x, y):
    point = Point(x, y)
    return point[0] * point[1] + sum(point)


def typed_namedtuple(x):
    return Gas(pressure=x * x).energy()


def dataclass_fields(x, y):
    option = Option(x, y)
    return option.spot * option.strike


def dataclass_method(x, y):
    return Option(spot=x, strike=y * y).value()


def dataclass_changed(x, y):
    option = Option(x)
    option.strike = y * x
    option.history.append(option.strike)
    return option.value() + option.history[0]


def dataclass_property(x, y):
    return Beam(length=x, load=y).moment


def dataclass_replaced(x, y):
    beam = dataclasses.replace(Beam(x, 2.0), load=y * y)
    return beam.moment


def list_of_dataclasses(x, y):
    beams = [Beam(x, y), Beam(y, 1.0), Beam(1.5, x * y)]
    return sum(beam.moment for beam in beams)


def list_of_dicts(x, y):
    trades = [{"price": x, "size": 2.0}, {"price": y, "size": -1.0}]
    return sum(trade["price"] ** 2 * trade["size"] for trade in trades)


def sorted_keys(x, y):
    curve = {2.0: y, 1.0: x}
    value = 1.0
    for tenor in sorted(curve):
        value = value * math.exp(-0.1 * curve[tenor] * tenor)
    return value


def _weighted(x, g=1.0, rho=1.0, offset=0.0):
    return x * g * rho + offset


def copy_of_known_dict(x, y):
    settings = _CONSTANTS.copy()
    settings.update(rho=y)
    return _weighted(x, **settings)


def known_dict_spread(x, y):
    settings = {**_CONSTANTS, "offset": y * y}
    return _weighted(x * x, **settings) + _weighted(y, **_CONSTANTS)


def known_dict_joined(x, y):
    return _weighted(x, **(_CONSTANTS | {"g": y * x}))


def deep_copy_is_apart(u, x):
    record = {"rows": [u, u * x], "factor": x}
    other = copy.deepcopy(record)
    other["rows"][0][0] = 3.0 * x
    other["rows"].append(u)
    return np.sum(record["rows"][0] * other["rows"][0]) * other["factor"] * len(record["rows"])


def fields_as_tuple(x, y):
    length, load = dataclasses.astuple(Beam(x * y, y))
    return length * length * load

TYPED = {
    "deep_copy_is_apart",  # a number is no copy of itself, an array is
    "memo_inside",
    "dict_update_item",  # `+=` on a number or an array?
}
