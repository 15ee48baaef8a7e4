"""The full text of the error of each kind of bad input, and the ordinary class that it is."""

from __future__ import annotations

import os

import numpy as np
import pytest

import srcad
from srcad import errors

HERE = os.path.relpath(__file__) if len(os.path.relpath(__file__)) < len(__file__) else __file__


def caught(kind, ordinary, call):
    with pytest.raises(ordinary) as found:
        call()
    assert type(found.value) is kind
    return found.value


def place(function, line: int, code: str, marked: str, name: str = "") -> str:
    """The lines that show `marked` in line `line` of a function of this file."""
    number = function.__code__.co_firstlineno + line
    column = code.index(marked) + 1
    lead = f"    {number}"
    return (
        f'  File "{HERE}", line {number}, column {column}, in {name or function.__qualname__}\n'
        f"{lead} | {code}\n{' ' * len(lead)} | {' ' * (column - 1)}{'^' * len(marked)}\n"
    )


def square(x):
    return x * x


def test_no_source_after_exec():
    names: dict = {}
    exec("def f(x):\n    return x * x\n", names)
    error = caught(errors.SourceNotFoundError, OSError, lambda: srcad.grad(names["f"])(1.0))
    assert "f" in error.what and error.reason and "source" in error.advice


def test_no_source_of_a_c_function():
    error = caught(errors.SourceNotFoundError, OSError, lambda: srcad.grad(len))
    assert str(error) == (
        "<built-in function len> has no Python source\n"
        "Reason: it is not a function written in Python\n"
        "Instead: wrap it in a Python function that calls it"
    )


