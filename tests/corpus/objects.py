"""Objects: state in methods, properties, inheritance, operators, callables, private names."""

from __future__ import annotations

import math

import numpy as np


class _Oscillator:
    damping = 0.1

    def __init__(self, position, speed=0.0):
        self.position = position
        self.speed = speed
        self.__count = 0

    def step(self, dt):
        self.speed -= dt * (self.position + self.damping * self.speed)
        self.position += dt * self.speed
        self.__count += 1
        return self

    def steps(self):
        return self.__count

    @property
    def energy(self):
        return 0.5 * (self.position**2 + self.speed**2)

    @staticmethod
    def period(stiffness):
        return 2.0 * math.pi / math.sqrt(stiffness)

    @classmethod
    def at_rest(cls, position):
        return cls(position, 0.0)


class _Driven(_Oscillator):
    def __init__(self, position, force):
        super().__init__(position)
        self.force = force

    def step(self, dt):
        super().step(dt)
        self.speed += dt * self.force
        return self


class _Vector:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return _Vector(self.x + other.x, self.y + other.y)

    def __sub__(self, other):
        return _Vector(self.x - other.x, self.y - other.y)

    def __mul__(self, factor):
        return _Vector(self.x * factor, self.y * factor)

    __rmul__ = __mul__

    def __neg__(self):
        return _Vector(-self.x, -self.y)

    def __matmul__(self, other):
        return self.x * other.x + self.y * other.y

    def __getitem__(self, index):
        return (self.x, self.y)[index]

    def __len__(self):
        return 2

    def __iter__(self):
        return iter((self.x, self.y))

    def __abs__(self):
        return math.hypot(self.x, self.y)

    def __iadd__(self, other):
        self.x += other.x
        self.y += other.y
        return self


class _Dual:
    def __init__(self, value, slope):
        self.value = value
        self.slope = slope

    def __add__(self, other):
        return _Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        slope = self.value * other.slope + self.slope * other.value
        return _Dual(self.value * other.value, slope)


class _Polynomial:
    def __init__(self, *coefficients):
        self.coefficients = coefficients

    def __call__(self, x):
        value = 0.0
        for c in reversed(self.coefficients):
            value = value * x + c
        return value

    def derivative(self):
        return _Polynomial(*[k * c for k, c in enumerate(self.coefficients)][1:])


class _Temperature:
    def __init__(self, kelvin):
        self._kelvin = kelvin

    @property
    def celsius(self):
        return self._kelvin - 273.15

    @celsius.setter
    def celsius(self, value):
        self._kelvin = value + 273.15


class _Layer:
    def __init__(self, weight, bias):
        self.weight = weight
        self.bias = bias

    def forward(self, inputs):
        return np.tanh(self.weight * inputs + self.bias)


class _Network:
    def __init__(self, layers):
        self.layers = layers

    def __call__(self, inputs):
        for layer in self.layers:
            inputs = layer.forward(inputs)
        return inputs


class _Welford:
    __slots__ = ("count", "mean", "squares")

    def __init__(self):
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, value):
        self.count += 1
        change = value - self.mean
        self.mean += change / self.count
        self.squares += change * (value - self.mean)


class _Shape:
    def area(self):
        raise NotImplementedError

    def cost(self, price):
        return price * self.area()


class _Disc(_Shape):
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return math.pi * self.radius**2


class _Square(_Shape):
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2


_MODEL = _Polynomial(0.5, -1.0, 2.0)


def method_changes_state(x, n):
    oscillator = _Oscillator(x)
    for _ in range(n):
        oscillator.step(0.1)
    return oscillator.position * oscillator.speed


def property_of_state(x, y):
    return _Oscillator(x, y).step(0.1).energy


def chained_methods(x):
    return _Oscillator(x).step(0.1).step(0.2).position


def static_method(x):
    return _Oscillator.period(x * x + 1.0)


def class_method(x):
    return _Oscillator.at_rest(x).energy


def class_attribute(x):
    return x * x * _Oscillator.damping


def attribute_store(x, y):
    oscillator = _Oscillator(x)
    oscillator.speed = y * x
    oscillator.damping = y
    return oscillator.step(0.5).energy


def private_counter(x, n):
    oscillator = _Oscillator(x)
    for _ in range(n):
        oscillator.step(0.2)
    return oscillator.position * oscillator.steps()


