"""`import` inside of functions: done while compiling, as other look-ups are.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

import gast

from srcad.parser.bindings import Binding, Known

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class ImportLowering(_Base):
    def stmt_Import(self, node: gast.Import, rest: Any) -> None:
        for alias in node.names:
            module = self.imported(alias.name, node)
            if alias.asname is None:
                top = alias.name.split(".")[0]
                self.bind(top, Known(sys.modules[top]), node)
            else:
                self.bind_import(alias.asname, Known(module), node)

    def stmt_ImportFrom(self, node: gast.ImportFrom, rest: Any) -> None:
        name = "." * (node.level or 0) + (node.module or "")
        module = self.imported(name, node)
        for alias in node.names:
            found = self.import_of(module, alias.name, node)
            self.bind_import(alias.asname or alias.name, found, node)

    def bind_import(self, name: str, found: Binding, node: gast.AST) -> None:
        """Bind a name; a global that keeps an import for later calls may stay as it is."""
        if name in self.frame.globals_declared and isinstance(found, Known):
            self.kept_imports.add((id(self.frame.globals), name, id(found.value)))
        self.bind(name, found, node)

    def import_of(self, module: types.ModuleType, name: str, node: gast.AST) -> Binding:
        """`from module import name`: an attribute, or a module within a package."""
        if not hasattr(module, name) and hasattr(module, "__path__"):
            return Known(self.imported(f"{module.__name__}.{name}", node))
        if not hasattr(module, name):
            what = f"cannot import name {name!r} from {module.__name__!r}"
            raise self.python_raises(
                ImportError(what), node, what, "Python raises ImportError here", "correct the name"
            )
        found: Binding = self.known_attribute(module, name, node)
        return found

    def imported(self, name: str, node: gast.AST) -> types.ModuleType:
        package = self.frame.globals.get("__package__")
        try:
            return importlib.import_module(name, package)
        except ImportError as error:
            raise self.python_raises(
                error, node, f"this import fails: {error}",
                "Python raises the same here", "install the module, or correct its name",
            ) from None  # fmt: skip
