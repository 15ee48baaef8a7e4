"""Rules that installed packages bring: entry points of the group `srcad.rules`.

A package declares, in its pyproject.toml,

    [project.entry-points."srcad.rules"]
    scipy = "scipy_rules.table"

and `scipy_rules.table` is imported when a user's function is seen to use something of `scipy`
for the first time. Nothing is looked up before a function of another package is met.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
from typing import Any

from srcad.errors import MissingRuleError

GROUP = "srcad.rules"
_OWN = frozenset(("numpy", "math", "cmath", "builtins", "operator", "functools", "srcad"))
_seen: set[str] = set()  # packages whose rules have been looked for
_imported: set[str] = set()


@functools.cache
def declared() -> tuple[tuple[str, str], ...]:
    """(name of a module, module to import for it) of all installed packages."""
    from importlib.metadata import entry_points  # slow to import, and seldom needed

    found = entry_points(group=GROUP)
    return tuple(sorted((point.name, point.value) for point in found))


def met(value: Any) -> None:
    """Take in the rules for the package of a module or function that a user's function uses."""
    module = value.__name__ if isinstance(value, types.ModuleType) else _module_of(value)
    if module is None or module in _seen or module.partition(".")[0] in _OWN:
        return
    _seen.add(module)
    for name, target in declared():
        if module == name or module.startswith(f"{name}."):
            _take_in(name, target)


def _module_of(value: Any) -> str | None:
    found = getattr(value, "__module__", None)
    if isinstance(found, str):
        return found
    own = getattr(value, "__name__", "")  # a ufunc does not tell its module
    for name, _ in declared():
        if name in sys.modules and getattr(sys.modules[name], own, None) is value:
            return name
    return None


def _take_in(name: str, target: str) -> None:
    if target in _imported:
        return
    try:
        importlib.import_module(target)
    except ImportError as error:
        raise MissingRuleError(
            f"the rules for `{name}` cannot be imported",
            reason=f"an installed package declares them in `{target}`: {error}",
            advice=f"repair or remove the package that has the entry point `{name}` of the "
            f"group `{GROUP}`",
        ) from error
    _imported.add(target)


def forget() -> None:
    """Look again at what is installed."""
    declared.cache_clear()
    _seen.clear()


__all__ = ["GROUP", "declared", "forget", "met"]