def super_and_override(x, y):
    driven = _Driven(x, force=y)
    return driven.step(0.2).step(0.2).energy


def vector_operators(x, y):
    a, b = _Vector(x, y), _Vector(y, 2.0)
    return (a + b * 2.0 - 0.5 * a) @ -b


def vector_in_place(x, y):
    total = _Vector(0.0, x)
    for _ in range(3):
        total += _Vector(y, x * y)
    return total.x * total.y


def vector_items(x, y):
    a = _Vector(x, y * y)
    return a[0] * a[1] * len(a)


def vector_iteration(x, y):
    return sum(e * e for e in _Vector(x, y))


def vector_unpacked(x, y):
    first, second = _Vector(x * y, y)
    return first - second * second


def vector_length(x, y):
    return abs(_Vector(x, y)) ** 3


def own_dual_numbers(x):
    dual = _Dual(x, 1.0)
    cube = dual * dual * dual + dual
    return cube.slope * cube.value


def callable_object(x, y):
    return _Polynomial(1.0, y, x)(x)


def global_callable(x):
    return _MODEL(x) ** 2


def object_from_method(x, y):
    return _Polynomial(1.0, y, x, 0.5).derivative()(y)


def property_setter(x):
    temperature = _Temperature(300.0 + x)
    temperature.celsius = temperature.celsius * 1.1
    return temperature.celsius * x


def layers_in_a_list(x, y):
    network = _Network([_Layer(x, y), _Layer(0.5, x * y)])
    return network(0.7)


def network_on_arrays(u, v):
    return np.sum(_Network([_Layer(u, v), _Layer(v, 0.1)])(0.5 * u))


def running_variance(u):
    statistics = _Welford()
    for value in u:
        statistics.add(value)
    return statistics.squares / statistics.count + statistics.mean**2


def polymorphism(x, y):
    return sum(shape.cost(2.0) for shape in (_Disc(x), _Square(y)))


def bound_method_as_value(x, y):
    force = _Polynomial(x, y).__call__
    return force(0.5) * force(2.0)


def method_as_argument(x, y):
    return _simpson(_Polynomial(x, y, 1.0), 0.0, 2.0)


def _simpson(function, a, b):
    return (b - a) / 6.0 * (function(a) + 4.0 * function(0.5 * (a + b)) + function(b))


def object_shared_by_two_names(x, y):
    first = _Oscillator(x)
    second = first
    second.position *= y
    return first.position + x * second.energy


def helper_changes_object(x):
    oscillator = _Oscillator(x)
    _kick(oscillator, 0.5 * x)
    return oscillator.energy


def _kick(oscillator, impulse):
    oscillator.speed += impulse


def object_in_branch(x, y):
    shape = _Disc(x) if x > 0.0 else _Square(x)
    return shape.area() * y


def getattr_by_name(x, y):
    oscillator = _Oscillator(x, y)
    return sum(getattr(oscillator, name) ** 2 for name in ("position", "speed"))


def setattr_by_name(x, y):
    oscillator = _Oscillator(x)
    oscillator.speed = y
    return oscillator.energy


def isinstance_dispatch(x):
    shape = _Disc(x)
    return shape.area() if isinstance(shape, _Shape) else 0.0


def attribute_swap(x, y):
    state = _Oscillator(x, y)
    state.position, state.speed = state.speed, 2.0 * state.position
    return state.position - state.speed**2


def class_inside(x, y):
    class Pair:
        def __init__(self, a, b):
            self.a, self.b = a, b

        def product(self):
            return self.a * self.b

    return Pair(x, y).product()


NOT_YET = {  # for now
    "method_changes_state", "property_of_state", "chained_methods", "class_method",
    "attribute_store", "private_counter", "super_and_override", "vector_operators",
    "vector_in_place", "vector_items", "vector_iteration", "vector_unpacked", "vector_length",
    "own_dual_numbers", "callable_object", "global_callable", "object_from_method",
    "property_setter", "layers_in_a_list", "network_on_arrays", "running_variance",
    "polymorphism", "bound_method_as_value", "method_as_argument", "object_shared_by_two_names",
    "helper_changes_object", "object_in_branch", "getattr_by_name", "setattr_by_name",
    "isinstance_dispatch", "attribute_swap", "class_inside",
}  # fmt: skip
