"""Objects of users' classes: what the caller sees of them, paths of argnums, what is refused."""

from __future__ import annotations

import abc
import copy
import dataclasses
import enum
import functools
import types
from typing import Any, NamedTuple

import numpy as np
import pytest

import srcad
from srcad import errors
from srcad.testing import assert_close

OPTIONS = [{}, {"optimize": False}, {"generic": True}]


class Part:
    def __init__(self, b):
        self.b = b


class Model:
    def __init__(self):
        self.w = 2.0
        self.v = np.array([1.0, 2.0, 3.0])
        self.params = {"a": 1.5, "pair": [np.ones(2), np.array([1.0, 3.0])]}
        self.part = Part(4.0)
        self.layers = [Part(1.0), Part(2.0)]
        self.count = 0
        self.last = 0.0

    def loss(self, x):
        value = self.w**2 * x + np.sum(self.v**2) * x
        value += self.params["a"] * self.params["pair"][1][0] ** 3
        return value + self.part.b**2 * self.helper(x)

    def helper(self, x):
        return self.layers[1].b ** 3 * x

    def counted(self, x):
        total = 0.0
        for _ in range(3):
            self.count += 1
            total += x * self.count * self.w
        return total

    def counted_in_branch(self, x):
        if x > 1.0:
            self.count += 1
        return x * self.count

    def remembers(self, x):
        self.last = 2.0 * x
        return x * self.last

    def stores_before_it_reads(self, x):
        self.last = 5.0
        return x * self.last

    def changes_its_part(self, x):
        self.part.b = 1.0
        return x * self.part.b

    def changes_its_array(self, x):
        self.v[0] = 1.0
        return x * self.v[0]

    def keeps_an_array(self, x):
        self.v = np.ones(3)
        return x * self.v[0]

    def its_own_part(self, x):
        return x if self.part is self.part else 2.0 * x


