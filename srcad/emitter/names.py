"""Names: one `Names` object per generated text, one `Scope` per function in it.

What holds afterwards: a name of the text means one thing where it is read. Modules and functions
go by the user's own names for them where there are such; everything else that the text needs is
listed in `helpers`. Names are the same in every process.
"""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import gast

from srcad.emitter.liveness import Classes
from srcad.emitter.operators import PREFERRED
from srcad.ir.values import Role, Value
from srcad.pristine import math, np, original

Resolve = Callable[[object], "str | None"]
_DEFAULTS = {"numpy": "np"}
_ALWAYS = frozenset(
    {"range", "reversed", "zip", "enumerate", "len", "float", "complex", "isinstance"}
)


def sanitised(hint: str) -> str:
    """`hint` as a Python name."""
    name = re.sub(r"\W", "_", hint)
    if not name:
        return "t"
    if name[0].isdigit():
        name = "_" + name
    return name + "_" if keyword.iskeyword(name) or name in ("None", "__debug__") else name


class Names:
    """What the names of the text mean.

    Attributes
    ----------
    helpers
        Names that the text needs beyond the user's own and Python's, and their values.
    user_names
        The user's own global names that the text reads.
    """

    def __init__(self, reserved: Iterable[str], resolve: Resolve) -> None:
        self.reserved = frozenset(reserved)
        self.resolve = resolve
        self.helpers: dict[str, object] = {}
        self.user_names: set[str] = set()
        self.blocked: set[str] = set(_ALWAYS)
        self.parameters: set[str] = set()
        self.objects: dict[int, gast.expr] = {}

    def block_parameters(self, names: Iterable[str]) -> None:
        """Parameters of the functions; nothing else in the text may have their names."""
        self.parameters.update(names)

    def fresh(self, name: str) -> str:
        """`name`, or the first of name_1, name_2 ... that means nothing yet."""
        taken = self.reserved | self.blocked | self.parameters
        found, n = name, 0
        while found in taken or keyword.iskeyword(found) or hasattr(builtins, found):
            n += 1
            found = f"{name}_{n}"
        self.blocked.add(found)
        return found

    def user_name(self, name: str) -> gast.expr:
        """A global or closure variable of the user, read live."""
        self.user_names.add(name)
        self.blocked.add(name)
        return load(name)

    def helper(self, obj: object, name: str) -> gast.expr:
        """An object of ours under its own name."""
        if id(obj) not in self.objects:
            free = self.fresh(sanitised(name))
            self.helpers[free] = obj
            self.objects[id(obj)] = load(free)
        return self.objects[id(obj)]

    def of_object(self, obj: Any) -> gast.expr:
        """The expression for a module, function or class."""
        obj = original(obj)
        if id(obj) in self.objects:
            return self.objects[id(obj)]
        name = self.resolve(obj)
        if name is not None and name not in self.parameters:
            return self.user_name(name)
        if isinstance(obj, ModuleType):
            short = obj.__name__.rpartition(".")[2]
            return self.helper(obj, _DEFAULTS.get(short, short))
        short = getattr(obj, "__name__", None) or type(obj).__name__
        if getattr(builtins, short, None) is obj:
            if short not in self.reserved | self.parameters:
                self.blocked.add(short)
                return load(short)
            return self.helper(obj, short)
        home = _home(obj, short)
        if home is not None:
            module, path = home
            found = self.of_object(module)
            for part in path:
                found = gast.Attribute(found, part, gast.Load())
            return found
        return self.helper(obj, short)


def _home(obj: Any, short: str) -> tuple[ModuleType, list[str]] | None:
    """The module, and the path in it, by which people call a function of NumPy or math."""
    short = PREFERRED.get(obj, short) if _hashable(obj) else short
    if getattr(math, short, None) is obj:
        return math, [short]
    if getattr(np, short, None) is obj:
        return np, [short]
    name = getattr(obj, "__module__", None) or ""
    if name.startswith("numpy"):
        for sub in ("linalg", "fft", "random", "polynomial"):
            if getattr(getattr(np, sub), short, None) is obj:
                return np, [sub, short]
    return None


def _hashable(obj: Any) -> bool:
    return type(obj).__hash__ is not None


def module_of(namespace: dict[str, Any]) -> ModuleType | None:
    """The module whose globals `namespace` is."""
    module = sys.modules.get(namespace.get("__name__", ""))
    return module if module is not None and vars(module) is namespace else None


class Scope:
    """The variables of one function: a name for each class of values."""

    def __init__(self, names: Names, classes: Classes, parameters: dict[Value, str]) -> None:
        self.names, self.classes = names, classes
        self.name_of: dict[int, str] = {}
        self.users: dict[str, int] = {}  # name -> the values that have it, as bits
        self.taken: dict[str, int] = {}  # name -> the values that must not have it, as bits
        for value, name in parameters.items():
            self.assign(classes.of(value), name)
        unnamed = dict.fromkeys(map(classes.of, classes.liveness.values))
        best = {c: self.best(c) for c in unnamed if c not in self.name_of}
        for users_own in (True, False):
            for c, value in best.items():
                if users_own is (value.named and value.role is Role.PRIMAL):
                    self.choose(c, value)

    def best(self, c: int) -> Value:
        """The value that a class gets its name from."""
        members = self.classes.liveness.members(self.classes.members[c])
        first = members[0]
        ranked: list[Callable[[Value], bool]] = [
            lambda v: v.named and v.role is Role.PRIMAL,
            lambda v: v.named,
            lambda v: v.name != "t" and v.role is first.role,
        ]
        for test in ranked:
            found = [v for v in members if test(v)]
            if found:
                return found[0]
        return first

    def choose(self, c: int, value: Value) -> None:
        hint = sanitised(self.classes.liveness.program.hints.get(value, value.name))
        own = value.named and value.role is Role.PRIMAL
        name, n = hint, 0
        while not self.is_free(name, c, own and not n):
            n += 1
            name = f"{hint}_{n}"
        self.assign(c, name)

    def is_free(self, name: str, c: int, own: bool) -> bool:
        if name in self.names.blocked:
            return False
        if not own and name in self.names.reserved and name not in self.users:
            return False
        if self.users.get(name, 0) & self.others(c):
            return False
        return not self.classes.members[c] & self.taken.get(name, 0)

    def others(self, c: int) -> int:
        """The values of which `c` notes that they must have another name."""
        return self.classes.interference[c] | self.classes.apart[c]

    def assign(self, c: int, name: str) -> None:
        self.name_of[c] = name
        self.users[name] = self.users.get(name, 0) | self.classes.members[c]
        self.taken[name] = self.taken.get(name, 0) | self.others(c)

    def __call__(self, value: Value) -> str:
        return self.name_of[self.classes.of(value)]


def load(name: str) -> gast.Name:
    return gast.Name(name, gast.Load(), None, None)


def store(name: str) -> gast.Name:
    return gast.Name(name, gast.Store(), None, None)
