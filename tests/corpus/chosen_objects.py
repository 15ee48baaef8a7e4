"""Objects, and other things that are no numbers, chosen by a condition of run time."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

import numpy as np


class _Disc:
    sides = 0

    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return math.pi * self.radius**2

    def grow(self, factor):
        self.radius = self.radius * factor

    def __mul__(self, factor):
        return _Disc(self.radius * factor)

    def __lt__(self, other):
        return self.area() < other.area()

    def __len__(self):
        return 1


class _Box:
    sides = 4

    def __init__(self, width, height):
        self.width = width
        self.height = height

    def area(self):
        return self.width * self.height

    def grow(self, factor):
        self.width = self.width * factor
        self.height = self.height + factor

    @property
    def radius(self):
        return 0.5 * (self.width + self.height)

    def __mul__(self, factor):
        return _Box(self.width * factor, self.height)

    def __lt__(self, other):
        return self.area() < other.area()

    def __len__(self):
        return 2


class _Mode(enum.Enum):
    FAST = 1.0
    SLOW = 0.25


def statement_of_two_classes(x, y):
    if x > y:
        shape = _Disc(x)
    else:
        shape = _Box(x, y)
    return shape.area() * shape.radius


def three_classes(x, y):
    if x > 1.0:
        shape = _Disc(x)
    elif x > y:
        shape = _Box(x, y)
    else:
        shape = _Box(y, 2.0) if y > 0.5 else _Disc(y)
    return shape.area() + shape.radius * x


def changed_by_a_method(x, y):
    shape = _Disc(x) if x * y > 0.0 else _Box(x, y)
    shape.grow(y)
    shape.grow(x)
    return shape.area()


def changed_by_a_store(x, y):
    shape = _Disc(x) if x > y else _Box(x, y)
    shape.extra = x * y
    shape.extra += shape.area()
    return shape.extra * shape.extra


def other_name_sees_the_change(x, y):
    disc, box = _Disc(x), _Box(x, y)
    shape = disc if x > y else box
    shape.grow(y)
    return disc.area() * x + box.area()


def class_asked_for(x, y):
    shape = _Disc(x) if x > y else _Box(x, y)
    if isinstance(shape, _Disc):
        return shape.area() * x
    return shape.area() * y


def class_attribute_of_the_choice(x, y):
    shape = _Disc(x) if x > y else _Box(x, y)
    return shape.area() * shape.sides + x * len(shape)


def operators_of_the_choice(x, y):
    shape = (_Disc(x) if x > y else _Box(x, y)) * y
    return shape.area() if shape < _Disc(100.0) else x


def passed_to_a_helper(x, y):
    shape = _Disc(x) if x > y else _Box(x, y)
    return _cost(shape, y) + _cost(_Disc(y), x)


def _cost(shape, price):
    shape.grow(1.5)
    return price * shape.area()


def returned_by_a_helper(x, y):
    return _larger(x, y).area() * _larger(y, x).radius


def _larger(x, y):
    if x > y:
        return _Disc(x)
    return _Box(x, y)


def chosen_in_a_loop(x, n):
    total = 0.0
    for k in range(n):
        shape = _Disc(x + k) if total < 2.0 else _Box(x, 1.0 + k)
        total = total + shape.area()
    return total


def chosen_before_a_loop(x, y):
    shape = _Disc(x) if x > y else _Box(x, y)
    for _ in range(3):
        shape.grow(1.1)
    return shape.area()


def in_a_list(x, y):
    shapes = [_Disc(x) if x > y else _Box(x, y), _Disc(y)]
    return sum(shape.area() for shape in shapes)


def in_an_attribute(x, y):
    holder = _Disc(x)
    holder.part = _Disc(y) if x > y else _Box(x, y)
    holder.part.grow(x)
    return holder.part.area() * holder.radius


def method_of_the_choice(x, y):
    area = (_Disc(x) if x > y else _Box(x, y)).area
    return area() * x + area()


def text_by_value(x, y):
    mode = "square" if x > y else "linear"
    scale = {"square": x, "linear": y}[mode]
    return scale * (x**2 if mode == "square" else x)


def text_in_an_f_string(x, y):
    mode = "up" if x > y else "down"
    label = f"{mode}: {x:.2f}"
    return x * y * len(mode) + 0.0 * len(label)


def member_by_value(x, y):
    mode = _Mode.FAST if x > y else _Mode.SLOW
    return x * mode.value if mode is _Mode.FAST else y * mode.value * x


def class_by_value(x, y):
    kind = _Disc if x > y else _Wheel
    return kind(x).area() * kind.sides + kind(y).radius


class _Wheel(_Disc):
    sides = 1

    def area(self):
        return super().area() - 0.1


def array_or_function_table(u, x):
    table = {"f": math.sin} if x > 0.0 else {"f": math.cos}
    return table["f"](x) * np.sum(u)


def same_class_on_both_paths(x, y):
    shape = _Disc(x) if x > y else _Disc(y * y)
    shape.grow(2.0)
    return shape.area()


def matched(x, y):
    match _Disc(x) if x > y else _Box(x, y):
        case _Disc(radius=r):
            return r * r
        case _Box(width=w, height=h):
            return w * h * h
    return 0.0


@dataclass(order=True)
class _Task:
    urgency: float
    name: str = field(default="task", compare=False)


def sorted_by_an_attribute(x, y):
    shapes = [_Disc(x * x + 0.5), _Disc(y * y), _Disc(1.0)]
    shapes.sort(key=lambda shape: shape.radius, reverse=True)
    return sum(k * shape.area() for k, shape in enumerate(shapes))


def sorted_by_their_own_order(x, y):
    tasks = sorted([_Task(x), _Task(y, "other"), _Task(x * y), _Task(0.3)])
    return sum((k + 1) * task.urgency**2 for k, task in enumerate(tasks))


def items_sorted_by_value(x, y):
    shares = {"first": x, "second": y * y, "third": 0.7}
    weights = {"first": 1.0, "second": 2.0, "third": 3.0}
    ranking = sorted(shares.items(), key=lambda item: item[1])
    return sum((k + 1) * v * weights[name] for k, (name, v) in enumerate(ranking))


def keys_sorted_by_value(x, y):
    shares = {"first": x, "second": y * y, "third": 0.7}
    order = sorted(shares, key=shares.get)
    return shares[order[0]] * 2.0 + shares[order[-1]] ** 2


def records_sorted(x, y):
    rows = [{"name": "a", "value": x}, {"name": "b", "value": y}, {"name": "c", "value": x * y}]
    rows = sorted(rows, key=lambda row: -row["value"])
    return sum(k * row["value"] ** 2 for k, row in enumerate(rows))


NOT_YET = {"changed_by_a_store"}
