"""The full text of the error of each kind of bad input, and the ordinary class that it is."""

from __future__ import annotations

import operator
import os
import subprocess
import sys

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


def one(x):
    return 1.0


def square(x):
    return x * x


def test_no_source_after_exec():
    names: dict = {}
    exec("def f(x):\n    return x * x\n", names)
    error = caught(errors.SourceNotFoundError, OSError, lambda: srcad.grad(names["f"])(1.0))
    assert str(error) == (
        "the source of `f` is not available\n"
        '  File "<string>", line 1, column 1, in f\n'
        "Reason: it was made by exec(), eval() or `python -c`, which do not keep the text.\n"
        "Instead: put the function into a file, or pass the text that it was compiled from: "
        "srcad.grad(f, source=text)."
    )


def test_no_source_at_the_prompt():
    child = subprocess.run(
        [sys.executable, "-"], text=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        input="import srcad\ndef f(x): return x * x\n"
        "try:\n    srcad.grad(f)(1.0)\nexcept OSError as error:\n    print(error.report())\n",
    )  # fmt: skip
    assert child.stdout == (
        "SourceNotFoundError: the source of `f` is not available\n"
        '  File "<stdin>", line 2, column 1, in f\n'
        "Reason: Python does not keep the text of what is typed at its prompt or piped into it.\n"
        "Instead: put the function into a file, or pass the text that it was compiled from: "
        "srcad.grad(f, source=text).\n"
    )


def test_no_source_of_a_c_function():
    error = caught(errors.SourceNotFoundError, OSError, lambda: srcad.grad(ascii))
    assert str(error) == (
        "<built-in function ascii> has no Python source\n"
        "Reason: it is not a function written in Python\n"
        "Instead: wrap it in a Python function that calls it"
    )


