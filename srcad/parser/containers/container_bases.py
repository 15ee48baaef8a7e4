"""`list` and `dict` as base classes of users' classes, in Python that can be followed.

What holds afterwards: an object of a class derived from one of them keeps its elements in a plain
list or dictionary of its own, and the methods that it inherits are those below.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ITEMS = "__items__"  # the attribute that holds the elements


class ListBase:
    """What a class derived from `list` inherits."""

    __items__: list[Any]

    def __init__(self, iterable: Any = ()) -> None:
        for element in iterable:
            self.__items__.append(element)

    def __getitem__(self, index: Any) -> Any:
        return self.__items__[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.__items__[index] = value

    def __delitem__(self, index: Any) -> None:
        del self.__items__[index]

    def __len__(self) -> int:
        return len(self.__items__)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.__items__)

    def __reversed__(self) -> Iterator[Any]:
        return reversed(self.__items__)

    def __contains__(self, value: Any) -> bool:
        return value in self.__items__

    def __add__(self, other: Any) -> list[Any]:
        return [*self.__items__, *other]

    def __radd__(self, other: Any) -> list[Any]:
        return [*other, *self.__items__]

    def __iadd__(self, other: Any) -> ListBase:
        for element in other:
            self.__items__.append(element)
        return self

    def __mul__(self, times: int) -> list[Any]:
        return self.__items__ * times

    def __rmul__(self, times: int) -> list[Any]:
        return self.__items__ * times

    def __eq__(self, other: object) -> bool:
        return self.__items__ == list(other)  # type: ignore[call-overload, no-any-return]

    def append(self, value: Any) -> None:
        self.__items__.append(value)

    def extend(self, iterable: Any) -> None:
        for element in iterable:
            self.__items__.append(element)

    def insert(self, index: int, value: Any) -> None:
        self.__items__.insert(index, value)

    def pop(self, index: int = -1) -> Any:
        return self.__items__.pop(index)

    def remove(self, value: Any) -> None:
        self.__items__.remove(value)

    def index(self, value: Any) -> int:
        return self.__items__.index(value)

    def count(self, value: Any) -> int:
        return self.__items__.count(value)

    def copy(self) -> list[Any]:
        return self.__items__.copy()

    def clear(self) -> None:
        self.__items__.clear()

    def reverse(self) -> None:
        self.__items__.reverse()

    def sort(self, key: Any = None, reverse: bool = False) -> None:
        self.__items__.sort(key=key, reverse=reverse)


class DictBase:
    """What a class derived from `dict` inherits."""

    __items__: dict[Any, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.__items__.update(*args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        if key in self.__items__:
            return self.__items__[key]
        return self.__missing__(key)

    def __missing__(self, key: Any) -> Any:
        raise KeyError(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__items__[key] = value

    def __delitem__(self, key: Any) -> None:
        del self.__items__[key]

    def __len__(self) -> int:
        return len(self.__items__)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self.__items__))

    def __contains__(self, key: Any) -> bool:
        return key in self.__items__

    def __eq__(self, other: object) -> bool:
        return self.__items__ == dict(other)  # type: ignore[call-overload, no-any-return]

    def __or__(self, other: Any) -> dict[Any, Any]:
        return {**self.__items__, **other}

    def __ror__(self, other: Any) -> dict[Any, Any]:
        return {**other, **self.__items__}

    def __ior__(self, other: Any) -> DictBase:
        self.__items__.update(other)
        return self

    def get(self, key: Any, default: Any = None) -> Any:
        return self.__items__.get(key, default)

    def items(self) -> Any:
        return self.__items__.items()

    def keys(self) -> Any:
        return self.__items__.keys()

    def values(self) -> Any:
        return self.__items__.values()

    def update(self, *args: Any, **kwargs: Any) -> None:
        self.__items__.update(*args, **kwargs)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        return self.__items__.setdefault(key, default)

    def pop(self, key: Any, *default: Any) -> Any:
        return self.__items__.pop(key, *default)

    def popitem(self) -> Any:
        return self.__items__.popitem()

    def copy(self) -> dict[Any, Any]:
        return self.__items__.copy()

    def clear(self) -> None:
        self.__items__.clear()


BASES: dict[type, type] = {list: ListBase, dict: DictBase}
# Methods of list and dict -> those that can be followed.
FOLLOWED: dict[Any, Any] = {
    found: vars(base)[name]
    for kind, base in BASES.items()
    for name, found in vars(kind).items()
    if name in vars(base) and callable(found)
}


def container_of(cls: Any) -> type | None:
    """`list` or `dict`, if this is a class of the user's that is derived from it; else None."""
    if not isinstance(cls, type) or type(cls) is not type:
        return None
    for base in cls.__mro__:
        if base in BASES:
            return base if base is not cls else None
        if base.__module__.split(".")[0] in ("builtins", "collections", "numpy", "srcad"):
            return None
        if "__new__" in vars(base) or "__getattribute__" in vars(base):
            return None
    return None


def shows_itself(cls: type) -> bool:
    """Whether such a class has a text, or an array, of its own."""
    own = ("__repr__", "__str__", "__format__", "__array__")
    return any(name in vars(base) for base in cls.__mro__ if base not in (*BASES, object)
               for name in own)  # fmt: skip
