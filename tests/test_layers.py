"""Imports of the package go down its layers, and no handler can hide a wrong answer."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "srcad"

# Each layer may import itself and those before it.
LAYERS = (
    "pristine",
    "runtime",
    "errors",
    "ir",
    "rules",
    "parser",
    "optimizer",
    "differentiator",
    "emitter",
    "cache",
    "argnums",
    "entries",
    "requests",
    "checks",
    "compiler",
    "dispatch",
    "annotations",
    "derivative",
    "api",
    "cli",
    "__init__",
    "testing",
    "__main__",
)
# A printed gradient may carry parts of this file, so nothing but NumPy may be needed by it.
STANDALONE = "runtime"
THIRD_PARTY = {"numpy", "gast", "astunparse"}
OPTIONAL = {"cli": {"pygments"}, "rules": {"scipy"}}

FILES = sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def layer_of(module: str) -> str:
    """The layer of a dotted name; the package itself is the layer `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def running_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those under `if TYPE_CHECKING:`, which never run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            nodes = node.orelse
        else:
            nodes = [node]
        for inner in nodes:
            yield inner
            yield from running_nodes(inner)


def imports(path: Path, source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import; of `from srcad import x`, the name `srcad.x`."""
    is_package = path.name == "__init__.py"
    package = module_name(path).removesuffix(".__init__").split(".")
    for node in running_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package[: len(package) - node.level + is_package]
                base = ".".join([*up, *([base] if base else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}" if base == "srcad" else base


def faults(path: Path, source: str) -> list[str]:
    """What is wrong with the imports of a file."""
    layer = layer_of(module_name(path))
    found = []
    if layer not in LAYERS:
        return [f"{path}: '{layer}' is not a layer; give it its place in LAYERS"]
    for line, name in imports(path, source):
        top = name.split(".")[0]
        if top == "srcad":
            target = layer_of(name)
            known = target if target in LAYERS else "__init__"  # a name, not a module
            if LAYERS.index(known) > LAYERS.index(layer):
                found.append(f"{path}:{line}: {layer} imports {name}, which is above it")
        elif top not in sys.stdlib_module_names | THIRD_PARTY | OPTIONAL.get(layer, set()):
            found.append(f"{path}:{line}: {layer} imports {name}, which srcad does not depend on")
        elif layer == STANDALONE and top in THIRD_PARTY - {"numpy"}:
            found.append(f"{path}:{line}: {layer} imports {name}; it may import NumPy only")
    return found


def wide_handlers(source: str) -> list[int]:
    """Lines of handlers that would catch any error, also one that nobody expected."""
    wide = {"Exception", "BaseException"}
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or ast.unparse(kind).split(".")[-1] in wide for kind in caught):
                lines.append(node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "suppress":
            if any(ast.unparse(kind).split(".")[-1] in wide for kind in node.args):
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_go_down_the_layers(path: Path) -> None:
    assert faults(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_no_handler_catches_everything(path: Path) -> None:
    assert wide_handlers(path.read_text(encoding="utf-8")) == []


def test_there_are_files_to_check() -> None:
    assert {layer_of(module_name(path)) for path in FILES} >= set(LAYERS) - {"testing"}


@pytest.mark.parametrize(
    ("file", "source", "fault"),
    [
        ("ir/ops.py", "from srcad.rules import registry", "above it"),
        ("ir/ops.py", "from srcad import rules", "above it"),
        ("ir/ops.py", "from ..rules.registry import rule", "above it"),
        ("ir/ops.py", "def f():\n    import srcad.api", "above it"),
        ("ir/__init__.py", "from ..cache import memory", "above it"),
        ("rules/table.py", "from srcad import grad", "above it"),
        ("runtime.py", "from srcad.errors import SrcadError", "above it"),
        ("runtime.py", "import gast", "NumPy only"),
        ("ir/ops.py", "import scipy.special", "does not depend on"),
        ("ir/ops.py", "import pygments", "does not depend on"),
        ("utilities.py", "", "is not a layer"),
    ],
)
def test_a_wrong_import_is_found(file: str, source: str, fault: str) -> None:
    (found,) = faults(PACKAGE / file, source)
    assert fault in found


@pytest.mark.parametrize(
    ("file", "source"),
    [
        (
            "ir/ops.py",
            "import numpy as np, functools\nfrom srcad.errors import Loc\nfrom . import a",
        ),
        ("errors.py", "if TYPE_CHECKING:\n    from srcad.ir import Value"),
        ("cli.py", "import pygments\nfrom srcad import api\nfrom . import errors, runtime"),
        ("__init__.py", "from .api import grad\nfrom srcad.cli import main"),
    ],
)
def test_a_right_import_is_not_a_fault(file: str, source: str) -> None:
    assert faults(PACKAGE / file, source) == []


@pytest.mark.parametrize(
    "handler",
    [
        "except:",
        "except Exception:",
        "except (OSError, BaseException) as e:",
        "except b.Exception:",
    ],
)
def test_a_wide_handler_is_found(handler: str) -> None:
    assert wide_handlers(f"try:\n    f()\n{handler}\n    pass") == [3]
    assert wide_handlers("try:\n    f()\nexcept OSError:\n    pass") == []
    assert wide_handlers("with contextlib.suppress(Exception):\n    f()") == [1]


def test_import_loads_only_the_dependencies() -> None:
    script = (
        "import sys; before = set(sys.modules); import srcad; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    loaded = set(child.stdout.split())
    assert "srcad" in loaded
    # astunparse itself needs six.
    assert loaded - sys.stdlib_module_names <= {"srcad", "six"} | THIRD_PARTY