def test_source_that_changed_since_import(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "changing_model.py"
    path.write_text("def f(x):\n    return x * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import changing_model

    path.write_text("def f(x):\n    return x * x * x * 2.5\n")
    os.utime(path, (1, 1))
    error = caught(
        errors.SourceNotFoundError, OSError, lambda: srcad.grad(changing_model.f)(1.0)
    )
    assert str(error) == (
        "the source of `f` has changed since it was imported\n"
        '  File "changing_model.py", line 1, column 1, in f\n'
        "Reason: the file, as it is now, does not compile to the code that runs: it was edited "
        "after the import, or a tool changed the code during the import.\n"
        "Instead: reload the module or start Python again."
    )


@pytest.mark.parametrize(
    "options, what",
    [({}, "an array of type f64[*]"), ({"generic": True}, "an array of shape (3,)")],
)
def test_non_scalar_result(options, what):
    error = caught(
        errors.SignatureError, TypeError, lambda: srcad.grad(square, **options)(np.ones(3))
    )
    assert str(error) == (
        f"the gradient of `square` is asked for, but it returns {what}\n"
        + place(square, 0, "def square(x):", "def")
        + "Reason: a gradient is of a function that returns one real number\n"
        "Instead: use srcad.vjp or srcad.jvp for results that are arrays, or sum the result"
    )


@pytest.mark.parametrize("argnums, shown", [("z", "'z'"), (3, "'3'"), ("x y", "'x y'")])
def test_no_such_argument(argnums, shown):
    error = caught(errors.SignatureError, TypeError, lambda: srcad.grad(square, argnums))
    assert str(error) == (
        f"`square` has no argument {shown}\n"
        "Reason: its arguments are x\n"
        "Instead: choose one of them in argnums"
    )


@pytest.mark.parametrize("argnums", [None, 1.5, {"x"}, True])
def test_argnums_of_another_kind(argnums):
    error = caught(errors.SignatureError, TypeError, lambda: srcad.grad(square, argnums))
    assert str(error) == (
        f"argnums must be an int, a name, or a tuple of these, not {argnums!r}\n"
        "Reason: it says which arguments are differentiated\n"
        "Instead: use argnums=0, argnums='x', or argnums=('x', 'y')"
    )


def part(x):
    return x["a"][0]


@pytest.mark.parametrize("path, reason, advice", [
    ("x['b']", "`x` has the parts a", "choose one of them, or `x`, in argnums"),
    ("x['a'][0]", "`x['a']` has no parts that could be differentiated by themselves",
     "use `x['a']` in argnums"),
    ("x.a", "`x` has no attribute `a` that holds real numbers",
     "choose another attribute in argnums"),
])  # fmt: skip
def test_no_such_part(path, reason, advice):
    error = caught(
        errors.SignatureError, TypeError, lambda: srcad.grad(part, path)({"a": np.ones(2)})
    )
    assert str(error) == (
        f"`part` has no argument `{path}`\n"
        + place(part, 0, "def part(x):", "def")
        + f"Reason: {reason}\nInstead: {advice}"
    )


NO_REALS = "its values are not real numbers, so a derivative in them means nothing"


@pytest.mark.parametrize("options", [{}, {"generic": True}])
@pytest.mark.parametrize(
    "value, what, reason, advice",
    [
        (np.array([1, 2]), "is an int array, and ", NO_REALS,
         "pass x.astype(float), or leave `x` out of argnums"),
        (np.array([True]), "is a bool array, and ", NO_REALS,
         "pass x.astype(float), or leave `x` out of argnums"),
        (True, "is a bool, and ", NO_REALS, "pass a float, or leave `x` out of argnums"),
        (np.int64(2), "is an int, and ", NO_REALS, "pass a float, or leave `x` out of argnums"),
        ("text", "", "it is not a number or an array", "leave it out of argnums"),
        (None, "", "it is not a number or an array", "leave it out of argnums"),
        ([], "", "it is an empty list, whose elements have no type, not a number or an array",
         "leave `x` out of argnums"),
        ([1.0, "a"], "",
         "it is a list whose elements are not of one type, not a number or an array",
         "leave `x` out of argnums"),
        (object(), "", "it is an object, not a number or an array", "leave `x` out of argnums"),
    ],
)  # fmt: skip
def test_arguments_without_derivative(value, what, reason, advice, options):
    f = one if isinstance(value, list) else square  # lists cannot be multiplied
    error = caught(errors.SignatureError, TypeError, lambda: srcad.grad(f, **options)(value))
    assert str(error) == (
        f"`x` {what}cannot be differentiated\n"
        + place(f, 0, f"def {f.__name__}(x):", "def")
        + f"Reason: {reason}\nInstead: {advice}"
    )


def no_rule(x):
    return operator.countOf(x, 1.0) * x


def c_method(x, rng):
    return rng.normal(x)


def array_into_a_method(x, rng):
    return np.sum(rng.normal(x))


def of_two(x):
    return own_ufunc(x, 2.0)


own_ufunc = np.frompyfunc(lambda a, b: a * b, 2, 1)


@pytest.mark.parametrize("options", [{}, {"generic": True}])
@pytest.mark.parametrize(
    "f, args, code, marked, name, given, advice",
    [
        (no_rule, (np.ones(3),), "    return operator.countOf(x, 1.0) * x",
         "operator.countOf(x, 1.0)", "operator.countOf",
         "a value of type f64[*]",
         "register one: @srcad.rules.rule(operator.countOf), over a class with the functions "
         "jvp(dots, y, a, b) and vjp(g, y, a, b); see docs/rules.md"),
        (of_two, (np.ones(3),), "    return own_ufunc(x, 2.0)", "own_ufunc(x, 2.0)",
         "own_ufunc", "a value of type f64[*]",
         "register one: srcad.rules.elementwise(own_ufunc, lambda y, x1, x2: (dy_dx1, dy_dx2))"),
        (c_method, (2.0, np.random.default_rng(0)), "    return rng.normal(x)", "rng.normal(x)",
         "rng.normal", "a value that is differentiated",
         "compute it outside of the function, and pass the result"),
        (array_into_a_method, (np.ones(3), np.random.default_rng(0)),
         "    return np.sum(rng.normal(x))", "rng.normal(x)", "rng.normal",
         "a value of type f64[*]", "compute it outside of the function, and pass the result"),
    ],
)  # fmt: skip
def test_missing_rule(f, args, code, marked, name, given, advice, options):
    error = caught(
        errors.MissingRuleError, NotImplementedError, lambda: srcad.grad(f, **options)(*args)
    )
    assert str(error) == (
        f"`{name}` has no derivative rule\n"
        + place(f, 1, code, marked)
        + f"Reason: it has neither a rule nor Python source to look into, and is given {given}\n"
        f"Instead: {advice}"
    )


def attribute_of_what_a_call_gives(x):
    return x * np.random.default_rng(0).spawn(1)[0].normal()


def test_attribute_of_an_unknown_object():
    f = attribute_of_what_a_call_gives
    code = "    return x * np.random.default_rng(0).spawn(1)[0].normal()"
    error = caught(errors.UnsupportedSyntaxError, SyntaxError, lambda: srcad.grad(f)(2.0))
    assert str(error) == (
        "the attribute `normal` cannot be followed here\n"
        + place(f, 1, code, "np.random.default_rng(0).spawn(1)[0].normal")
        + "Reason: what it is an attribute of is not known while compiling\n"
        "Instead: read it outside of the function, and pass what it gives"
    )


# Each: the code that is refused, what of it is marked, and the three parts of the message.
GENERATOR = (
    "a generator function cannot be differentiated itself",
    "calling it gives an iterator, and no number",
    "differentiate a function that reads it, such as `return sum(f(x))`",
)
REFUSED = {
    "error_class_with_methods": (
        "class E(ValueError):\n        def __str__(self):\n            return str(x)", "class",
        "the class `E` cannot be made inside of a differentiated function",
        "Python itself looks into it, where only srcad knows its methods",
        "define the class at module level",
    ),
    "errstate_that_raises": (
        "with np.errstate(all='raise'):\n        pass", "np.errstate(all='raise')",
        "`np.errstate` that raises or calls cannot be differentiated",
        "an operation of the block could then raise, and srcad may move it out of the block",
        "test the operands with `if`",
    ),
    "recorded_warnings": (
        "with warnings.catch_warnings(record=True) as w:\n        pass",
        "warnings.catch_warnings(record=True)",
        "warnings that are recorded cannot be differentiated",
        "what is recorded is not known while compiling", "leave `record` out",
    ),
    "unknown_error_class": (
        "with contextlib.suppress(3):\n        pass", "contextlib.suppress(3)",
        "which errors are caught here is not known while compiling",
        "this is no class of errors, and no tuple of such", "name the classes",
    ),
    "raise_without_error": (
        "raise", "raise", "`raise` without an error outside of a handler",
        "which error is being handled is not known here", "raise a new error",
    ),
    "finally_left_early": (
        "try: y = x\n    finally:\n        if x > 0.0: return x", "try",
        "this `finally` is left before its end on some paths",
        "`return`, `break`, or an error that is caught, inside of it replaces what the block was "
        "left for", "leave after the `try`",
    ),
    "import_that_fails": (
        "import no_such_module", "import no_such_module",
        "this import fails: No module named 'no_such_module'", "Python raises the same here",
        "install the module, or correct its name",
    ),
    "yield": ("yield x", "yield x", *GENERATOR),
    "yield_from": ("y = yield from x", "yield from x", *GENERATOR),
}


def load(tmp_path, monkeypatch, name, text):
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return __import__(name)


@pytest.mark.parametrize("name", REFUSED)
def test_unsupported_construct(name, tmp_path, monkeypatch):
    code, marked, what, reason, advice = REFUSED[name]
    modules = "import contextlib, warnings\nimport numpy as np\n"
    text = f"def f(x):\n    {code}\n    return x * x\n\n{modules}"
    monkeypatch.chdir(tmp_path)
    f = load(tmp_path, monkeypatch, f"refused_{name}", text).f
    error = caught(errors.UnsupportedSyntaxError, SyntaxError, lambda: srcad.grad(f)(1.0))
    first = "    " + code.split("\n")[0]
    column = first.index(marked) + 1
    assert str(error) == (
        f'{what}\n  File "refused_{name}.py", line 2, column {column}, in f\n'
        f"    2 | {first}\n      | {' ' * (column - 1)}{'^' * len(marked)}\n"
        f"Reason: {reason}\nInstead: {advice}"
    )


@pytest.mark.parametrize("body", ["return x", "await x"])
def test_coroutines(body, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = f"coroutine_{body[:5]}"
    f = load(tmp_path, monkeypatch, name, f"async def f(x):\n    {body}\n").f
    error = caught(errors.UnsupportedSyntaxError, SyntaxError, lambda: srcad.grad(f)(1.0))
    assert str(error) == (
        "an `async` function cannot be differentiated\n"
        f'  File "{name}.py", line 1, column 1, in f\n'
        "    1 | async def f(x):\n      | ^^^^^\n"
        "Reason: calling it returns a coroutine, which gives its value only to an event loop.\n"
        "Instead: move the numeric part into a plain function and differentiate that."
    )


def square_by_text(x):
    return eval("x * x")


def local_by_name(x):
    return locals()["x"] * x


def read_from_its_text(x):
    return np.fromstring(str(x), sep=" ")[0]


def spectrum(x):
    return np.sum(np.abs(np.fft.fft(x)))


def with_too_many(x):
    return square(x, x)


@pytest.mark.parametrize(
    "f, code, marked",
    [
        (square_by_text, '    return eval("x * x")', 'eval("x * x")'),
        (local_by_name, '    return locals()["x"] * x', "locals()"),
    ],
)
def test_variables_read_by_their_names(f, code, marked):
    error = caught(errors.UnsupportedSyntaxError, SyntaxError, lambda: srcad.grad(f)(2.0))
    assert str(error) == (
        f"`{marked.partition('(')[0]}` cannot be differentiated here\n"
        + place(f, 1, code, marked)
        + "Reason: it reads the variables of the function by their names, which a derivative "
        "need not have\nInstead: write the expression itself"
    )


@pytest.mark.parametrize("call", [
    lambda f: srcad.grad(f)(2.0), lambda f: srcad.jvp(f, (2.0,), (1.0,)),
])  # fmt: skip
def test_number_read_from_a_text(call):
    f, code = read_from_its_text, '    return np.fromstring(str(x), sep=" ")[0]'
    error = caught(errors.MissingRuleError, NotImplementedError, lambda: call(f))
    assert str(error).startswith(
        "`np.fromstring` has no derivative rule\n"
        + place(f, 1, code, 'np.fromstring(str(x), sep=" ")')
        + "Reason: it has neither a rule nor Python source to look into, and is given a text "
        "made of a value that is differentiated\n"
    )


def test_missing_rule_where_no_types_are_given():
    error = caught(errors.MissingRuleError, NotImplementedError, lambda: srcad.source(spectrum))
    assert str(error).startswith("`np.fft.fft` has no derivative rule\n")
    assert error.reason.endswith("and is given a value of type any")


def test_call_that_does_not_fit():
    f = with_too_many
    error = caught(errors.UnsupportedSyntaxError, SyntaxError, lambda: srcad.grad(f)(2.0))
    assert str(error) == (
        "this call does not fit its function: too many positional arguments\n"
        + place(f, 1, "    return square(x, x)", "square(x, x)")
        + "Reason: Python raises TypeError here\nInstead: correct the arguments"
    )


def store_to_an_attribute(x):
    x.name = 2.0
    return x


def test_stores():
    f = store_to_an_attribute
    error = caught(
        errors.UnsupportedSyntaxError, SyntaxError, lambda: srcad.grad(f)(np.ones(2))
    )
    assert str(error) == (
        "a store into the attribute `name` cannot be differentiated yet\n"
        + place(f, 1, "    x.name = 2.0", "x.name")
        + "Reason: its owner is the object `x`\n"
        "Instead: keep the value in a variable, and return it"
    )


def test_seed_of_wrong_shape():
    _, pull = srcad.vjp(square, np.ones(3))
    error = caught(errors.SeedError, ValueError, lambda: pull(np.ones(2)))
    assert isinstance(error, TypeError)
    assert str(error) == (
        "the cotangent has shape (2,), but its value has shape (3,)\n"
        "Reason: a seed is never broadcast\n"
        "Instead: pass a seed of shape (3,)"
    )


@pytest.mark.parametrize("transform", [srcad.jvp, srcad.hvp])
def test_seed_of_wrong_structure(transform):
    error = caught(errors.SeedError, ValueError, lambda: transform(square, (1.0,), ()))
    assert str(error) == (
        "1 primals, but 0 tangents\n"
        "Reason: each argument needs a direction\n"
        "Instead: pass one tangent for each primal, or None"
    )
    error = caught(errors.SeedError, TypeError, lambda: transform(square, 1.0, 1.0))
    assert str(error) == (
        "the primals are a tuple with one entry per argument, not a value of type float\n"
        "Reason: a function may have several arguments\n"
        "Instead: pass (x,) for a single one"
    )


def test_bad_type_string():
    error = caught(
        errors.TypeStringError, ValueError, lambda: srcad.source(square, types="x: f65[*]")
    )
    assert str(error) == (
        "the type string 'x: f65[*]' cannot be read\n"
        "Reason: unknown type 'f65' at column 4\n"
        "Instead: write one of: float, int, bool, complex, str, f64[*,1,?], list[float], "
        "(float, f64[*]), {'w': f64[*]}"
    )
