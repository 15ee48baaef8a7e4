"""The command `srcad`: print derivatives of functions in files, and look after the disk cache.

What holds afterwards: what was asked for is on standard output or, whole or not at all, in the
file that was named; messages, also what the user's file prints while it is loaded, are on
standard error. The exit status is 0, or 1 for an error in what was given to srcad, or 2 for a
wrong command line.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import json
import os
import re
import stat
import sys
import sysconfig
import tempfile
import traceback
import types
import warnings
from collections.abc import Iterator, Sequence
from importlib.machinery import SourceFileLoader
from typing import Any

import gast

from srcad.annotations import signature_from_types
from srcad.api import ir, source
from srcad.argnums import parse_argnums, path_text
from srcad.cache.disk import DiskCache, SrcadCacheWarning, default_directory
from srcad.derivative import Derivative
from srcad.errors import SignatureError, SrcadError, TypeStringError
from srcad.parser.depth import with_room
from srcad.parser.source import read_source

_GRAD_DESCRIPTION = """\
Print the derivative of a function as Python source.

TARGET names the function: FILE.py:FUNCTION or MODULE:FUNCTION, where FUNCTION may be dotted
(Class.method). The file is loaded like a script, but its __name__ is not "__main__"."""

_GRAD_EXAMPLES = """\
types:
  float int bool complex str            Python's own
  f64 f32 i64 c128 ...                  NumPy scalars; float64 ... are accepted, too
  f64[*,1,?]                            arrays; each dimension is 1, not 1 (* or a number), or
                                        unknown (?); f64[...] has an unknown number of them
  list[float] (float, int) {"w": f64[*]}

