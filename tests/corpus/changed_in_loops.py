"""Lists and dictionaries of known length that change while something runs over them.

Python reads each element when its turn comes, and a view of a dictionary when it is read.
"""

# ruff: noqa: B905 - zip without strict is what people write

import itertools
import math


def in_a_loop_over_it_again(x, y):
    items = [x, x]
    for e in items:
        for _ in items:
            items[1] += y
        y = e * y
    return y


def last_of_list(x):
    items = [0.2, 0.3, x]
    for e in items:
        items[-1] += math.atan(e)
    return items[-1]


def last_of_enumerated(x):
    items = [0.2, x, x * x]
    for i, e in enumerate(items):
        items[-1] += math.atan(e) * i
    return items[-1]


def last_beside_an_array(x, u):
    items = [0.2, x, x * x]
    for e, g in zip(items, u):
        items[-1] += math.atan(e) * g
    return items[-1]


def last_of_enumerated_zip(x, u):
    items = [0.2, x, 0.4]
    for (i, e), g in zip(enumerate(items), u):
        items[2] = items[2] * g + e * i
    return items[2]


def first_of_reversed(x, y):
    items = [x, x * y, 0.3]
    for e in reversed(items):
        items[0] += math.atan(e)
    return items[0]


def mapped_beside_an_array(x, u):
    items = [0.2, x, 0.4]
    for e in map(lambda a, b: a * b, items, u):
        items[2] = items[2] + e
    return items[2]


def own_element(x, y):
    items = [x, 2.0, x * y]
    for i, e in enumerate(items):
        items[i] = e * x + i
    return items[0] * items[1] * items[2]


def neighbours(x, y):
    items = [x, y, x * 3]
    for a, b in zip(items, items[1:]):
        items[1] = a * b
        items[2] = a + b + items[2]
    return items[1] * items[2]


def by_another_name(x, y):
    items = [x, y, x * y, 0.5]
    same = items
    total = 0.0
    for e in same:
        total = total + e * x
        items[-1], items[-2] = items[-2] * total, items[-1]
    return total


def _scale_last(items, by):
    items[-1] = items[-1] * by


def by_a_helper(x, y):
    items = [x, y, x * y]
    for e in items:
        _scale_last(items, e)
    return items[-1]


def on_some_paths(x, y):
    items = [x, y, x * y, 0.5]
    total = 0.0
    for e in items:
        total = total + e
        if e > 0.5:
            items[3] = total * e
            items[2] = x
    return total


def until_large(x, y):
    items = [x, 2.0, x * y]
    for e in items:
        if e > 1.0:
            items[2] = y * e
            if items[2] > 5.0:
                break
    return sum(items)


def chained(x, y):
    items = [x, 2.0, x * y]
    for a in itertools.chain(items, [y]):
        items[2] = a + items[2]
    return items[2]


def sliced(x, y):
    items = [x, 2.0, x * y]
    for a in itertools.islice(items, 1, 3):
        items[2] = a * x + items[2]
    return items[2]


def accumulated(x, y):
    items = [x, 2.0, x * y]
    for a in itertools.accumulate(items):
        items[2] = a + items[2]
    return items[2]


def items_of_dict(x, y):
    table = {"a": x, "b": y}
    for k, e in table.items():
        table["b"] = table["b"] + e * x
        table[k] *= 1.5
    return table["a"] * table["b"]


def values_beside_an_array(x, u):
    table = {"a": x, "b": 2.0, "c": x * x}
    for e, g in zip(table.values(), u):
        table["c"] = table["c"] * g + e
    return table["c"]


def keys_of_dict(x, y):
    table = {"a": x, "b": y}
    for k in table:
        table["b"] = table["b"] * table[k]
    return table["b"]


def views_in_names(x, y):
    table = {"a": x, "b": y}
    keys, values = table.keys(), table.values()
    table["a"] = x * x * 3
    table["c"] = x * y
    total = max(values)
    for e in values:
        total = total + e * len(values)
    for k in keys:
        total = total + table[k] * y
    return total


def copy_of_items(x, y):
    table = {"a": x, "b": y}
    before = list(table.items())
    table["a"] = x * x * 3
    total = 0.0
    for k, e in before:
        total = total + e * table[k]
    return total


NOT_YET = {"accumulated"}

# A number or an array may be updated: which, only types say.
TYPED = {
    "first_of_reversed", "in_a_loop_over_it_again", "items_of_dict", "last_beside_an_array",
    "last_of_enumerated", "last_of_list",
}  # fmt: skip
SETTINGS = {
    name: {"size_one": False}
    for name in ("last_beside_an_array", "mapped_beside_an_array", "last_of_enumerated_zip",
                 "values_beside_an_array")
}  # fmt: skip