def test_source_that_changed_since_import(tmp_path, monkeypatch):
    path = tmp_path / "changing_model.py"
    path.write_text("def f(x):\n    return x * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import changing_model

    path.write_text("def f(x):\n    return x * x * x * 2.5\n")
    os.utime(path, (1, 1))
    error = caught(
        errors.SourceNotFoundError, OSError, lambda: srcad.grad(changing_model.f)(1.0)
    )
    assert "changed" in str(error) and "changing_model.py" in str(error)
    assert error.reason and "reload" in error.advice


def test_non_scalar_result():
    error = caught(
        errors.SignatureError, TypeError, lambda: srcad.grad(square)(np.ones(3))
    )
    assert error.loc.line == square.__code__.co_firstlineno + 1 or error.loc.function == "square"
    assert error.reason and "vjp" in error.advice and "^" in str(error)


@pytest.mark.parametrize("argnums, shown", [("z", "'z'"), (3, "'3'"), ("x y", "'x y'")])
def test_no_such_argument(argnums, shown):
    error = caught(errors.SignatureError, TypeError, lambda: srcad.grad(square, argnums))
    assert str(error) == (
        f"`square` has no argument {shown}\n"
        "Reason: its arguments are x\n"
        "Instead: choose one of them in argnums"
    )


def test_int_array():
    error = caught(
        errors.SignatureError, TypeError, lambda: srcad.grad(square)(np.array([1, 2]))
    )
    number = square.__code__.co_firstlineno
    assert str(error).startswith(
        "`x` is an int array, and cannot be differentiated\n"
        f'  File "{HERE}", line {number}, column 1, in square\n    {number} | def square(x):\n'
    )
    assert str(error).endswith(
        "Reason: its values are not real numbers, so a derivative in them means nothing\n"
        "Instead: pass x.astype(float), or leave `x` out of argnums"
    )


def no_rule(x):
    return np.bincount(x)[0]


def test_missing_rule():
    error = caught(
        errors.MissingRuleError, NotImplementedError, lambda: srcad.grad(no_rule)(np.ones(3))
    )
    assert place(no_rule, 1, "    return np.bincount(x)[0]", "np.bincount(x)") in str(error)
    assert "bincount" in error.what and error.reason and error.advice


# Each: the statement or expression that is refused, and what the message says.
REFUSED = {
    "class_definition": ("class C:\n        pass", "`class"),
    "with_statement": ("with open('name'):\n        pass", "`with"),
    "try_statement": ("try:\n        y = x\n    except ValueError:\n        y = x", "`try"),
    "match_statement": ("match x:\n        case 1:\n            pass", "`match"),
    "import_statement": ("import math", "`import"),
    "import_from": ("from math import sin", "`from"),
    "list_comprehension": ("y = [x for i in range(3)]", "a list comprehension"),
    "set_comprehension": ("y = {x for i in range(3)}", "a set comprehension"),
    "dict_comprehension": ("y = {i: x for i in range(3)}", "a dict comprehension"),
    "generator_expression": ("y = (x for i in range(3))", "a generator expression"),
    "set_display": ("y = {x}", "a set"),
}


def load(tmp_path, monkeypatch, name, text):
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return __import__(name)


@pytest.mark.parametrize("name", REFUSED)
def test_unsupported_construct(name, tmp_path, monkeypatch):
    code, shown = REFUSED[name]
    text = f"def f(x):\n    {code}\n    return x * x\n"
    f = load(tmp_path, monkeypatch, f"refused_{name}", text).f
    error = caught(errors.UnsupportedSyntaxError, SyntaxError, lambda: srcad.grad(f)(1.0))
    assert shown in error.what and "cannot be differentiated" in error.what
    assert error.loc.line == 2 and error.loc.file.endswith(f"refused_{name}.py")
    assert "    2 |     " + code.split("\n")[0] in str(error) and "^" in str(error)
    assert f"Reason: {error.reason}" in str(error) and error.reason
    assert f"Instead: {error.advice}" in str(error) and error.advice


@pytest.mark.parametrize(
    "text",
    ["async def f(x):\n    return x\n", "def f(x):\n    yield x\n",
     "def f(x):\n    y = yield from x\n", "async def f(x):\n    await x\n"],
)  # fmt: skip
def test_coroutines_and_generators(text, tmp_path, monkeypatch):
    name = f"coroutine_{abs(hash(text))}"
    f = load(tmp_path, monkeypatch, name, text).f
    error = caught(errors.UnsupportedSyntaxError, SyntaxError, lambda: srcad.grad(f)(1.0))
    assert error.loc is not None and error.reason and error.advice


def store_to_an_attribute(x):
    x.name = 2.0
    return x


def test_stores():
    f = store_to_an_attribute
    error = caught(
        errors.UnsupportedSyntaxError, SyntaxError, lambda: srcad.grad(f)(np.ones(2))
    )
    assert error.loc.line == f.__code__.co_firstlineno + 1 and error.reason and error.advice


def test_seed_of_wrong_shape():
    _, pull = srcad.vjp(square, np.ones(3))
    error = caught(errors.SeedError, ValueError, lambda: pull(np.ones(2)))
    assert isinstance(error, TypeError)
    assert str(error) == (
        "the cotangent has shape (2,), but its value has shape (3,)\n"
        "Reason: a seed is never broadcast\n"
        "Instead: pass a seed of shape (3,)"
    )


def test_seed_of_wrong_structure():
    error = caught(errors.SeedError, ValueError, lambda: srcad.jvp(square, (1.0,), ()))
    assert str(error) == (
        "1 primals, but 0 tangents\n"
        "Reason: each argument needs a direction\n"
        "Instead: pass one tangent for each primal, or None"
    )


def test_bad_type_string():
    error = caught(
        errors.TypeStringError, ValueError, lambda: srcad.source(square, types="x: f65[*]")
    )
    assert "f65" in str(error) and error.reason and error.advice


def test_bound_method():
    class Model:
        def f(self, x):
            return x

    error = caught(errors.SignatureError, TypeError, lambda: srcad.grad(Model().f))
    assert str(error) == (
        "`f` is a bound method\n"
        "Reason: its object is an argument like any other\n"
        "Instead: differentiate the function of the class, and pass the object: "
        "grad(Model.f, argnums=...)"
    )