examples:
  srcad grad model.py:loss --argnums w,b --types "w: f64[*,*], b: f64[*]"
  srcad grad model.py:loss --value --standalone -o loss_gradient.py"""


class _Failure(Exception):
    """An end with one line for the user."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(" ".join(message.split()))
        self.status = status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise _Failure(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status.

    Parameters
    ----------
    argv
        The arguments; by default those of the process.

    Raises
    ------
    SystemExit
        After ``--help`` and ``--version``.
    """
    try:
        arguments = _parser().parse_args(argv)
        status: int = arguments.run(arguments)
        return status
    except _Failure as failure:
        print(f"srcad: error: {failure}", file=sys.stderr)
        return failure.status
    except SrcadError as error:
        print(error.report(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    # Looked up by name: the package is a layer above this module.
    version = importlib.import_module("srcad").__version__
    parser = _Parser(
        prog="srcad", allow_abbrev=False,
        description="Derivatives of Python functions, written as Python source.",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"srcad {version}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    grad = commands.add_parser(
        "grad", allow_abbrev=False, help="print the derivative of a function",
        description=_GRAD_DESCRIPTION, epilog=_GRAD_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    grad.set_defaults(run=_grad)
    grad.add_argument("target", metavar="TARGET", help="FILE.py:FUNCTION or MODULE:FUNCTION")
    grad.add_argument(
        "--argnums", metavar="X,Y", type=_argnums,
        help="arguments to differentiate in, by name, position or path such as params['b'] "
        "(default: those of the decorator, or the first)",
    )  # fmt: skip
    grad.add_argument(
        "--types", metavar="TYPES",
        help='types of the arguments, such as "x: f64[*,*], n: int" '
        "(default: from annotations and defaults)",
    )  # fmt: skip
    grad.add_argument(
        "--mode", choices=("reverse", "forward"), default="reverse",
        help="reverse (default): the gradient; forward: the derivative along a direction",
    )  # fmt: skip
    grad.add_argument(
        "--order", metavar="N", type=_order, default=1,
        help="how often to differentiate (default: 1; 0 is the function itself)",
    )  # fmt: skip
    grad.add_argument("--value", action="store_true", help="return the value as well")
    grad.add_argument(
        "--emit", choices=("source", "ir", "ast"), default="source",
        help="source (default); ir: srcad's intermediate representation of the derivative; "
        "ast: the syntax tree of the function as srcad reads it",
    )  # fmt: skip
    grad.add_argument(
        "--standalone",
        action="store_true",
        help="add imports, helpers and constants, so that the text runs without srcad",
    )
    grad.add_argument("-o", "--output", metavar="FILE", help="write to FILE")

    cache = commands.add_parser("cache", allow_abbrev=False, help="look after the disk cache")
    actions = cache.add_subparsers(metavar="ACTION", required=True)
    info = actions.add_parser("info", allow_abbrev=False, help="say where it is and how large")
    info.set_defaults(run=_cache_info)
    info.add_argument("--json", action="store_true", help="as JSON")
    clear = actions.add_parser("clear", allow_abbrev=False, help="remove all stored derivatives")
    clear.set_defaults(run=_cache_clear)
    return parser


def _argnums(text: str) -> int | str | tuple[int | str, ...]:
    """One argument, or with a comma a tuple; commas in brackets belong to a path."""
    parts = [p.strip() for p in re.split(r",(?![^\[]*\])", text)]
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    if not all(parts):
        raise argparse.ArgumentTypeError(f"a name is missing in {text!r}")
    items = tuple(int(p) if re.fullmatch(r"[+-]?\d+", p) else p for p in parts)
    return items if "," in text and (len(items) > 1 or text.rstrip().endswith(",")) else items[0]


def _order(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"0, 1, 2 ... expected, not {text!r}")
    return int(text)


# ---------------------------------------------------------------------- srcad grad
def _grad(arguments: argparse.Namespace) -> int:
    emit = arguments.emit
    if arguments.standalone and emit != "source":
        raise _Failure(f"argument --standalone: not allowed with --emit {emit}")
    function, argnums = _target(arguments.target)
    if arguments.argnums is not None:
        argnums = arguments.argnums
    if isinstance(function, types.FunctionType):
        _check_usage(function, argnums, arguments.types)
    if emit == "ast":
        node = read_source(function).node
        text = with_room(lambda: gast.dump(node, indent=2), function)
    elif emit == "ir":
        text = str(
            ir(function, argnums, arguments.types, arguments.value, mode=arguments.mode,
               order=arguments.order)
        )  # fmt: skip
    else:
        text = source(
            function, argnums, arguments.types, arguments.value, mode=arguments.mode,
            order=arguments.order, standalone=arguments.standalone,
        )  # fmt: skip
    text = text.rstrip("\n") + "\n"
    if arguments.output is None:
        return _print(_coloured(text) if emit != "ir" else text)
    _write(text, arguments.output, function)
    return 0


def _check_usage(function: types.FunctionType, argnums: Any, types_of: str | None) -> None:
    """Mistakes of the command line, before anything is compiled."""
    try:
        parse_argnums(function, argnums)
        signature_from_types(function, types_of)
    except (SignatureError, TypeStringError) as error:
        raise _Failure(f"{error.what}: {error.reason}") from error


def _target(target: str) -> tuple[Any, Any]:
    """The function that a target names (of a derivative its primal), and its argnums."""
    place, colon, path = target.rpartition(":")
    if not (place and colon and path):
        raise _Failure(f"{target!r} names no function; write FILE.py:FUNCTION or MODULE:FUNCTION")
    is_file = place.endswith(".py") or os.path.isfile(place) or os.path.dirname(place) != ""
    found: Any = _load_file(place) if is_file else _load_module(place)
    for name in path.split("."):
        inner = getattr(found, name, found)
        if inner is found:
            raise _Failure(f"there is no function {path!r} in {place}{_functions_in(found)}")
        found = inner
    if isinstance(found, Derivative):
        step = found.request.steps[0]
        argnums = tuple(path_text(p) for p in step.argnums)
        return found.function, argnums[0] if step.single else argnums
    if isinstance(found, type):
        raise _Failure(f"{path!r} in {place} is a class; name a method: {path}.METHOD")
    if not callable(found):
        kind = type(found).__name__
        raise _Failure(f"{path!r} in {place} is no function; it is of type {kind}")
    return found, 0


def _functions_in(holder: Any) -> str:
    names = [
        name for name, value in getattr(holder, "__dict__", {}).items()
        if isinstance(value, (types.FunctionType, Derivative))
    ]  # fmt: skip
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"; it has {shown}" if names else ""


# ---------------------------------------------------------------------- the user's module
class _Importing:
    """Turns what the user's code raises into one line; its prints go to standard error."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.redirected = contextlib.redirect_stdout(sys.stderr)

    def __enter__(self) -> None:
        self.redirected.__enter__()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.redirected.__exit__(kind, error, trace)
        if error is None or isinstance(error, (SrcadError, _Failure, KeyboardInterrupt)):
            return
        what, message = type(error).__name__, str(error)
        if isinstance(error, SyntaxError):
            message = error.msg  # the rest of it is the place
        raise _Failure(
            f"importing {self.shown} failed: {what}{message and ': '}{message}{_place(error)}",
            status=1,
        ) from error


def _place(error: BaseException) -> str:
    """Where an error comes from: the last line that is not of a library."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" (file {_relative(error.filename)}, line {error.lineno})"
    ours = (os.path.dirname(__file__), sysconfig.get_path("stdlib"), "<frozen")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(ours)
        and not re.search(r"[/\\](site|dist)-packages[/\\]", frame.filename)
    ]
    if not frames:
        return ""
    return f" (file {_relative(frames[-1].filename)}, line {frames[-1].lineno})"


def _relative(filename: str) -> str:
    relative = os.path.relpath(filename)
    return filename if relative.startswith("..") else relative


def _load_file(path: str) -> types.ModuleType:
    """Run a file as a module named by its stem, which can import what lies beside it."""
    if not os.path.isfile(path):
        what = "is a directory" if os.path.isdir(path) else "does not exist"
        raise _Failure(f"the file {path} {what}")
    filename = os.path.abspath(path)
    name = os.path.splitext(os.path.basename(filename))[0]
    loader = SourceFileLoader(name, filename)
    try:
        content = loader.get_data(filename)
    except OSError as error:
        raise _Failure(f"the file {path} cannot be read: {error.strerror}") from error
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, os.path.dirname(filename))
    sys.modules.setdefault(name, module)  # never in the place of a module that is in use
    with _Importing(path):
        # Compiled here, as for a script: nothing is read from or left in __pycache__.
        exec(loader.source_to_code(content, filename), vars(module))
    return module


def _load_module(name: str) -> types.ModuleType:
    sys.path.insert(0, os.getcwd())
    with _Importing(name):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if f"{name}.".startswith(f"{error.name}."):
                raise _Failure(f"there is no module {name!r}, nor a file of that name") from error
            raise


# ---------------------------------------------------------------------- output
def _coloured(text: str) -> str:
    """Python text with colours, if it goes to a terminal that shows them."""
    if sys.stdout is None or not sys.stdout.isatty():
        return text
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    if importlib.util.find_spec("pygments") is None:
        return text
    from pygments import highlight
    from pygments.formatters import TerminalFormatter
    from pygments.lexers import PythonLexer

    coloured: str = highlight(text, PythonLexer(), TerminalFormatter())
    return coloured


def _print(text: str) -> int:
    """Print to standard output; return the exit status."""
    if sys.stdout is None:  # type: ignore[unreachable, unused-ignore]
        raise _Failure("standard output is closed", status=1)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except UnicodeEncodeError as error:
        raise _Failure(
            f"standard output cannot show {error.object[error.start]!a} (its encoding is "
            f"{error.encoding}); use -o FILE", status=1,
        ) from error  # fmt: skip
    except OSError as error:
        # What is left in the buffer would raise again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # who reads has seen enough
            raise _Failure(f"standard output failed: {error.strerror}", status=1) from error
        return 1
    return 0


def _write(text: str, path: str, function: types.FunctionType) -> None:
    """Make `path` hold the text, whole or not at all."""
    target = os.path.realpath(path)  # a link stays a link
    if target == os.path.realpath(function.__code__.co_filename):
        raise _Failure(f"{path} is the file of the function itself; write to another one")
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe or device
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            return
        descriptor, temporary = tempfile.mkstemp(".tmp", "srcad_", os.path.dirname(target))
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(temporary, _mode(target))
            os.replace(temporary, target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    except OSError as error:
        raise _Failure(f"{path} cannot be written: {error.strerror}") from error


def _mode(path: str) -> int:
    """The permissions of a file, or those that a new one gets."""
    if os.path.exists(path):
        return stat.S_IMODE(os.stat(path).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


# ---------------------------------------------------------------------- srcad cache
def _cache_info(arguments: argparse.Namespace) -> int:
    with _cache_warnings() as warned:
        info = DiskCache(default_directory()).info()
    if arguments.json:
        text = json.dumps(info) + "\n"
    else:
        width = max(map(len, info))
        text = "".join(f"{key + ':':{width + 1}} {value}\n" for key, value in info.items())
    return _print(text) or bool(warned)


def _cache_clear(arguments: argparse.Namespace) -> int:
    with _cache_warnings() as warned:
        directory = default_directory()
        removed = DiskCache(directory).clear()
    entries = "entry" if removed == 1 else "entries"
    return _print(f"removed {removed} {entries} from {directory}\n") or bool(warned)


@contextlib.contextmanager
def _cache_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Shows each warning of the cache as one line."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", SrcadCacheWarning)
        yield warned
    for warning in warned:
        print(f"srcad: warning: {warning.message}", file=sys.stderr)
