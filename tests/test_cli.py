"""The command `srcad`: what it prints, where, and with which exit status."""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gast
import pytest

import srcad
from srcad.cache.disk import DiskCache
from srcad.cli import main

ROOT = Path(__file__).resolve().parents[1]

MODEL = '''\
"""A module with functions of many kinds."""
import math
from math import sin

import numpy as np

import srcad

SCALE = 2.0


def loss(w, x, n: int = 3):
    y = np.tanh(w @ x) * SCALE
    return np.sum(y * y)


def product(x, y):
    return x * sin(y)


def vector(x):
    return x * np.ones(3)


@srcad.grad(argnums=("y", "x"))
def decorated(x, y):
    return x * y


class Model:
    def energy(self, x: float):
        return x * x

    @staticmethod
    def cube(x: float):
        return x * x * x

    class Inner:
        @staticmethod
        def double(x: float):
            return x + x


def mapping(params):
    return params["a"] * params["b,c"]


def outer(x: float):
    return inner(x)


def inner(x):
    async def nothing():
        pass

    return x


if __name__ == "__main__":
    raise SystemExit("this does not run")
'''


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory with model.py; what a command imports is forgotten after it."""
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `main` in this process: status, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def source(name: str, *args: object, **kwargs: object) -> str:
    """What `srcad.source` gives for a function of model.py."""
    found = importlib.import_module("model")
    for part in name.split("."):
        found = getattr(found, part)
    return srcad.source(found, *args, **kwargs)  # type: ignore[arg-type]


Run = Callable[..., tuple[int, str, str]]


# ---------------------------------------------------------------------- srcad grad
@pytest.mark.parametrize(
    ("options", "args", "kwargs"),
    [
        ([], (), {}),
        (["--argnums", "x"], ("x",), {}),
        (["--argnums", "x,w"], (("x", "w"),), {}),
        (["--argnums", "x,"], (("x",),), {}),
        (["--argnums", "1, 0"], ((1, 0),), {}),
        (["--argnums", "-2"], (-2,), {}),
        (["--types", "w: f64[*,*], x: f64[*]"], (0, "w: f64[*,*], x: f64[*]"), {}),
        (["--types", "w: f64[*,*], x: f64[*]", "--mode", "forward"],
         (0, "w: f64[*,*], x: f64[*]"), {"mode": "forward"}),
        (["--value"], (0, None, True), {}),
        (["--order", "0"], (0,), {"order": 0}),
        (["--standalone"], (0,), {"standalone": True}),
    ],
)  # fmt: skip
def test_prints_what_source_gives(
    run: Run, options: list[str], args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    status, out, err = run("grad", "model.py:loss", *options)
    assert (status, err) == (0, "")
    assert out == source("loss", *args, **kwargs)
    assert out.endswith("\n") and not out.endswith("\n\n")


def test_second_order(run: Run) -> None:
    types = "x: float, y: float"
    status, out, _ = run("grad", "model.py:product", "--order", "2", "--types", types)
    assert status == 0 and out == source("product", 0, types, order=2)
    assert "def product_grad_grad(" in out


@pytest.mark.parametrize("place", ["model.py", "./model.py", "model", "{here}/model.py"])
@pytest.mark.parametrize("name", ["Model.cube", "Model.Inner.double", "outer_of_lambda"])
def test_ways_to_name_a_function(run: Run, here: Path, place: str, name: str) -> None:
    with open("model.py", "a", encoding="utf-8") as file:
        file.write("\nouter_of_lambda = lambda x: x * 2.0\n")
    status, out, err = run("grad", f"{place.format(here=here)}:{name}", "--types", "x: float")
    assert (status, err) == (0, "")
    assert out == source(name, types="x: float")


def test_method(run: Run) -> None:
    status, out, _ = run("grad", "model.py:Model.energy", "--argnums", "x")
    assert status == 0 and out == source("Model.energy", "x")


def test_decorated_function_stands_for_its_primal(run: Run) -> None:
    types = "x: float, y: float"
    status, out, _ = run("grad", "model.py:decorated", "--types", types)
    primal = importlib.import_module("model").decorated.function
    assert status == 0 and out == srcad.source(primal, ("y", "x"), types)
    status, out, _ = run("grad", "model.py:decorated", "--types", types, "--argnums", "x")
    assert status == 0 and out == srcad.source(primal, "x", types)
    status, out, _ = run("grad", "model.py:decorated", "--emit", "ast")
    assert status == 0 and "name='decorated'" in out


def test_a_path_as_argnums(run: Run) -> None:
    types = '{"a": float, "b,c": float}'
    status, out, _ = run(
        "grad", "model.py:mapping", "--argnums", "params['b,c'],params['a']",
        "--types", f"params: {types}",
    )  # fmt: skip
    assert status == 0
    assert out == source("mapping", ("params['b,c']", "params['a']"), {"params": types})


def test_emit_ir(run: Run) -> None:
    types = "x: float, y: float"
    status, out, _ = run("grad", "model.py:product", "--emit", "ir", "--types", types)
    model = importlib.import_module("model")
    assert status == 0
    assert out == f"{srcad.ir(model.product, 0, types)}\n"
    assert out.startswith("func product_grad(%x: float, %y: float)")


def test_emit_ast(run: Run) -> None:
    status, out, _ = run("grad", "model.py:product", "--emit", "ast")
    definition = gast.parse("def product(x, y):\n    return x * sin(y)\n").body[0]
    assert status == 0
    assert out == gast.dump(definition, indent=2) + "\n"


def test_the_file_is_loaded_like_a_script(run: Run, here: Path) -> None:
    (here / "lib").mkdir()
    (here / "lib" / "beside.py").write_text("K = 3.0\n", encoding="utf-8")
    (here / "lib" / "my-model.py").write_text(
        "from beside import K\n"
        "print('loading', __name__, __file__)\n"
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Point:\n    x: 'float'\n"
        "def f(x: float):\n    return x * K\n",
        encoding="utf-8",
    )
    status, out, err = run("grad", "lib/my-model.py:f")
    assert status == 0
    assert out.startswith("# from my-model: K\n\n\ndef f_grad(x):")
    assert err == f"loading my-model {here / 'lib' / 'my-model.py'}\n"
    assert not list(here.rglob("__pycache__/my-model*"))


def test_a_file_with_the_name_of_a_module_in_use(run: Run, here: Path) -> None:
    (here / "json.py").write_text("def f(x: float):\n    return x * x\n", encoding="utf-8")
    status, out, _ = run("grad", "json.py:f")
    assert status == 0 and "def f_grad(x):" in out
    assert sys.modules["json"] is json


# ---------------------------------------------------------------------- output
def test_output_file(run: Run, here: Path) -> None:
    assert run("grad", "model.py:loss", "--standalone", "-o", "out.py") == (0, "", "")
    assert (here / "out.py").read_text(encoding="utf-8") == source("loss", standalone=True)
    assert sorted(p.name for p in here.iterdir() if p.suffix != "") == ["model.py", "out.py"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions and links")
def test_output_keeps_permissions_and_links(run: Run, here: Path) -> None:
    target = here / "out.py"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o640)
    (here / "link.py").symlink_to(target)
    assert run("grad", "model.py:product", "-o", "link.py") == (0, "", "")
    assert (here / "link.py").is_symlink()
    assert target.read_text(encoding="utf-8") == source("product")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    mask = os.umask(0o027)
    try:
        assert run("grad", "model.py:product", "-o", "new.py")[0] == 0
    finally:
        os.umask(mask)
    assert stat.S_IMODE((here / "new.py").stat().st_mode) == 0o640
    assert run("grad", "model.py:product", "-o", os.devnull) == (0, "", "")


def test_output_is_whole_or_not_at_all(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = here / "out.py"
    target.write_text("old", encoding="utf-8")
    assert run("grad", "model.py:vector", "--types", "x: float", "-o", "out.py")[0] == 1

    def failing(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", failing)
    assert run("grad", "model.py:product", "-o", "out.py") == (
        2, "", "srcad: error: out.py cannot be written: No space left on device\n"
    )  # fmt: skip
    assert target.read_text(encoding="utf-8") == "old"
    assert sorted(p.name for p in here.iterdir() if p.suffix != "") == ["model.py", "out.py"]


def test_letters_beyond_ascii(run: Run, here: Path) -> None:
    (here / "größe.py").write_text("def f(ä: float):\n    return ä * ä\n", encoding="utf-8")
    assert run("grad", "größe.py:f", "-o", "out.py")[0] == 0
    assert "def f_grad(ä):" in (here / "out.py").read_text(encoding="utf-8")


needs_pygments = pytest.mark.skipif(
    importlib.util.find_spec("pygments") is None, reason="colours need pygments"
)


@needs_pygments
def test_colour_on_a_terminal_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    _, plain, _ = run("grad", "model.py:product")
    assert "\x1b" not in plain

    def on_terminal(*options: str) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(sys.stdout, "isatty", lambda: True)
            status, out, err = run("grad", "model.py:product", *options)
        assert (status, err) == (0, "")
        return out

    assert "\x1b[" in on_terminal()
    assert "\x1b" not in on_terminal("--emit", "ir")
    assert on_terminal("-o", "out.py") == ""
    assert Path("out.py").read_text(encoding="utf-8") == plain
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[" in on_terminal()
    monkeypatch.setenv("TERM", "dumb")
    assert on_terminal() == plain
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert on_terminal() == plain
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setitem(sys.modules, "pygments", None)
    assert on_terminal() == plain


# ---------------------------------------------------------------------- usage
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["grad"], "the following arguments are required: TARGET"),
        (["cache"], "the following arguments are required: ACTION"),
        (["grad", "model.py:loss", "--bad"], "unrecognized arguments: --bad"),
        (["grad", "model.py:loss", "--stand"], "unrecognized arguments: --stand"),
        (["grad", "no.py:loss"], "the file no.py does not exist"),
        (["grad", "folder.py:loss"], "the file folder.py is a directory"),
        (["grad", "no_such:f"], "there is no module 'no_such', nor a file of that name"),
        (["grad", "no_such.one:f"], "there is no module 'no_such.one', nor a file of that name"),
        (["grad", "model.py"],
         "'model.py' names no function; write FILE.py:FUNCTION or MODULE:FUNCTION"),
        (["grad", "model.py:"],
         "'model.py:' names no function; write FILE.py:FUNCTION or MODULE:FUNCTION"),
        (["grad", "model.py:los"],
         "there is no function 'los' in model.py; it has loss, product, vector, decorated, "
         "mapping, outer, inner"),
        (["grad", "model:Model.no"],
         "there is no function 'Model.no' in model; it has energy"),
        (["grad", "model.py:SCALE.x"], "there is no function 'SCALE.x' in model.py"),
        (["grad", "model.py:SCALE"], "'SCALE' in model.py is no function; it is of type float"),
        (["grad", "model.py:Model"],
         "'Model' in model.py is a class; name a method: Model.METHOD"),
        (["grad", "model.py:loss", "--argnums", "z"],
         "`loss` has no argument 'z': its arguments are w, x, n"),
        (["grad", "model.py:loss", "--argnums", "w,3"],
         "`loss` has no argument '3': its arguments are w, x, n"),
        (["grad", "model.py:loss", "--argnums", "w,,x"],
         "argument --argnums: a name is missing in 'w,,x'"),
        (["grad", "model.py:loss", "--types", "w: f64[*,"],
         "the type string 'w: f64[*,' cannot be read: the text ends at column 10"),
        (["grad", "model.py:loss", "--types", "v: float"],
         "`loss` has no argument 'v': its arguments are w, x, n"),
        (["grad", "model.py:loss", "--types", "w: no", "--emit", "ast"],
         "the type string 'w: no' cannot be read: unknown type 'no' at column 4"),
        (["grad", "model.py:loss", "--order", "-1"],
         "argument --order: 0, 1, 2 ... expected, not '-1'"),
        (["grad", "model.py:loss", "--order", "1.5"],
         "argument --order: 0, 1, 2 ... expected, not '1.5'"),
        (["grad", "model.py:loss", "--standalone", "--emit", "ir"],
         "argument --standalone: not allowed with --emit ir"),
        (["grad", "model.py:loss", "-o", "no/out.py"],
         "no/out.py cannot be written: No such file or directory"),
        (["grad", "model.py:loss", "-o", "folder.py"],
         "folder.py cannot be written: Is a directory"),
        (["grad", "model.py:loss", "-o", "./model.py"],
         "./model.py is the file of the function itself; write to another one"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_wrong_usage_is_one_line(run: Run, here: Path, arguments: list[str], message: str) -> None:
    (here / "folder.py").mkdir()
    assert run(*arguments) == (2, "", f"srcad: error: {message}\n")
    assert (here / "model.py").read_text(encoding="utf-8") == MODEL


@pytest.mark.parametrize("option", ["--mode", "--emit"])
def test_unknown_choice(run: Run, option: str) -> None:
    status, out, err = run("grad", "model.py:loss", option, "graph")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"srcad: error: argument {option}: invalid choice: 'graph'")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_a_file_that_cannot_be_read(run: Run, here: Path) -> None:
    (here / "model.py").chmod(0)
    assert run("grad", "model.py:loss") == (
        2, "", "srcad: error: the file model.py cannot be read: Permission denied\n"
    )  # fmt: skip


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (
        (["--version"], f"srcad {srcad.__version__}\n"),
        (["--help"], "usage: srcad "),
        (["grad", "--help"], "usage: srcad grad "),
        (["cache", "clear", "--help"], "usage: srcad cache clear "),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith(expected)


# ---------------------------------------------------------------------- errors
def test_an_error_of_srcad_is_its_report(run: Run) -> None:
    status, out, err = run("grad", "model.py:outer")
    line = MODEL[: MODEL.index("async")].count("\n") + 1
    assert (status, out) == (1, "")
    assert err.startswith("UnsupportedSyntaxError: ")
    assert f'  File "model.py", line {line}, column 5, in inner\n' in err
    assert f"    {line} |     async def nothing():\n" in err
    assert "\nReason: " in err and "\nInstead: " in err and "Traceback" not in err


@pytest.mark.parametrize("target", ["time:sleep", "builtins:input"])
def test_what_has_no_source_is_an_error_of_srcad(run: Run, target: str) -> None:
    status, out, err = run("grad", target)
    assert (status, out) == (1, "")
    assert err.startswith(("SourceNotFoundError: ", "SignatureError: "))


FAILING = {
    "zero": ("x = 1\ny = x / 0\n", "ZeroDivisionError: division by zero (file zero.py, line 2)"),
    "bare": ("raise ValueError\n", "ValueError (file bare.py, line 1)"),
    "many": ("raise ValueError('a\\n\\n  b')\n", "ValueError: a b (file many.py, line 1)"),
    "wrong": ("\nx = = 3\n", "SyntaxError: invalid syntax (file wrong.py, line 2)"),
    "exits": ("import sys\nsys.exit(3)\n", "SystemExit: 3 (file exits.py, line 2)"),
    "lacks": ("import no_such_module\n",
              "ModuleNotFoundError: No module named 'no_such_module' (file lacks.py, line 1)"),
    "outer": ("import zero\n", "ZeroDivisionError: division by zero (file zero.py, line 2)"),
    "library": ("import json\n\njson.loads('{')\n",
                "JSONDecodeError: Expecting property name enclosed in double quotes: "
                "line 1 column 2 (char 1) (file library.py, line 3)"),
    "relative": ("from . import zero\n",
                 "ImportError: attempted relative import with no known parent package "
                 "(file relative.py, line 1)"),
}  # fmt: skip


@pytest.mark.parametrize("ending", [".py", ""])
@pytest.mark.parametrize("name", FAILING)
def test_an_exception_in_the_users_file_is_one_line(
    run: Run, here: Path, name: str, ending: str
) -> None:
    for module, (text, _) in FAILING.items():
        (here / f"{module}.py").write_text(text, encoding="utf-8")
    message = f"srcad: error: importing {name}{ending} failed: {FAILING[name][1]}\n"
    assert run("grad", f"{name}{ending}:f") == (1, "", message)


def test_an_error_of_srcad_in_the_users_file_is_its_report(run: Run, here: Path) -> None:
    (here / "uses.py").write_text("import srcad\nsrcad.grad(input)\n", encoding="utf-8")
    status, out, err = run("grad", "uses.py:f")
    assert (status, out) == (1, "")
    assert err.startswith("SourceNotFoundError: ")


def test_interruption(run: Run, here: Path) -> None:
    (here / "slow.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    assert run("grad", "slow.py:f") == (130, "", "")


# ---------------------------------------------------------------------- srcad cache
def test_cache(run: Run, here: Path) -> None:
    folder = here / "cache"
    assert run("cache", "info") == (0, f"directory: {folder}\nentries:   0\nbytes:     0\n", "")
    cache = DiskCache(folder)
    for name in ("f", "g"):
        path = cache.put({"function": f"model:{name}"}, {}, "def f_grad(x):\n    return 1.0\n")
        assert path is not None
    (folder / "mine.txt").write_text("left alone", encoding="utf-8")
    status, out, err = run("cache", "info", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == cache.info()
    assert cache.info()["entries"] == 2 and cache.info()["bytes"] > 0
    assert run("cache", "clear") == (0, f"removed 2 entries from {folder}\n", "")
    assert cache.info()["entries"] == 0
    assert [p.name for p in folder.iterdir()] == ["mine.txt"]
    cache.put({"function": "model:f"}, {}, "")
    assert run("cache", "clear") == (0, f"removed 1 entry from {folder}\n", "")


@pytest.mark.parametrize("action", ["info", "clear"])
def test_a_cache_that_cannot_be_used(run: Run, here: Path, action: str) -> None:
    (here / "cache").write_text("no directory", encoding="utf-8")
    status, out, err = run("cache", action)
    assert status == 1 and str(here / "cache") in out
    assert err == (
        f"srcad: warning: the cache directory {here / 'cache'} is not used: "
        "it is not a directory; derivatives are not kept on disk\n"
    )


# ---------------------------------------------------------------------- processes
def command(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    environment.update(options.pop("env", {}))  # type: ignore[call-overload]
    return subprocess.Popen(
        [sys.executable, "-m", "srcad", *arguments], env=environment,
        stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
    )  # type: ignore[call-overload, no-any-return]  # fmt: skip


def test_python_m_srcad(run: Run) -> None:
    arguments = ["grad", "model.py:loss", "--types", "w: f64[*,*], x: f64[*]", "--value"]
    child = command(*arguments)
    out, err = child.communicate()
    assert (child.returncode, err) == (0, b"")
    assert out.decode().replace("\r\n", "\n") == run(*arguments)[1]
    child = command("grad", "model.py:none")
    assert child.communicate()[1].startswith(b"srcad: error: there is no function 'none'")
    assert child.returncode == 2


def test_main_module_runs_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["srcad", "grad", "no.py:f"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("srcad", run_name="__main__")
    assert caught.value.code == 2
    assert capsys.readouterr().err == "srcad: error: the file no.py does not exist\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other pipes")
def test_a_reader_that_leaves_early() -> None:
    child = command("grad", "model.py:product")
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()  # long before anything is printed
    with child.stderr as stderr:
        assert stderr.read() == b""
    assert child.wait() == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_standard_output_that_fails() -> None:
    with open("/dev/full", "wb") as full:
        child = command("grad", "model.py:product", stdout=full)
        _, err = child.communicate()
    assert err == b"srcad: error: standard output failed: No space left on device\n"
    assert child.returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize("arguments", ["grad json:dumps --emit ast", "cache info"])
def test_standard_output_that_is_closed(arguments: str) -> None:
    child = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m srcad {arguments} >&-'], capture_output=True,
    )  # fmt: skip
    assert (child.returncode, child.stderr) == (1, b"srcad: error: standard output is closed\n")


def test_standard_output_that_lacks_letters(here: Path) -> None:
    (here / "letters.py").write_text("def f(ä: float):\n    return ä * ä\n", encoding="utf-8")
    child = command("grad", "letters.py:f", env={"PYTHONIOENCODING": "ascii"})
    out, err = child.communicate()
    assert (child.returncode, out) == (1, b"")
    assert err.decode().rstrip() == (
        "srcad: error: standard output cannot show '\\xe4' (its encoding is ascii); use -o FILE"
    )
