"""What the samples of the rule table cannot say of the rules of shapes, products and linear
algebra: of which NumPy calls a cotangent is made, lists of unknown length, conventions, refusals.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rule_engine import Program, application, check_type, reverse, run
from rule_rows import Row, sample

from srcad import runtime
from srcad.errors import MissingRuleError, TypeInferenceError
from srcad.ir import ops as O
from srcad.ir.abstract import ANY, MANY, UNKNOWN, Array, ListOf, Type, type_of_value
from srcad.ir.build import Builder
from srcad.ir.text import function_name
from srcad.ir.values import Value
from srcad.rules.methods import METHOD_ADAPTERS
from srcad.rules.registry import ARRAY, lookup
from srcad.rules.symbols import Sym, apply


def adjoint(fn: Any, *args: Any, **kwargs: Any) -> tuple[Program, list[Any], Any]:
    """The reverse sweep of a typed application, the values of its inputs, and the result."""
    program, values, active = application(Row(fn, args, kwargs), True)
    y = run(program, values)
    return reverse(program, active, y, True), values, y


def gradient(fn: Any, *args: Any, seed: Any = None, **kwargs: Any) -> list[Any]:
    """Cotangents of all floats among the arguments; by default for a seed of ones."""
    program, values, y = adjoint(fn, *args, **kwargs)
    return run(program, [*values, np.ones_like(y)[()] if seed is None else seed])


def calls(program: Program, output: int) -> list[str]:
    """The functions that one of the outputs of a program needs, in order."""
    needed = {program.output[output]}
    names = []
    for op in reversed(program.ops):
        if op.results[0] in needed:
            needed.update(o for o in op.operands if isinstance(o, Value))
            names.append(function_name(op.attrs["fn"]) if op.kind is O.APPLY else str(op.kind))
    return names[::-1]


MATMUL = "operator.matmul"
PLANS = [
    (np.matmul, ((2, 3), (3,)), ["np.einsum"], ["np.transpose", MATMUL]),
    (np.matmul, ((3,), (3, 2)), [MATMUL], ["np.einsum"]),
    (np.matmul, ((2, 3), (3, 4)), ["np.transpose", MATMUL], ["np.transpose", MATMUL]),
    (np.matmul, ((3,), (3,)), ["operator.mul"], ["operator.mul"]),
    (np.matmul, ((5, 2, 3), (3, 4)), ["np.transpose", MATMUL], ["np.tensordot"]),
    (np.dot, ((2, 3), (3, 4)), ["np.transpose", MATMUL], ["np.transpose", MATMUL]),
    (np.inner, ((2, 3), (4, 3)), [MATMUL], ["np.transpose", MATMUL]),
    (np.outer, ((3,), (2,)), [MATMUL], ["np.transpose", MATMUL]),
    ("ij,jk->ik", ((2, 3), (3, 4)), ["np.transpose", MATMUL], ["np.transpose", MATMUL]),
    ("ij,j->i", ((2, 3), (3,)), ["np.einsum"], ["np.transpose", MATMUL]),
    ("i,j->ij", ((2,), (3,)), [MATMUL], ["np.transpose", MATMUL]),
    ("ij,ij->", ((2, 3), (2, 3)), ["operator.mul"], ["operator.mul"]),
    ("ijk,kl->ijl", ((2, 3, 4), (4, 2)), ["np.tensordot"], ["np.tensordot"]),
]


@pytest.mark.parametrize(("product", "shapes", "first", "second"), PLANS)
def test_cotangents_of_products_are_products(
    product: Any, shapes: Any, first: list[str], second: list[str]
) -> None:
    arrays = [sample(*s, seed=i) for i, s in enumerate(shapes)]
    args = (np.einsum, product, *arrays) if isinstance(product, str) else (product, *arrays)
    program, _, _ = adjoint(*args)
    assert [calls(program, 0), calls(program, 1)] == [first, second]


@pytest.mark.parametrize(
    ("fn", "args", "expected"),
    [
        (np.transpose, (sample(2, 3),), ["np.transpose"]),
        (np.expand_dims, (sample(3), 0), ["np.squeeze"]),
        (np.squeeze, (sample(1, 3), 0), ["np.expand_dims"]),
        (np.roll, (sample(3), 1), ["np.roll"]),
        (np.stack, ([sample(3), sample(3)],), ["getitem"]),
        (np.tril, (sample(3, 3),), ["np.tril"]),
        (np.broadcast_to, (sample(3), (2, 3)), ["np.sum"]),
        (np.pad, (sample(2, 3), 1), ["getitem"]),
    ],
)
def test_cotangents_of_moves_do_not_read_the_argument(
    fn: Any, args: tuple[Any, ...], expected: list[str]
) -> None:
    keywords = {"axis": args[1]} if fn in (np.expand_dims, np.squeeze) else {}
    program, _, _ = adjoint(fn, *(args[:1] if keywords else args), **keywords)
    assert calls(program, 0) == expected


class TestEinsum:
    @pytest.mark.parametrize("args", [("ij,jk->ik",), ("ijk->i",), ("i,i->",), ("i->j",)])
    def test_subscripts_that_do_not_fit_are_left_to_numpy(self, args: tuple[str]) -> None:
        builder = Builder()
        x = Value(Array("float64", (MANY, MANY)), "x")
        apply(builder, np.einsum, [args[0], x])

    def test_lists_of_axes_are_refused(self) -> None:
        with pytest.raises(MissingRuleError, match="lists of axes"):
            application(Row(np.einsum, (sample(2, 3), [0, 1], sample(3), [1])), True)


LIST = ListOf(Array("float64", (MANY, MANY)))


@pytest.mark.parametrize("t", [LIST, ListOf(UNKNOWN), UNKNOWN], ids=str)
@pytest.mark.parametrize(
    ("fn", "kwargs"),
    [
        (np.concatenate, {}), (np.concatenate, {"axis": 1}), (np.concatenate, {"axis": None}),
        (np.stack, {}), (np.stack, {"axis": -1}), (np.vstack, {}), (np.hstack, {}),
        (np.dstack, {}), (np.column_stack, {}),
    ],
)  # fmt: skip
def test_lists_of_unknown_length(fn: Any, kwargs: dict[str, Any], t: Type) -> None:
    arrays = [sample(2, 3, seed=i) for i in range(3)]
    g = fn(arrays, **kwargs)  # each element finds its way back
    builder = Builder()
    xs = Value(t, "xs")
    y = apply(builder, fn, [xs], kwargs)
    rule = lookup(fn)
    assert rule is not None
    seed = Value(Array("float64", None), "g")
    bar = rule.bodies[0](Sym(builder, seed), Sym(builder, xs), **kwargs)
    assert isinstance(y, Value)
    found = run(Program([xs, seed], builder.block, bar.operand), [arrays, g])
    for piece, array in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(piece, array)


def test_pieces_keep_the_dtypes_of_their_arrays() -> None:
    pieces = runtime.cut_like(np.arange(5.0), [sample(2, dtype="f4"), 1, sample(2)])
    assert [p.dtype for p in pieces] == [np.float32, np.float64, np.float64]


def test_empty_arrays_are_cut_and_pasted() -> None:
    arrays = [np.zeros((0, 2)), np.zeros((0, 3))]
    g = np.concatenate(arrays, axis=1)
    assert [p.shape for p in runtime.cut_like(g, arrays, 1)] == [(0, 2), (0, 3)]
    assert runtime.paste_like(arrays, g, 1).shape == (0, 5)


class TestConventions:
    def test_an_infinite_cotangent_stays_on_its_side_of_where(self) -> None:
        choice, seed = np.array([True, False]), np.full(2, np.inf)
        bars = gradient(np.where, choice, sample(2), sample(2), seed=seed)
        np.testing.assert_array_equal(bars, [[np.inf, 0.0], [0.0, np.inf]])

    @pytest.mark.parametrize("order", [None, 1, 3])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_the_norm_of_zero_is_flat(self, order: Any, dtype: Any) -> None:
        keywords = {} if order is None else {"axis": 0, "ord": order}
        (bar,) = gradient(np.linalg.norm, np.zeros(3, dtype), **keywords)
        np.testing.assert_array_equal(bar, np.zeros(3, dtype))

    def test_ties_of_the_largest_element_share(self) -> None:
        (bar,) = gradient(np.linalg.norm, np.array([2.0, -2.0, 1.0]), ord=np.inf, axis=0)
        np.testing.assert_array_equal(bar, [0.5, -0.5, 0.0])

    @pytest.mark.parametrize(
        ("fn", "keyword"), [(np.linalg.cholesky, "upper"), (np.linalg.eigvalsh, "UPLO")]
    )
    def test_only_the_triangle_that_numpy_reads(self, fn: Any, keyword: str) -> None:
        a = sample(3, 3) + 3 * np.eye(3)
        a = a @ a.T
        for option, unread in ((False, np.triu), (True, np.tril)):
            value = option if keyword == "upper" else "U" if option else "L"
            (bar,) = gradient(fn, a, **{keyword: value})
            assert np.all(unread(bar, -1 if option else 1) == 0)
            assert np.any(bar != 0)

    def test_singular_values_of_full_factors(self) -> None:
        a = sample(2, 3)
        program, values, active = application(Row(np.linalg.svd, (a,)), True)
        u, s, v = run(program, values)
        found = run(reverse(program, active, [None, s, None], True), [*values, s])
        np.testing.assert_allclose(found[0], a)  # of sum(s**2) / 2, which is sum(a**2) / 2

    def test_repeated_indices_add_up(self) -> None:
        bars = gradient(np.take, sample(3), np.array([0, 0, -3]))
        np.testing.assert_array_equal(bars, [[3.0, 0.0, 0.0]])

    def test_vectors_of_two_components(self) -> None:
        g = np.array([1.0, 2.0])
        a, b = sample(2, 2), sample(2, 2, seed=1)
        bar = runtime.cross_vjp(g, b, a, 0)
        np.testing.assert_allclose(bar, g[:, None] * np.stack([b[:, 1], -b[:, 0]], axis=1))
        bar = runtime.cross_vjp(g, a, b, 1)
        np.testing.assert_allclose(bar, g[:, None] * np.stack([-a[:, 1], a[:, 0]], axis=1))

    def test_the_shapes_of_a_dot_product_may_differ(self) -> None:
        a, b = sample(2, 3), sample(3, 2)
        bars = gradient(np.vdot, a, b)
        np.testing.assert_array_equal(bars[0], b.reshape(2, 3))
        np.testing.assert_array_equal(bars[1], a.reshape(3, 2))


class TestRefusals:
    """What has no rule is named, with the reason (C13)."""

    @pytest.mark.parametrize(
        ("fn", "args", "kwargs", "match"),
        [
            (np.reshape, (sample(2, 3), 6), {"order": "A"}, "order='A'"),
            (np.ravel, (sample(2, 3),), {"order": "K"}, "order='K'"),
            (np.pad, (sample(3), 1), {"mode": "mean"}, "mode='mean'"),
            (np.pad, (sample(3), 1), {"mode": "reflect", "reflect_type": "odd"}, "reflect"),
            (np.linalg.svd, (sample(2, 3),), {}, "full_matrices=True"),
            (np.choose, (np.array([1, 0]), sample(2, 2)), {}, "np.choose"),
        ],
    )  # fmt: skip
    def test_derivative(
        self, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any], match: str
    ) -> None:
        check_type(Row(fn, args, kwargs))
        with pytest.raises(MissingRuleError, match=match):
            adjoint(fn, *args, **kwargs)

    @pytest.mark.parametrize(
        ("fn", "args", "keyword"),
        [
            (np.take, (sample(3), 1), "out"), (np.sort, (sample(3),), "order"),
            (np.concatenate, ([sample(3)],), "out"), (np.linspace, (0.5, 1.5), "retstep"),
            (np.copy, (sample(3),), "like"), (np.matmul, (sample(3), sample(3)), "axes"),
            (np.einsum, ("i->", sample(3)), "order"),
        ],
    )  # fmt: skip
    def test_keyword(self, fn: Any, args: tuple[Any, ...], keyword: str) -> None:
        with pytest.raises(MissingRuleError, match=keyword):
            application(Row(fn, args, {keyword: "x"}), True)

    def test_a_norm_that_depends_on_the_rank(self) -> None:
        program, values, active = application(Row(np.linalg.norm, (sample(3),), {"ord": -1}), False)
        with pytest.raises(TypeInferenceError, match="number of dimensions"):
            reverse(program, active, run(program, values), False)

    def test_axis_known_only_at_run_time(self) -> None:
        builder = Builder()
        x, axis = Value(Array("float64", (MANY, MANY)), "x"), Value(UNKNOWN, "axis")
        with pytest.raises(TypeInferenceError, match="axis"):
            apply(builder, np.squeeze, [x], {"axis": axis})


class TestTypes:
    @pytest.mark.parametrize(
        "row",
        [
            Row(np.where, (np.array([[True, False]]),)), Row(np.arange, (5,)),
            Row(np.arange, (2, 3)), Row(np.arange, (2, 9, 3), {"dtype": np.float32}),
            Row(np.arange, (5, 2)), Row(np.concatenate, ([np.array([1]), np.array([2, 3])],)),
            Row(np.stack, ((1, 2),)), Row(np.array, ([1, 2],)), Row(np.array, ((),)),
            Row(np.matmul, (np.eye(2, dtype=int), np.eye(2, dtype=int))),
            Row(np.linalg.inv, (np.eye(2, dtype=int),)),
            Row(np.linalg.norm, (np.array([1, 2]),)), Row(np.full, (2, 1)),
        ],
        ids=str,
    )  # fmt: skip
    def test_without_floats(self, row: Row) -> None:
        check_type(row)

    def test_a_huge_range_is_not_made(self) -> None:
        made = apply(Builder(), np.arange, [10**15])
        assert made.type == Array("int64", (MANY,))

    def test_a_shape_given_by_numbers_of_the_program(self) -> None:
        n = Value(UNKNOWN, "n")
        made = apply(Builder(), np.zeros, [(n, 1)])
        assert made.type == Array("float64", (ANY, ANY))


class TestMethods:
    def test_every_method_and_attribute_has_a_rule(self) -> None:
        both = {**ARRAY.methods, **ARRAY.attributes}
        assert [name for name, fn in both.items() if lookup(fn) is None] == []
        assert set(METHOD_ADAPTERS) <= set(ARRAY.methods)

    @pytest.mark.parametrize(
        ("name", "args", "kwargs"),
        [
            ("reshape", (3, 2), {}), ("reshape", ((3, 2),), {}), ("reshape", (-1,), {}),
            ("reshape", (6,), {"order": "F"}), ("transpose", (), {}), ("transpose", (1, 0), {}),
            ("transpose", ((1, 0),), {}), ("astype", ("float32",), {}),
            ("astype", (), {"dtype": np.float32, "copy": False}), ("take", ([0, 1],), {"axis": 1}),
            ("astype", (np.float32,), {"casting": "unsafe"}), ("compress", ([True, False], 0), {}),
            ("compress", (), {"condition": [True], "axis": 1}), ("repeat", (2, 0), {}),
            ("flatten", (), {}), ("swapaxes", (0, 1), {}), ("squeeze", (), {}), ("trace", (), {}),
            ("diagonal", (1,), {}), ("dot", (sample(3),), {}), ("copy", (), {}), ("ravel", (), {}),
        ],
    )  # fmt: skip
    def test_call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        x = sample(2, 3)
        expected = getattr(x, name)(*args, **kwargs)
        adapter = METHOD_ADAPTERS.get(name)
        new_args, new_kwargs = [x, *args], kwargs
        if adapter is not None:
            new_args, new_kwargs = adapter(new_args, kwargs)
        found = ARRAY.methods[name](*new_args, **new_kwargs)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
        builder = Builder()
        operands = [
            Value(type_of_value(a), "x") if isinstance(a, np.ndarray) else a for a in new_args
        ]
        made = apply(builder, ARRAY.methods[name], operands, new_kwargs)
        assert isinstance(made.type, Array) and made.type.dtype == expected.dtype.name

    @pytest.mark.parametrize("name", ["T", "shape", "ndim", "size", "real", "imag", "mT", "dtype"])
    def test_attribute(self, name: str) -> None:
        x = sample(2, 3)
        found, expected = ARRAY.attributes[name](x), getattr(x, name)
        np.testing.assert_equal(found, expected)

    def test_item(self) -> None:
        assert ARRAY.methods["item"](np.array([[1.5]])) == 1.5
