"""What errors say: the full text of each class, and that they behave as ordinary exceptions."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from srcad import errors
from srcad.errors import (
    AliasingError,
    BackendError,
    InternalError,
    Loc,
    MissingRuleError,
    SeedError,
    SignatureError,
    SourceNotFoundError,
    SrcadError,
    TypeInferenceError,
    TypeStringError,
    UnsupportedSyntaxError,
)

PLACE = Loc("model.py", 14, 5, 14, 8, "    try:", "step")
CALL = Loc("lib/model.py", 31, 12, 31, 19, "    return step(x)", "loss")
OUTER = Loc("main.py", 3, 1, 3, 8, "loss(2)")

CLASSES = {
    UnsupportedSyntaxError: SyntaxError,
    SourceNotFoundError: OSError,
    MissingRuleError: NotImplementedError,
    AliasingError: ValueError,
    TypeInferenceError: TypeError,
    SignatureError: TypeError,
    SeedError: ValueError,
    TypeStringError: ValueError,
    BackendError: RuntimeError,
    InternalError: RuntimeError,
}

TEXT = """\
this `try` cannot be differentiated
  File "model.py", line 14, column 5, in step
    14 |     try:
       |     ^^^
  called from model.py:31 in loss
  called from main.py:3
Reason: which branch ran is not recorded.
Instead: move it out of the function."""


def full(cls: type[SrcadError]) -> SrcadError:
    return cls(
        "this `try` cannot be differentiated",
        reason="which branch ran is not recorded.",
        advice="move it out of the function.",
        loc=PLACE,
        chain=(CALL, OUTER),
    )


def test_every_class_is_listed() -> None:
    defined = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, SrcadError)
    }
    assert defined == {SrcadError, *CLASSES}


@pytest.mark.parametrize("cls", CLASSES)
def test_full_text(cls: type[SrcadError]) -> None:
    expected = TEXT
    if cls is InternalError:
        expected = expected.replace("Instead:", "Please report:")
    assert str(full(cls)) == expected
    assert full(cls).report() == f"{cls.__name__}: {expected}"


@pytest.mark.parametrize("cls", CLASSES)
def test_traceback_shows_the_text_once(cls: type[SrcadError]) -> None:
    """The traceback module has a format of its own for SyntaxError."""
    lines = "".join(traceback.format_exception_only(cls, full(cls)))
    assert lines == f"srcad.errors.{cls.__name__}: {full(cls)}\n"


def test_uncaught_error_ends_the_program_with_the_text() -> None:
    program = (
        "from srcad.errors import Loc, UnsupportedSyntaxError\n"
        "raise UnsupportedSyntaxError('no', advice='yes', loc=Loc('m.py', 1, 2, 1, 3, ' x', 'f'))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stderr.endswith("""
srcad.errors.UnsupportedSyntaxError: no
  File "m.py", line 1, column 2, in f
    1 |  x
      |  ^
Instead: yes
""")


@pytest.mark.parametrize(("cls", "ordinary"), CLASSES.items())
def test_caught_by_the_ordinary_class(cls: type[SrcadError], ordinary: type[Exception]) -> None:
    with pytest.raises(ordinary):
        raise full(cls)
    with pytest.raises(SrcadError):
        raise full(cls)


def test_seed_error_is_a_signature_error() -> None:
    with pytest.raises(SignatureError):
        raise full(SeedError)
    with pytest.raises(TypeError):
        raise full(SeedError)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("duplicate", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy])
def test_round_trip(cls: type[SrcadError], duplicate) -> None:
    error = full(cls)
    error.remark = "an attribute that somebody has added"
    again = duplicate(error)
    assert type(again) is cls
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__
    assert (again.loc.text, again.loc.function) == ("    try:", "step")
    assert again.args == error.args


def test_fields() -> None:
    error = full(BackendError)
    assert error.what == "this `try` cannot be differentiated"
    assert error.reason == "which branch ran is not recorded."
    assert error.advice == "move it out of the function."
    assert error.loc is PLACE
    assert error.function == "step"
    assert error.chain == (CALL, OUTER)


def test_missing_parts_are_left_out() -> None:
    assert str(SrcadError("what")) == "what"
    assert str(SrcadError("what", reason="why")) == "what\nReason: why"
    assert str(SrcadError("what", advice="do")) == "what\nInstead: do"
    assert str(SrcadError("what", function="f")) == "what\n  In f"
    assert str(SrcadError("what", loc=Loc("m.py", 1, 2, 1, 3))) == (
        'what\n  File "m.py", line 1, column 2'
    )
    assert str(SrcadError("what", loc=Loc("m.py", 1, 2, 1, 3, function="f"), function="g")) == (
        'what\n  File "m.py", line 1, column 2, in g'
    )
    assert str(InternalError("what")) == (
        "what\nPlease report: this is a bug in srcad; include this whole message and the function."
    )


def test_internal_error_shows_the_ir() -> None:
    error = InternalError("a pass broke", reason="two definitions.", ir="f(%x) {\n  return %x\n}\n")
    assert str(error) == """\
