"""Types from type strings, annotations and defaults."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from srcad.annotations import (
    as_type,
    parse_type,
    parse_types,
    signature_from_annotations,
    signature_from_types,
    type_of_annotation,
)
from srcad.api import source
from srcad.errors import SignatureError, TypeInferenceError, TypeStringError
from srcad.ir.abstract import (
    ANY,
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    MANY,
    NONE,
    OBJECT,
    ONE,
    STR,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    TupleOf,
    Type,
    item,
    type_of_value,
)
from srcad.requests import Signature

F64 = "float64"


# ---------------------------------------------------------------------- type strings
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("float", FLOAT),
        ("int", INT),
        ("bool", BOOL),
        ("complex", COMPLEX),
        ("str", STR),
        ("None", NONE),
        ("any", UNKNOWN),
        ("f64[*,1,?]", Array(F64, (MANY, ONE, ANY))),
        ("f64[3,0,1,01]", Array(F64, (MANY, MANY, ONE, ONE))),
        ("f64[*,]", Array(F64, (MANY,))),
        ("f64[]", Array(F64, ())),
        ("f64[...]", Array(F64, None)),
        ("?[*]", Array(None, (MANY,))),
        ("?[...]", Array(None, None)),
        ("f64", item(F64)),
        ("f32[*]", Array("float32", (MANY,))),
        ("f16", item("float16")),
        ("c64[1]", Array("complex64", (ONE,))),
        ("i8[?]", Array("int8", (ANY,))),
        ("u16", item("uint16")),
        ("b1[*]", Array("bool", (MANY,))),
        ("float32[*]", Array("float32", (MANY,))),
        ("uint64", item("uint64")),
        ("bool[*]", Array("bool", (MANY,))),
        ("float[*]", Array(F64, (MANY,))),
        ("int[*]", Array("int64", (MANY,))),
        ("complex[*]", Array("complex128", (MANY,))),
        ("list[float]", ListOf(FLOAT)),
        ("list[list[f64[*]]]", ListOf(ListOf(Array(F64, (MANY,))))),
        ("()", TupleOf(())),
        ("(float,)", TupleOf((FLOAT,))),
        ("(float)", FLOAT),
        ("(float, f64[*])", TupleOf((FLOAT, Array(F64, (MANY,))))),
        ("((int, int), str,)", TupleOf((TupleOf((INT, INT)), STR))),
        ("{}", DictOf(())),
        ("{'w': f64[*], \"b\": float, 0: int,}",
         DictOf((("w", Array(F64, (MANY,))), ("b", FLOAT), (0, INT)))),
        ("{'a b': {'c,': list[(int, {})]}}",
         DictOf((("a b", DictOf((("c,", ListOf(TupleOf((INT, DictOf(()))))),))),))),
        (" f64 [ * , 1 ] ", Array(F64, (MANY, ONE))),
    ],
)  # fmt: skip
def test_type_string(text: str, expected: Type) -> None:
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        1.0, 1, True, 1j, None, np.float32(1), np.int64(1), np.zeros(()), np.zeros((1, 0, 2)),
        np.zeros(3, "f4"), np.zeros(3, ">f8"), np.zeros(3, bool), np.zeros(3, np.longdouble),
        np.zeros(2, np.clongdouble), np.zeros(2, np.uint8), [1.0, 2], [np.zeros(2)], (1.0,), (),
        (1, (2.0, np.zeros((1, 1)))), {"w": np.zeros(2), "a": {0: 1}},
    ],
    ids=repr,
)  # fmt: skip
def test_what_a_signature_shows_can_be_read_again(value: object) -> None:
    t = type_of_value(value)
    assert parse_type(str(t)) == t


def test_full_message() -> None:
    with pytest.raises(TypeStringError) as caught:
        parse_type("f64[*,x]")
    assert str(caught.value) == (
        "the type string 'f64[*,x]' cannot be read\n"
        "Reason: a dimension is *, 1, ? or a number, not 'x' at column 7\n"
        "Instead: write one of: float, int, bool, complex, str, f64[*,1,?], list[float], "
        "(float, f64[*]), {'w': f64[*]}"
    )
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the text ends at column 1"),
        ("foo", "unknown type 'foo' at column 1"),
        ("?", "unknown type '?' at column 1"),
        ("list[f65]", "unknown type 'f65' at column 6"),
        ("object", "unknown type 'object' at column 1"),
        ("5", "unknown type '5' at column 1"),
        ("'w'", "unknown type \"'w'\" at column 1"),
        ("f64[", "the text ends at column 5"),
        ("f64[*", "',' or ']' expected, but the text ends at column 6"),
        ("f64[* *]", "',' or ']' expected, '*' found at column 7"),
        ("f64[,]", "a dimension is *, 1, ? or a number, not ',' at column 5"),
        ("f64[...,*]", "']' expected, ',' found at column 8"),
        ("f64[-1]", "unexpected '-' at column 5"),
        ("f64]", "unexpected ']' at column 4"),
        ("float float", "unexpected 'float' at column 7"),
        ("str[*]", "unexpected '[' at column 4"),
        ("list", "'[' expected, but the text ends at column 5"),
        ("list[float, int]", "']' expected, ',' found at column 11"),
        ("(float", "',' or ')' expected, but the text ends at column 7"),
        ("(,)", "unknown type ',' at column 2"),
        ("{'w'}", "':' expected, '}' found at column 5"),
        ("{w: int}", "a key is a string or a number, not 'w' at column 2"),
        ("{'w': int, 'w': int}", "the key 'w' is given twice at column 12"),
        ("{'\\n': int}", "unexpected \"'\" at column 2"),
        ("f64[*];", "unexpected ';' at column 7"),
        ("é", "unknown type 'é' at column 1"),
    ],
)
def test_bad_type_string(text: str, reason: str) -> None:
    with pytest.raises(TypeStringError) as caught:
        parse_type(text)
    assert caught.value.reason == reason


def test_types_by_parameter() -> None:
    assert parse_types("") == {}
    assert parse_types("x: f64[*,1], n: int,") == {"x": Array(F64, (MANY, ONE)), "n": INT}
    assert parse_types("ä:float\n,p:{'x': (int, int)}") == {
        "ä": FLOAT,
        "p": DictOf((("x", TupleOf((INT, INT))),)),
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "':' expected, but the text ends at column 2"),
        ("x:", "the text ends at column 3"),
        ("x float", "':' expected, 'float' found at column 3"),
        ("x: float y: int", "',' expected, 'y' found at column 10"),
        ("x: float,,y: int", "a parameter's name expected, ',' found at column 10"),
        ("1: int", "a parameter's name expected, '1' found at column 1"),
        ("x: int, x: int", "the type of 'x' is given twice at column 9"),
    ],
)
def test_bad_types_by_parameter(text: str, reason: str) -> None:
    with pytest.raises(TypeStringError) as caught:
        parse_types(text)
    assert caught.value.reason == reason


# ---------------------------------------------------------------------- other ways to say a type
class Model:
    pass


MODEL = Model()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("f32", item("float32")),
        (FLOAT, FLOAT),
        (float, FLOAT),
        (bool, BOOL),
        (np.float32, item("float32")),
        (np.bool_, item("bool")),
        ({"w": "f64[*]", "k": int}, DictOf((("w", Array(F64, (MANY,))), ("k", INT)))),
        ((float, "f64[1]"), TupleOf((FLOAT, Array(F64, (ONE,))))),
        ([float], ListOf(FLOAT)),
        ([int, float], ListOf(FLOAT)),
        (np.zeros((2, 1)), Array(F64, (MANY, ONE))),
        (2.5, FLOAT),
        (MODEL, OBJECT),
        (Model, OBJECT),
    ],
    ids=lambda v: type(v).__name__ if v is MODEL else repr(v),
)
def test_as_type(given: Any, expected: Type) -> None:
    assert as_type(given) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (float, FLOAT),
        ("float", FLOAT),
        ("'f64[*]'", Array(F64, (MANY,))),
        ("f64[*, 1]", Array(F64, (MANY, ONE))),
        (np.float32, item("float32")),
        ("np.float32", item("float32")),
        ("float32", item("float32")),
        (list[float], ListOf(FLOAT)),
        (typing.List[int], ListOf(INT)),  # noqa: UP006
        ("typing.List[int]", ListOf(INT)),
        ("list[np.float64]", ListOf(item(F64))),
        (tuple[float, int], TupleOf((FLOAT, INT))),
        ("tuple[float, 'f64[*]']", TupleOf((FLOAT, Array(F64, (MANY,))))),
        (tuple[()], TupleOf(())),
        (npt.NDArray[np.float64], Array(F64, None)),
        ("npt.NDArray[np.float32]", Array("float32", None)),
        ("NDArray[float64]", Array(F64, None)),
        ("NDArray[float]", Array(F64, None)),
        (tuple[float, ...], None),
        ("tuple[float, ...]", None),
        (typing.Optional[float], None),  # noqa: UP045
        ("float | None", None),
        (np.ndarray, None),
        ("np.ndarray", None),
        (npt.NDArray[Any], None),
        ("NDArray[Any]", None),
        (typing.Any, None),
        ("other.float64", None),
        ("numpy.random", None),
        (dict[str, float], None),
        (Model, None),
        (Callable[[float], float], None),
        ("this is not", None),
        ("np.float64[", None),
        ("", None),
        (3, None),
    ],
    ids=repr,
)
def test_annotation(annotation: Any, expected: Type | None) -> None:
    assert type_of_annotation(annotation) == expected


class float_:  # noqa: N801
    __qualname__ = __name__ = "float"


def test_a_class_that_is_called_float_is_not_float() -> None:
    assert type_of_annotation(float_) is None
    assert as_type(float_) == OBJECT


# ---------------------------------------------------------------------- signatures
def function_of(text: str) -> types.FunctionType:
    namespace: dict[str, Any] = {"np": np, "npt": npt, "Model": Model, "MODEL": MODEL}
    exec(text, namespace)
    function: types.FunctionType = namespace["f"]
    return function


def test_annotations_and_defaults() -> None:
    f = function_of(
        "def f(a, /, b: float, c: 'f64[*]', d: npt.NDArray[np.float32], e: int = 3, g=2.5,\n"
        "      *args, h=np.zeros(3), i=None, j: float = None, k='sum', l: str = 'x',\n"
        "      m=np.tanh, n: 'unknown' = 1, o=MODEL, p=True, q=(1.0, 2), **kwargs): pass\n"
    )
    signature = signature_from_annotations(f)
    assert signature.types == {
        "a": UNKNOWN,
        "b": FLOAT,
        "c": Array(F64, (MANY,)),
        "d": Array("float32", None),
        "e": INT,
        "g": FLOAT,
        "h": Array(F64, (MANY,)),
        "n": INT,
        "p": BOOL,
        "q": TupleOf((FLOAT, INT)),
    }
    assert signature.statics == {
        "i": None, "j": None, "k": "sum", "l": "x", "m": np.tanh, "o": MODEL
    }  # fmt: skip
    assert set(signature.examples) == {"e", "g", "h", "n", "p", "q"}
    assert signature.examples["e"] == 3


def test_annotations_as_strings() -> None:
    f = function_of(
        "from __future__ import annotations\n"
        "def f(a: float, b: 'f64[1]', c: np.float32, d: npt.NDArray[np.float64], e: Nowhere.x,\n"
        "      f: list[float], g: float | None): pass\n"
    )
    assert signature_from_annotations(f).types == {
        "a": FLOAT,
        "b": Array(F64, (ONE,)),
        "c": item("float32"),
        "d": Array(F64, None),
        "e": UNKNOWN,
        "f": ListOf(FLOAT),
        "g": UNKNOWN,
    }


def test_given_types_come_first() -> None:
    f = function_of("def f(x: float, n: int = 3, mode='a', y=None, z=None, *rest): pass")
    given = "x: f64[*], mode: str, y: float, rest: (float, int)"
    signature = signature_from_types(f, given)
    assert signature == Signature(
        {"x": Array(F64, (MANY,)), "n": INT, "mode": STR, "y": FLOAT,
         "rest": TupleOf((FLOAT, INT))},
        {"z": None},
        {"n": 3},
    )  # fmt: skip
    assert signature_from_types(f, {"x": np.ones(2), "y": float, "mode": "str",
                                    "rest": (float, "int")}) == signature  # fmt: skip
    assert signature_from_types(f, None) == signature_from_annotations(f)


def test_given_none_and_given_example() -> None:
    f = function_of("def f(self, x: float, y=1.0): pass")
    signature = signature_from_types(f, {"self": MODEL, "y": "None"})
    assert signature.types == {"self": OBJECT, "x": FLOAT, "y": NONE}
    assert signature.statics == {"y": None}
    assert signature.examples == {"self": MODEL}


def chosen(x: float, which: int = 1, weight=2.0):
    powers = (x, x * x, x * x * x)
    return powers[which] * weight


def test_a_default_is_the_value_where_one_must_be_known() -> None:
    text = source(chosen)
    assert "def chosen_grad(x, which=1, weight=2.0):" in text
    assert text == source(chosen, types={"weight": float})
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    assert namespace["chosen_grad"](3.0) == 12.0
    with pytest.raises(TypeInferenceError, match="the value of `which` must be known"):
        source(chosen, types="which: int")


def test_type_of_no_parameter() -> None:
    with pytest.raises(SignatureError) as caught:
        signature_from_types(function_of("def f(x, y): pass"), "z: float")
    assert str(caught.value) == (
        "`f` has no argument 'z'\n"
        "Reason: its arguments are x, y\n"
        "Instead: correct the name in types"
    )
    with pytest.raises(SignatureError, match="its arguments are none"):
        signature_from_types(function_of("def f(): pass"), {"z": float})