PATHS = {
    "self.w": 8.0,
    "self.v": [4.0, 8.0, 12.0],
    "self.params['a']": 1.0,
    "self.params['pair'][1]": [4.5, 0.0],
    "self.part.b": 128.0,
    "self.layers[1].b": 384.0,
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("path", PATHS)
def test_paths_into_objects(path, options):
    expected = np.array(PATHS[path]) if isinstance(PATHS[path], list) else PATHS[path]
    assert_close(srcad.grad(Model.loss, path, **options)(Model(), 2.0), expected)
    both = srcad.grad(Model().loss, ("x", path), **options)(2.0)
    assert_close(both, (146.0, expected))


def test_a_path_to_a_container_gives_its_structure():
    model = Model()
    found = srcad.grad(Model.loss, "self.params")(model, 2.0)
    assert_close(found, {"a": 1.0, "pair": [np.zeros(2), np.array([4.5, 0.0])]})
    assert_close(srcad.grad(Model.loss, "self.layers")(model, 2.0), [{"b": 0.0}, {"b": 384.0}])
    assert_close(srcad.grad(Model.loss, "self.part")(model, 2.0), {"b": 128.0})


def test_paths_follow_the_values_of_the_object():
    model = Model()
    gradient = srcad.grad(Model.loss, "self.w")
    assert_close(gradient(model, 2.0), 8.0)
    model.w = 5.0
    assert_close(gradient(model, 2.0), 20.0)
    model.layers.append(Part(1.0))
    assert_close(gradient(model, 2.0), 20.0)


@pytest.mark.parametrize("options", OPTIONS)
def test_a_counter_is_incremented_once(options):
    model = Model()
    gradient = srcad.grad(model.counted, **options)
    assert_close(gradient(2.0), 12.0)
    assert model.count == 3
    assert_close(gradient(2.0), 30.0)
    assert model.count == 6
    gradient = srcad.grad(model.counted_in_branch, **options)
    assert_close(gradient(2.0), 7.0)
    assert_close(gradient(0.5), 7.0)
    assert model.count == 7


def test_what_was_stored_is_read():
    model = Model()
    assert_close(srcad.grad(model.stores_before_it_reads)(2.0), 5.0)
    assert model.last == 5.0
    assert_close(srcad.grad(model.its_own_part)(2.0), 1.0)


def test_transforms_of_methods_and_objects():
    model = Model()
    value, pull = srcad.vjp(model.loss, 2.0)
    assert_close(pull(1.0), (146.0,))
    assert_close(srcad.jvp(model.loss, (2.0,), (1.0,)), (value, np.float64(146.0)))
    assert_close(srcad.value_and_grad(model.loss)(2.0), (value, 146.0))
    assert_close(srcad.hvp(model.loss, (2.0,), (1.0,)), (0.0,))
    assert_close(srcad.grad(srcad.grad(model.loss))(2.0), 0.0)
    assert "def loss_grad(self, x)" in srcad.grad(model.loss).source
    assert "def loss_grad(self, x)" in srcad.source(model.loss, types="x: float")


class Area(abc.ABC):
    @abc.abstractmethod
    def area(self): ...


class Disc(Area):
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return 3.0 * self.radius**2


def abstract_base(x):
    return Disc(x).area()


def default_of_getattr(x):
    return getattr(Part(x), "c", x) * hasattr(Part(x), "b")


def list_of_objects(parts):
    total = 0.0
    for part in parts:
        total += part.b**2
    return total


def path_in_dictionary(table):
    return table["part"].b ** 2


def called_twice(x):
    """The function that is passed along reads what has changed in between."""
    factors = [2.0]

    def scaled(value):
        return value * factors[0]

    first = _apply(scaled, x)
    factors[0] = 5.0
    return first + _apply(scaled, x)


def _apply(function, x):
    return function(x)


def test_objects_within_and_in_containers():
    assert_close(srcad.grad(abstract_base)(2.0), 12.0)
    assert_close(srcad.grad(default_of_getattr)(2.0), 1.0)
    assert_close(srcad.grad(called_twice)(2.0), 7.0)
    assert_close(srcad.grad(list_of_objects)([Part(1.0), Part(2.0)]), [{"b": 2.0}, {"b": 4.0}])
    assert_close(srcad.grad(path_in_dictionary, "table['part'].b")({"part": Part(3.0)}), 6.0)


@dataclasses.dataclass
class Linear:
    weights: np.ndarray
    bias: float = 0.5

    def __call__(self, u):
        return np.sum(self.weights * u) + self.bias**2


def test_dataclass_as_argument():
    linear = Linear(np.array([1.0, 2.0]), 3.0)
    u = np.array([0.5, -1.0])
    found = srcad.grad(Linear.__call__)(linear, u)
    assert_close(found, {"weights": u, "bias": 6.0})
    assert_close(srcad.grad(linear)(u), linear.weights)
    assert_close(srcad.grad(linear, "self.bias")(u), 6.0)


class Pair(NamedTuple):
    first: Any
    second: Any

    def total(self):
        return np.sum(self.first * self.second)


def total_of_pair(pair, x):
    return pair.total() * x


def powers_of_parts(parts, u):
    return sum(np.sum(part * u) ** 2 for part in parts)


@pytest.mark.parametrize("options", OPTIONS)
def test_lists_of_arrays_and_numbers(options):
    u = np.array([1.0, 2.0])
    gradient = srcad.grad(powers_of_parts, **options)
    assert_close(gradient([np.ones(2), 3.0], u), [np.array([6.0, 12.0]), 54.0])
    assert_close(gradient([3.0, np.ones(2)], u), [54.0, np.array([6.0, 12.0])])


def power_of_parts(parts):
    return parts[0] ** parts[1]


def test_an_int_among_floats_does_not_move():
    assert srcad.jvp(power_of_parts, ([3.0, 2],), ([1.0, None],)) == (9.0, 6.0)


def pair_as_result(x, y):
    return Pair(x * y, [y, Pair(x**2, 3)])


@pytest.mark.parametrize("options", OPTIONS)
def test_namedtuples_as_results(options):
    value, tangent = srcad.jvp(pair_as_result, (2.0, 5.0), (1.0, 0.0), **options)
    assert value == pair_as_result(2.0, 5.0)
    assert tangent == Pair(5.0, [0.0, Pair(4.0, None)])
    assert type(value) is type(tangent) is type(tangent.second[1]) is Pair
    value, pull = srcad.vjp(pair_as_result, 2.0, 5.0, **options)
    assert_close(pull(Pair(1.0, [2.0, Pair(3.0, None)])), (5.0 + 12.0, 2.0 + 2.0))


def test_namedtuple_as_a_direction():
    primal, direction = Pair(np.array([2.0, 3.0]), 4.0), Pair(np.array([1.0, 0.0]), 1.0)
    value, tangent = srcad.jvp(total_of_pair, (primal, 3.0), (direction, None))
    assert (value, tangent) == (60.0, 27.0)


def products(arrays, u):
    return np.sum(arrays[0] * u) + np.sum(arrays[1] * u) ** 2


@pytest.mark.parametrize("options", OPTIONS)
def test_shapes_of_parts_are_told_apart(options):
    two, one = np.array([1.0, 2.0]), np.array([3.0])
    gradient = srcad.grad(total_of_pair, "pair", **options)
    for first, second in [(two, one), (one, two), (two, 2.0), (two, two)]:
        expected = srcad.grad(lambda a, b: np.sum(a * b) * 2.0, (0, 1))(first, second)
        found = gradient(Pair(first, second), 2.0)
        assert_close(found, dict(zip(("first", "second"), expected)))
    gradient = srcad.grad(products, "arrays", **options)
    for arrays in ([two, one], [one, two], [two, two]):
        expected = [srcad.grad(lambda a, b, u: np.sum(a * u) + np.sum(b * u) ** 2, k)(*arrays, two)
                    for k in (0, 1)]  # fmt: skip
        assert_close(gradient(arrays, two), expected)


class Cached:
    def __init__(self, v):
        self.v = v

    @functools.cached_property
    def square(self):
        return self.v**2

    def scaled(self, x):
        return self.square * x


def test_cached_property_of_an_argument():
    cached = Cached(3.0)
    gradient = srcad.grad(cached.scaled, ("x", "self.v"))
    assert_close(gradient(2.0), (9.0, 12.0))
    assert_close(cached.square, 9.0)
    with pytest.raises(errors.UnsupportedSyntaxError, match="computed before this call"):
        gradient(2.0)
    del cached.square
    assert_close(gradient(2.0), (9.0, 12.0))


SETTINGS = Model()


def reads_settings(x):
    return SETTINGS.w * x


def changes_settings(x):
    SETTINGS.w = 2.0
    return SETTINGS.w * x


def test_attribute_of_an_object_of_the_module_is_set(monkeypatch):
    monkeypatch.setattr(SETTINGS, "w", SETTINGS.w)
    assert srcad.grad(changes_settings)(3.0) == 2.0
    assert SETTINGS.w == 2.0


def test_object_of_the_module(monkeypatch):
    gradient = srcad.grad(reads_settings)
    assert_close(gradient(2.0), 2.0)
    monkeypatch.setattr(SETTINGS, "w", 7.0)
    assert_close(gradient(2.0), 7.0)


# ---------------------------------------------------------------------- what is refused
class LooksItself:
    def __init__(self, x):
        self.x = x

    def __getattribute__(self, name):
        return 3.0


class MakesUp:
    def __getattr__(self, name):
        raise AttributeError(name)


class Meta(type):
    def __call__(cls, *args):
        return super().__call__(*args)


class WithMeta(metaclass=Meta):
    def __init__(self, x):
        self.x = x


def copied_whole(x):
    part = Part(x)
    part.lines = (line for line in [x])
    return copy.deepcopy(part).b


def copied_on_one_path(x):
    part = Part(x)
    if x > 1.0:
        part.more = "text"
    return copy.copy(part).b


class MakesItself(float):
    pass


class OfTuple(tuple):
    def __new__(cls, *parts):
        return super().__new__(cls, parts)


class Plain:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x

    @property
    def fixed(self):
        return self.x


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: float


def sets_property(x):
    Plain(x).fixed = 2.0
    return x


def sets_other_slot(x):
    Plain(x).y = 2.0
    return x


def sets_frozen(x):
    Frozen(x).x = 2.0
    return x


def deletes_missing(x):
    part = Part(x)
    del part.c
    return x


def stores_into_dict(x):
    part = Part(x)
    vars(part)["b"] = 2.0
    return part.b


def changed_while_read(x):
    part = Part(x)
    table = vars(part)
    part.b = 2.0 * x
    return table["b"]


def many_parts(x):
    parts = []
    while x < 10.0:
        parts.append(Part(x))
        x = 2.0 * x
    return x * len(parts)


def set_on_one_path(x):
    part = Part(x)
    if x > 0.0:
        part.c = x
    return part.c


def returns_an_object(x):
    return Part(x)


def array_meets_object(u):
    return u + Frozen(2.0)


class Line:
    def __getitem__(self, x):
        return 3.0 * x


make_line = eval("lambda: Line()")  # has no source, so it is called as it is


REFUSED = {
    "smooth look-up": (lambda x: make_line()[x], "it is no array that takes this"),
    "__getattribute__": (lambda x: LooksItself(x).x, "`LooksItself` decides in `__getattr"),
    "__getattr__": (lambda x: x * hasattr(MakesUp(), "y"), "`__getattr__` of the class decides"),
    "metaclass": (lambda x: WithMeta(x).x, "`WithMeta` has the metaclass `Meta`"),
    "text": (lambda x: x * len(str(types.SimpleNamespace(a=x))), "inherits how it is shown"),
    "copied whole": (copied_whole, "what `copy.deepcopy` makes of it is not known"),
    "copied on one path": (copied_on_one_path, "which attributes it has is not known"),
    "tuple": (lambda x: OfTuple(x, x)[0], "`OfTuple` is derived from a class of Python"),
    "__new__": (lambda x: MakesItself(x) * x, "`MakesItself` makes its instances itself"),
    "deleted slot": (deletes_missing, "Python raises AttributeError here"),
    "missing attribute": (lambda x: Part(x).c, "Python raises AttributeError here"),
    "missing operator": (lambda x: Part(x) + x, "Python raises TypeError here"),
    "missing method": (lambda x: len(Part(x)) * x, "Python raises TypeError here"),
    "arguments": (lambda x: Part(x, x).b, "Python raises TypeError here"),
    "bare super": (lambda x: super() or x, "srcad follows it where an attribute is read"),
    "property": (sets_property, "Python raises AttributeError here"),
    "slots": (sets_other_slot, "its class forbids it"),
    "frozen": (sets_frozen, "Python raises FrozenInstanceError here"),
    "list of objects": (many_parts, "such a list holds numbers, arrays"),
    "one path": (set_on_one_path, "`c` is set on one path only"),
    "result": (returns_an_object, "can return numbers, arrays, tuples, lists and dicts"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    function, reason = REFUSED[what]
    with pytest.raises(errors.SrcadError) as caught:
        srcad.grad(function)(2.0)
    assert reason in caught.value.reason
    assert caught.value.advice


def test_a_dictionary_of_attributes_does_not_change_with_them():
    assert srcad.grad(stores_into_dict)(2.0) == 0.0
    with pytest.raises(errors.AliasingError):
        srcad.grad(changed_while_read)(2.0)


def test_array_meets_object():
    with pytest.raises(errors.SrcadError, match="NumPy makes an array of objects"):
        srcad.vjp(array_meets_object, np.ones(2))


REFUSED_STORES = {
    "remembers": "its derivative would be lost there",
    "changes_its_part": "would change it once more",
    "changes_its_array": "would change it once more",
    "keeps_an_array": "would hand its own memory to the object",
}


@pytest.mark.parametrize("name", REFUSED_STORES)
def test_refused_stores_into_objects_of_the_caller(name):
    model = Model()
    with pytest.raises(errors.SrcadError) as caught:
        srcad.grad(getattr(Model, name), "x")(model, 2.0)
    assert REFUSED_STORES[name] in caught.value.reason
    assert (model.last, model.part.b, model.v[0]) == (0.0, 4.0, 1.0)


def stores_in_one(x, first, second):
    first.b = 1.0
    return x * second.b


def test_two_arguments_that_may_be_one_object():
    part = Part(2.0)
    with pytest.raises(errors.AliasingError):
        srcad.grad(stores_in_one)(2.0, part, part)
    assert part.b == 2.0


# -------------------------------------------------------------------- which object it is
class Mode(enum.Enum):
    SQUARE = 1
    LINE = 2


class Marker:
    pass


SQUARE, LINE = Marker(), Marker()


class Choice:
    def __init__(self, mode, slope):
        self.mode = mode
        self.slope = slope


def by_marker(x, choice):
    if choice.mode is SQUARE:
        return x * x
    return choice.slope * x if choice.mode is not LINE else 3.0 * x


def by_member(x, choice):
    if choice.mode is Mode.SQUARE:
        return x * x
    return choice.slope * x


def by_table(x, choice):
    return {Mode.SQUARE: x * x, Mode.LINE: choice.slope * x}[choice.mode]


def by_argument(x, mode):
    return x * x if mode in (Mode.SQUARE,) else 7.0 * x


def test_which_object_an_attribute_is_decides_in_each_call():
    df = srcad.grad(by_marker)
    other = Marker()
    found = [df(2.0, Choice(m, 5.0)) for m in (SQUARE, LINE, other, SQUARE, LINE)]
    assert found == [4.0, 3.0, 5.0, 4.0, 3.0]


@pytest.mark.parametrize("function", [by_member, by_table])
def test_the_member_of_an_enumeration_decides_in_each_call(function):
    df = srcad.grad(function)
    modes = (Mode.SQUARE, Mode.LINE, Mode.SQUARE)
    assert [df(2.0, Choice(m, 5.0)) for m in modes] == [4.0, 5.0, 4.0]


def test_a_member_of_an_enumeration_as_an_argument():
    df = srcad.grad(by_argument)
    assert [df(2.0, m) for m in (Mode.SQUARE, Mode.LINE, Mode.SQUARE)] == [4.0, 7.0, 4.0]


def test_two_objects_of_the_caller_may_be_one():
    def same_marker(x, first, second):
        return x if first.mode is second.mode else 2.0 * x

    with pytest.raises(errors.UnsupportedSyntaxError, match="`is` between these objects"):
        srcad.grad(same_marker)(2.0, Choice(SQUARE, 1.0), Choice(SQUARE, 1.0))


@dataclasses.dataclass
class Spring:
    stiffness: float
    length: float


def fields_of_an_argument(x, spring):
    stiffness, length = dataclasses.astuple(spring)
    return len(dataclasses.fields(spring)) * x * stiffness * length


def test_fields_of_a_data_class_of_the_caller():
    assert srcad.grad(fields_of_an_argument)(2.0, Spring(3.0, 5.0)) == 30.0
