"""Frames and scopes: where a name of the user's function is looked up while it is lowered.

Each function being lowered has one Frame. What a look-up found outside of the function (a module,
a helper, a constant used statically, the type of a global number) is recorded as an Assumption;
the cache checks all of them at every call.
"""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import gast

from srcad.errors import SrcadError
from srcad.ir.abstract import Type
from srcad.parser.bindings import Binding, Cell, Key, Known
from srcad.parser.memory.stand_ins import NUMBERS, is_local
from srcad.parser.source import FunctionSource
from srcad.pristine import np

if TYPE_CHECKING:
    from srcad.parser.live_names import LiveNames

_T = TypeVar("_T")

_FUNCTIONS = (gast.FunctionDef, gast.Lambda, gast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, gast.ClassDef)
_COMPREHENSIONS = (gast.ListComp, gast.SetComp, gast.DictComp, gast.GeneratorExp)


@dataclass(eq=False)
class Assumption:
    """Something outside of the function on which the compiled code depends.

    `kind` is "global", "cell", "attribute", "builtin", "code" or "default" (`expected` is the
    object itself), "type" (`expected` is an abstract type; `source` is "global", "cell" or
    "attribute"), or "read" (`expected` is what the call of `holder` with the arguments `name`
    gives).
    """

    kind: str
    holder: Any
    name: Any
    expected: Any
    source: str = ""


class StaticRequired(Exception):
    """Control flow of the parser: these values must be known while compiling.

    `params` are parameters of the function, `outside` keys of globals and cells, `stored` paths of
    attributes that the function stores to: what they are at its start must be known before.
    `instead` is the error to raise where the parameters cannot be known.
    """

    def __init__(
        self,
        params: set[str],
        outside: set[tuple[Any, ...]] | None = None,
        stored: set[tuple[Any, ...]] | None = None,
        instead: SrcadError | None = None,
    ) -> None:
        super().__init__(", ".join(sorted(params)))
        self.params = params
        self.outside = outside or set()
        self.stored = stored or set()
        self.instead = instead


class Diverges(Exception):
    """Control flow of the parser: the code lowered here never returns (in this iteration)."""


class Left(Exception):
    """Control flow of the parser: the block is left here, by a flag that is set."""


class FirstDiffers(Exception):
    """Control flow of the parser: the first iteration of this loop is to be lowered by itself."""


@dataclass(eq=False)
class Flow:
    """The state of the program at the current place; that of a generator is its consumer's.

    Attributes
    ----------
    vars
        Replaced as a whole in branches: bindings of local names, and what the memory holds that
        anything here can refer to.
    tolerated, met
        Names that a loop body may bind later than it reads them, and those that it did read so.
    lasting
        Memory that outlives the call, because the caller knows it.
    finals
        How many blocks at this place have a `finally` that is still to come.
    """

    vars: dict[Key, Binding] = field(default_factory=dict)
    tolerated: frozenset[str] = frozenset()
    met: set[str] = field(default_factory=set)
    lasting: set[Cell] = field(default_factory=set)
    finals: int = 0


