"""Counters, flags and caches that are kept on classes, functions, objects and in globals."""

from __future__ import annotations


class _Counted:
    made = 0
    ready = False
    known: dict[int, float] = {}

    def __init__(self, value):
        type(self).made += 1
        self.value = value

    def squared(self):
        if not _Counted.ready:
            _Counted.ready = True
        return self.value * self.value

    @classmethod
    def counted(cls, x):
        cls.made += 1
        return x * x

    @classmethod
    def remembered(cls, k, x):
        if k not in cls.known:
            cls.known[k] = x if k < 2 else cls.remembered(k - 1, x) * x + cls.remembered(k - 2, x)
        return cls.known[k]


class _Registry:
    functions: dict[str, object] = {}

    @classmethod
    def register(cls, name):
        def decorator(function):
            cls.functions[name] = function
            return function

        return decorator


@_Registry.register("square")
def _square(x):
    return x * x


@_Registry.register("cube")
def _cube(x):
    return x**3


class _CountsCalls:
    def __init__(self, function):
        self.function = function
        self.calls = 0

    def __call__(self, *args):
        self.calls += 1
        return self.function(*args)


@_CountsCalls
def _cubed(x):
    return x**3


def _attributed(x):
    _attributed.calls += 1
    return x * x


_attributed.calls = 0
_calls = 0


def objects_counted_by_their_class(x, y):
    before = _Counted.made
    total = _Counted(x).squared() + _Counted(y).squared()
    return total * (_Counted.made - before)


def calls_counted_in_a_loop(u):
    before = _Counted.made
    total = 0.0
    for v in u:
        if v > 0.0:
            total += _Counted.counted(v)
    return total * (1 + _Counted.made - before)


def cache_of_a_class(x):
    _Counted.known.clear()
    return _Counted.remembered(5, x)


def functions_of_a_registry(x):
    return _Registry.functions["square"](x) + sum(f(x) for f in _Registry.functions.values())


def counter_of_a_function(x):
    before = _attributed.calls
    return (_attributed(x) + _attributed(2.0 * x)) * (_attributed.calls - before)


def counter_of_a_decorator(x):
    before = _cubed.calls
    return (_cubed(x) + _cubed(2.0 * x)) * (_cubed.calls - before)


def counter_in_a_global(x):
    global _calls
    before = _calls
    for _ in range(3):
        _calls += 1
        x = x * x
    return x * (_calls - before)


def counter_of_a_class_inside(x, y):
    class Item:
        count = 0

        def __init__(self, value):
            Item.count += 1
            self.value = value * Item.count

    first, second = Item(x), Item(y)
    return first.value * second.value**Item.count
