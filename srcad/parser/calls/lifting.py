"""Functions that a program makes and hands to SciPy: `quad(lambda t: g(t, a), 0.0, 1.0)`.

What holds afterwards: it is a function of the module's level, which takes the numbers that it
used of its surroundings as further arguments; so a rule can differentiate in them.
"""

from __future__ import annotations

import ast
import copy
import inspect
import linecache
import types
from typing import Any

import gast

from srcad.ir.abstract import UNKNOWN, dims_of
from srcad.ir.values import Value
from srcad.parser.bindings import Binding, Closure, Known, Struct, describe
from srcad.parser.frames import make_frame
from srcad.rules.registry import CALLBACKS

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_NUMBERS = (bool, int, float)
_MADE: dict[Any, tuple[types.FunctionType, tuple[Any, ...]]] = {}


class LiftingLowering(_Base):
    def with_lifted(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> tuple[list[Binding], dict[str, Binding]]:
        """The arguments of a call of a function that calls one of the program's."""
        function_name, extra_name = CALLBACKS[fn]
        given = dict(inspect.signature(fn).bind(*args, **kwargs).arguments)
        callback = given.get(function_name)
        if not isinstance(callback, Closure):
            return args, kwargs
        extra = self.settled(given.get(extra_name, Known(())))
        if isinstance(extra, Known) and isinstance(extra.value, tuple):
            extra = Struct.sequence("tuple", [Known(v) for v in extra.value])
        passed = list(extra.parts) if isinstance(extra, Struct) else [extra]
        function, more = self.lifted(callback, len(passed), node)
        given[function_name] = Known(function)
        given[extra_name] = Struct.sequence("tuple", [*passed, *more])
        return [], given

    def lifted(
        self, closure: Closure, passed: int, node: gast.AST
    ) -> tuple[types.FunctionType, list[Binding]]:
        """(the function, the arguments that it takes after the `passed` ones)."""
        own = closure.node.args
        positional = [*own.posonlyargs, *own.args]
        unset = len(positional) - 1 - passed
        if own.vararg or own.kwarg or own.kwonlyargs or not 0 <= unset <= len(closure.defaults):
            raise self.unsupported(
                node, "this function cannot be handed to SciPy and differentiated",
                "its parameters are not the arguments that it gets",
                "give it one parameter for each argument",
            )  # fmt: skip
        more = list(closure.defaults[len(closure.defaults) - unset :])
        names: list[str] = []
        known: dict[str, Any] = {}
        for name in self.outer_names(closure):
            binding = self.settled(self.find(closure.frame, name, node))
            if isinstance(binding, Known) and not isinstance(binding.value, _NUMBERS):
                known[name] = binding.value
                continue
            if not _is_number(binding):
                raise self.unsupported(
                    node, f"`{name}`, which this function uses, cannot be differentiated here",
                    f"it is {describe(binding)}, and SciPy calls the function with numbers",
                    "use numbers of the surroundings, or pass arrays as globals",
                )  # fmt: skip
            names.append(name)
            more.append(binding)
        return _made(closure, names, known), more

    def outer_names(self, closure: Closure) -> list[str]:
        """Names of enclosing functions that a function reads, in order."""
        outer = closure.frame
        frame = make_frame(outer.source, closure.node, None, outer, outer.globals, closure.name)
        found: dict[str, None] = {}
        for part in ast_nodes(closure.node):
            if isinstance(part, (gast.Nonlocal, gast.Global)):
                raise self.unsupported(
                    part, "a function that is handed to SciPy sets a variable outside of it",
                    "how often SciPy calls it is not known", "return the value",
                )  # fmt: skip
            if isinstance(part, gast.Name) and part.id not in frame.locals:
                around: Any = outer
                while around is not None and part.id not in around.locals:
                    if around.live is not None and part.id in around.cells():
                        break
                    around = around.outer
                if around is not None:
                    found[part.id] = None
        return list(found)


def ast_nodes(node: gast.AST) -> Any:
    body = node.body if isinstance(node.body, list) else [node.body]
    for part in body:
        yield from gast.walk(part)


def _is_number(binding: Any) -> bool:
    if isinstance(binding, Known):
        return isinstance(binding.value, _NUMBERS)
    return isinstance(binding, Value) and (binding.type == UNKNOWN or dims_of(binding.type) == ())


def _made(closure: Closure, names: list[str], known: dict[str, Any]) -> types.FunctionType:
    """The function, with these names as its last parameters."""
    name = closure.name if closure.name.isidentifier() else "integrand"
    node = copy.deepcopy(closure.node)
    a = node.args
    a.defaults = []
    a.args = [*a.args, *(gast.Name(n, gast.Param(), None, None) for n in names)]
    body = node.body if isinstance(node.body, list) else [gast.Return(node.body)]
    inner = gast.FunctionDef(name, a, body, [], None, None, [])
    parameters = [gast.Name(n, gast.Param(), None, None) for n in known]
    outside = gast.arguments(parameters, [], None, [], [], None, [])
    result = gast.Return(gast.Name(name, gast.Load(), None, None))
    around = gast.FunctionDef(f"make_{name}", outside, [inner, result], [], None, None, [])
    module = ast.fix_missing_locations(gast.gast_to_ast(gast.Module([around], [])))
    text = ast.unparse(module) + "\n"
    namespace = closure.frame.globals
    key = (text, id(namespace), *map(id, known.values()))
    if key not in _MADE:
        place = f"<srcad function {len(_MADE)}>"
        linecache.cache[place] = (len(text), None, text.splitlines(True), place)
        made: dict[str, Any] = {}
        exec(compile(text, place, "exec"), namespace, made)
        _MADE[key] = (made[around.name](*known.values()), tuple(known.values()))
    return _MADE[key][0]