a pass broke
Reason: two definitions.
Please report: this is a bug in srcad; include this whole message and the function.
IR:
f(%x) {
  return %x
}"""
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert error.with_caller(CALL).ir == error.ir


def test_with_caller() -> None:
    cause = KeyError("k")
    inner = MissingRuleError("no rule", loc=PLACE)
    try:
        raise inner from cause
    except MissingRuleError as caught:
        outer = caught.with_caller(CALL).with_caller(OUTER)
    assert inner.chain == ()
    assert outer.chain == (CALL, OUTER)
    assert outer.__cause__ is cause
    assert outer.__traceback__ is inner.__traceback__
    assert type(outer) is MissingRuleError
    assert str(outer).splitlines()[-2:] == [
        "  called from model.py:31 in loss",
        "  called from main.py:3",
    ]


def excerpt(loc: Loc) -> list[str]:
    return str(SrcadError("what", loc=loc)).splitlines()[2:]


@pytest.mark.parametrize(
    ("loc", "lines"),
    [
        pytest.param(
            Loc("m.py", 7, 5, 7, 9, "y = sin(x)"),
            ["    7 | y = sin(x)", "      |     ^^^^"],
            id="part of a line",
        ),
        pytest.param(
            Loc("m.py", 1234, 5, 1236, 2, "y = sin(  "),
            ["    1234 | y = sin(", "         |     ^^^^"],
            id="several lines",
        ),
        pytest.param(
            Loc("m.py", 7, 3, 7, 4, "\t\tx\t= 1"),
            ["    7 |                 x       = 1", "      |                 ^"],
            id="tabs before",
        ),
        pytest.param(
            Loc("m.py", 7, 1, 7, 4, "a\tb = 1"),
            ["    7 | a       b = 1", "      | ^^^^^^^^^"],
            id="tab inside",
        ),
        pytest.param(
            Loc("m.py", 7, 6, 7, 8, "'é漢' + b"),
            ["    7 | 'é漢' + b", "      |       ^^"],
            id="wide characters",
        ),
        pytest.param(
            Loc("m.py", 7, 4, 7, 5, "e\u0301 + b"),
            ["    7 | e\u0301 + b", "      |   ^"],
            id="combining characters",
        ),
        pytest.param(
            Loc("m.py", 7, 2, 7, 3, "\fx"), ["    7 |  x", "      |  ^"], id="form feed"
        ),
        pytest.param(
            Loc("m.py", 7, 3, 7, 3, "x = 1"),
            ["    7 | x = 1", "      |   ^"],
            id="nothing marked",
        ),
        pytest.param(Loc("m.py", 7, 1, 7, 1, "  "), [], id="blank line"),
    ],
)
def test_excerpt(loc: Loc, lines: list[str]) -> None:
    assert excerpt(loc) == lines


def test_shown_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(path: str) -> str:
        line = str(SrcadError("what", loc=Loc(path, 1, 1, 1, 1))).splitlines()[1]
        return line.split('"')[1]

    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    assert shown(str(work / "lib" / "model.py")) == os.path.join("lib", "model.py")
    assert shown(os.path.abspath(os.sep + "m.py")) == os.path.abspath(os.sep + "m.py")
    assert shown(os.path.join("other", "model.py")) == os.path.join("other", "model.py")
    assert shown("<stdin>") == "<stdin>"


def test_loc() -> None:
    loc = Loc(os.path.join("a", "model.py"), 14, 5, 14, 8, "    try:", "step")
    assert loc.short() == "model.py:14"
    assert loc == Loc(os.path.join("a", "model.py"), 14, 5, 14, 8)
    assert hash(loc) == hash(Loc(os.path.join("a", "model.py"), 14, 5, 14, 8))
    assert loc != Loc(os.path.join("a", "model.py"), 14, 5, 14, 9)