class _OfFlow(Generic[_T]):
    """A part of the state as an attribute of a frame."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, frame: Frame, owner: type) -> _T:
        found: _T = getattr(frame.flow, self.name)
        return found

    def __set__(self, frame: Frame, value: _T) -> None:
        setattr(frame.flow, self.name, value)


@dataclass(eq=False)
class Frame:
    """One function while it is lowered.

    Attributes
    ----------
    flow
        The state at the current place, of which `vars` and others are parts.
    boxes
        For each local name that a nested function stores to by `nonlocal`, the memory that both
        keep it in: a list of one element, or of None while the name is not bound.
    statement
        What is being lowered, if it is a statement of the function itself.
    home
        The class made inside of the function (a `LocalClass`) in which this is written.
    is_class
        Whether this is the body of such a class, whose names are seen only here.
    created
        Frames that were made later have larger numbers.
    """

    source: FunctionSource
    node: gast.FunctionDef | gast.Lambda | gast.ClassDef
    live: types.FunctionType | None
    outer: Frame | None
    locals: set[str]
    name: str
    flow: Flow = field(default_factory=Flow)
    globals: dict[str, Any] = field(default_factory=dict)
    globals_declared: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    is_callee: bool = False
    boxes: dict[str, Cell] = field(default_factory=dict)
    statement: gast.AST | None = None
    live_names: LiveNames | None = None
    home: Any = None
    is_class: bool = False
    created: int = field(default_factory=lambda: next_number())

    @property
    def class_name(self) -> str | None:
        """The class in which names that begin with two underscores are private."""
        return self.source.class_name if self.home is None else self.home.name

    vars = _OfFlow[dict[Key, Binding]]()
    tolerated = _OfFlow[frozenset[str]]()
    met = _OfFlow[set[str]]()
    lasting = _OfFlow[set[Cell]]()
    finals = _OfFlow[int]()

    def cells(self) -> dict[str, types.CellType]:
        if self.live is None or self.live.__closure__ is None:
            return {}
        return dict(zip(self.live.__code__.co_freevars, self.live.__closure__))


def next_number() -> int:
    return next(NUMBERS)


def is_data(value: object) -> bool:
    """Whether a global of this value is read live (a number or array), not decided statically."""
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, float, complex, np.ndarray, np.generic))


def stored_names(nodes: list[gast.stmt] | list[gast.AST]) -> set[str]:
    """Names that these statements bind in their own scope (walrus included)."""
    found: set[str] = set()
    pending: list[gast.AST] = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, gast.Name):
            if isinstance(node.ctx, (gast.Store, gast.Del)):
                found.add(node.id)
        elif isinstance(node, _DEFINITIONS):
            if not isinstance(node, gast.Lambda):
                found.add(node.name)
        elif isinstance(node, _COMPREHENSIONS):  # only a walrus binds outside of it
            inner = [n for n in _walk_own(node) if isinstance(n, gast.NamedExpr)]
            found.update(n.target.id for n in inner)
        else:
            found.update(_stored_by(node))
            pending += gast.iter_child_nodes(node)
    return found


def _stored_by(node: gast.AST) -> list[str]:
    """Names that a node binds that are no nodes themselves."""
    if isinstance(node, (gast.Import, gast.ImportFrom)):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, gast.ExceptHandler) and node.name is not None:
        return [getattr(node.name, "id", node.name)]
    if isinstance(node, (gast.MatchAs, gast.MatchStar)) and node.name is not None:
        return [node.name]
    if isinstance(node, gast.MatchMapping) and node.rest is not None:
        return [node.rest]
    return []


def _walk_own(node: gast.AST) -> Iterator[gast.AST]:
    """The nodes below `node` that belong to the same function."""
    pending = [node]
    while pending:
        found = pending.pop()
        if found is not node:
            yield found
        inner = [n for n in gast.iter_child_nodes(found) if not isinstance(n, _FUNCTIONS)]
        pending += reversed(inner)


def own_nodes(nodes: list[gast.stmt]) -> Iterator[gast.AST]:
    """Statements and expressions of a block, nested functions left out."""
    for node in nodes:
        if isinstance(node, _FUNCTIONS):
            continue
        yield node
        yield from _walk_own(node)


def own_statements(nodes: list[gast.stmt], nested: bool = False) -> Iterator[gast.stmt]:
    """The statements of a block and of the blocks within, with or without nested functions."""
    for node in nodes:
        if nested or not isinstance(node, _FUNCTIONS):
            yield node
            for block in blocks_of(node):
                yield from own_statements(block, nested)


def blocks_of(node: gast.AST) -> Iterator[list[gast.stmt]]:
    """The blocks of a compound statement."""
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def parameter_names(arguments: gast.arguments) -> list[str]:
    names = [a.id for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            names.append(extra.id)
    return names


def declared(body: list[gast.stmt], kind: type[Any]) -> set[str]:
    """Names in `global` or `nonlocal` statements of a function body."""
    return {n for node in own_statements(body) if isinstance(node, kind) for n in node.names}


def body_of(node: gast.FunctionDef | gast.Lambda) -> list[gast.stmt]:
    """The statements of a function; a lambda returns its expression."""
    if isinstance(node, gast.Lambda):
        result = gast.Return(node.body)
        gast.copy_location(result, node.body)
        return [result]
    return list(node.body)


def make_frame(
    source: FunctionSource,
    node: gast.FunctionDef | gast.Lambda,
    live: types.FunctionType | None,
    outer: Frame | None,
    namespace: dict[str, Any],
    name: str,
    flow: Flow | None = None,
) -> Frame:
    body = body_of(node)
    non_local = declared(body, gast.Nonlocal)
    global_ = declared(body, gast.Global)
    local = (stored_names(body) | set(parameter_names(node.args))) - non_local - global_
    statements = list(own_statements(body, nested=True))
    shared = {n for inner in statements if isinstance(inner, gast.Nonlocal) for n in inner.names}
    defined = {n.name for n in statements if isinstance(n, gast.FunctionDef)} & local
    shared = shared & local | attributes_of_functions(body, defined)
    return Frame(
        source, node, live, outer, local, name, flow or Flow(),
        globals=namespace, globals_declared=global_, nonlocals=non_local,
        boxes={n: Cell(n.rpartition(".")[2]) for n in sorted(shared)},
    )  # fmt: skip


def attributes_of_functions(body: list[gast.stmt], defined: set[str]) -> set[str]:
    """The attributes that are stored on these functions, as `name.attribute`."""
    nodes = (n for statement in body for n in gast.walk(statement)) if defined else ()
    return {
        f"{n.value.id}.{n.attr}" for n in nodes
        if isinstance(n, gast.Attribute) and isinstance(n.ctx, gast.Store)
        and isinstance(n.value, gast.Name) and n.value.id in defined
    }  # fmt: skip


def builtin_names(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The builtins that code with these globals sees."""
    found = namespace.get("__builtins__", builtins)
    return found if isinstance(found, dict) else vars(found)


def mangled(name: str, class_name: str | None) -> str:
    """A class-private name as the compiler stores it (`self.__w` is `_A__w`)."""
    if class_name is None or not name.startswith("__") or name.endswith("__"):
        return name
    return f"_{class_name.lstrip('_')}{name}"


def known(value: Any) -> Known:
    return Known(value)


@dataclass
class Assumptions:
    """What was assumed, each thing once."""

    items: list[Assumption] = field(default_factory=list)
    _seen: set[tuple[Any, ...]] = field(default_factory=set)

    def add(self, kind: str, holder: Any, name: str, expected: Any, source: str = "") -> None:
        key = (kind, id(holder), name, source)
        if key not in self._seen and not is_local(holder):
            self._seen.add(key)
            self.items.append(Assumption(kind, holder, name, expected, source))

    def add_read(self, fn: Callable[..., Any], args: tuple[Any, ...], expected: Any) -> None:
        """Note that this call gave `expected`."""
        key = ("read", id(fn), tuple(a if isinstance(a, str) else id(a) for a in args), "")
        if key not in self._seen and not any(map(is_local, args)):
            self._seen.add(key)
            self.items.append(Assumption("read", fn, args, expected))

    def add_type(self, source: str, holder: Any, name: str, expected: Type) -> None:
        self.add("type", holder, name, expected, source)
