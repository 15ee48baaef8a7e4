"""The printer: what its text looks like, and that it parses to the tree it was printed from."""

from __future__ import annotations

import ast
import builtins
import cmath
import copy
import importlib
import inspect
import math
import random
import sys

import gast
import pytest

from srcad.emitter.printer import Blank, Comment, to_text
from srcad.errors import InternalError


def expression(source: str) -> gast.expr:
    return gast.parse(source, mode="eval").body


def name(text: str) -> gast.Name:
    return gast.Name(text, gast.Load(), None, None)


def constant(value: object) -> gast.Constant:
    return gast.Constant(value, None)


def store(text: str) -> gast.Name:
    return gast.Name(text, gast.Store(), None, None)


class NormalForm(ast.NodeTransformer):
    """Replace the constants that have no literal by what Python parses for their text.

    Also drop the empty strings that Python 3.12.0 and 3.12.1 add to formats in f-strings.
    """

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.generic_visit(node)
        node.values = [part for part in node.values if getattr(part, "value", None) != ""]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value = node.value
        if isinstance(value, tuple):
            elements = [self.visit(ast.Constant(element)) for element in value]
            return ast.Tuple(elements, ast.Load())
        if type(value) in (int, float) and value < 0:
            return ast.UnaryOp(ast.USub(), ast.Constant(-value))
        if type(value) is complex and value.real:
            operator = ast.Add() if value.imag > 0 else ast.Sub()
            imag = ast.Constant(complex(0, abs(value.imag)))
            return ast.BinOp(self.visit(ast.Constant(value.real)), operator, imag)
        return node


def dump(tree: ast.AST) -> str:
    return ast.dump(NormalForm().visit(tree))


def assert_round_trip(tree: gast.Module) -> str:
    before = gast.dump(tree)
    text = to_text(tree)
    assert gast.dump(tree) == before  # printing changes nothing
    assert dump(ast.parse(text)) == dump(gast.gast_to_ast(tree)), text
    assert all(line == line.rstrip() for line in text.split("\n")), text
    return text


# Style ------------------------------------------------------------------------------------

EXPRESSIONS = [
    # operators: parentheses only where needed
    ("(a + b) + c", "a + b + c"),
    ("a + (b + c)", "a + (b + c)"),
    ("a - (b - c)", "a - (b - c)"),
    ("(a * b) + (c / d)", "a * b + c / d"),
    ("(a + b) * (c - d)", "(a + b) * (c - d)"),
    ("a * (b / c) @ d // e % f", "a * (b / c) @ d // e % f"),
    ("-x ** 2", "-x ** 2"),
    ("(-x) ** 2", "(-x) ** 2"),
    ("2 ** -x", "2 ** -x"),
    ("2 ** -x ** 2", "2 ** -x ** 2"),
    ("(a ** b) ** c", "(a ** b) ** c"),
    ("a ** (b ** c)", "a ** b ** c"),
    ("(await_ ** 2)(x)", "(await_ ** 2)(x)"),
    ("-(-x)", "--x"),
    ("~-x + +y", "~-x + +y"),
    ("x - (-y)", "x - -y"),
    ("-(a * b)", "-(a * b)"),
    ("-a * b", "-a * b"),
    ("a << (b + c) & d ^ e | f", "a << b + c & d ^ e | f"),
    ("(a | b) & c", "(a | b) & c"),
    # tests
    ("not (a == b)", "not a == b"),
    ("(not a) == b", "(not a) == b"),
    ("-(not a)", "-(not a)"),
    ("not (not a)", "not not a"),
    ("(a < b) == c", "(a < b) == c"),
    ("a < (b == c)", "a < (b == c)"),
    ("a < b <= c != d", "a < b <= c != d"),
    ("a is not b in c not in d", "a is not b in c not in d"),
    ("a and (b or c) and d", "a and (b or c) and d"),
    ("(a and b) or (c and d)", "a and b or c and d"),
    ("(a and b) and c", "(a and b) and c"),
    ("not (a and b)", "not (a and b)"),
    ("(a if b else c) if d else e", "(a if b else c) if d else e"),
    ("a if (b if c else d) else e", "a if (b if c else d) else e"),
    ("a if b else (c if d else e)", "a if b else c if d else e"),
    ("(a if b else c) + d", "(a if b else c) + d"),
    # lambdas and walrus
    ("lambda: 0", "lambda: 0"),
    ("lambda x, /, y=1, *z, k, l=2, **w: x", "lambda x, /, y=1, *z, k, l=2, **w: x"),
    ("lambda *, k: k", "lambda *, k: k"),
    ("(lambda x: x) if a else (lambda: (y, z))", "(lambda x: x) if a else lambda: (y, z)"),
    ("(lambda x: x)(1)", "(lambda x: x)(1)"),
    ("f((n := 1), k=(m := 2))", "f((n := 1), k=(m := 2))"),
    ("[(n := 1)]", "[(n := 1)]"),
    # calls, attributes, indices
    ("f(a, *b, c=d, **e)", "f(a, *b, c=d, **e)"),
    ("f(*(a or b), **(c if d else e))", "f(*(a or b), **(c if d else e))"),
    ("f((a, b), (c,), ())", "f((a, b), (c,), ())"),
    ("f((x for x in y))", "f(x for x in y)"),
    ("f((x for x in y), z)", "f((x for x in y), z)"),
    ("f((x for x in y), z=1)", "f((x for x in y), z=1)"),
    ("f(x)(y)[z].w", "f(x)(y)[z].w"),
    ("(a + b).T", "(a + b).T"),
    ("(-a).T", "(-a).T"),
    ("(1).real", "(1).real"),
    ("1.0.real", "(1.0).real"),
    ("1j.imag", "(1j).imag"),
    ("True.real", "True.real"),
    ("''.join(a)", '"".join(a)'),
    ("self.class_", "self.class_"),
    ("x[1:, ::2]", "x[1:, ::2]"),
    ("x[:, None]", "x[:, None]"),
    ("x[...]", "x[...]"),
    ("x[(1, 2)]", "x[1, 2]"),
    ("x[1,]", "x[1,]"),
    ("x[()]", "x[()]"),
    ("x[(1, 2):(3 if a else 4)]", "x[(1, 2):3 if a else 4]"),
    ("x[i + 1:n - 1:-1]", "x[i + 1:n - 1:-1]"),
    ("x[(*a, b)]", "x[(*a, b)]"),
    ("x[(a, b), c]", "x[(a, b), c]"),
    # displays and comprehensions
    ("(a, (b, c), [d, (e,)])", "(a, (b, c), [d, (e,)])"),
    ("{a: (b, c), (d, e): f, **g}", "{a: (b, c), (d, e): f, **g}"),
    ("{(a, b), c, *d}", "{(a, b), c, *d}"),
    ("{}", "{}"),
    ("[*a, *(b or c)]", "[*a, *(b or c)]"),
    ("[(x, y) for x, y in z if x if (y or w)]", "[(x, y) for x, y in z if x if y or w]"),
    ("[x for x in (a if b else c)]", "[x for x in (a if b else c)]"),
    ("[x for x in a if (lambda: x)]", "[x for x in a if (lambda: x)]"),
    ("{k: v for (k, (v, w)) in d}", "{k: v for k, (v, w) in d}"),
    ("{x for x, in y for z in (1, 2)}", "{x for (x,) in y for z in (1, 2)}"),
    # strings
    ("'a' \"b\"", '"ab"'),
    ("'say \"x\"'", "'say \"x\"'"),
    ("'it\\'s \"x\"'", '"it\'s \\"x\\""'),
    ("'back\\\\slash\\n\\t\\0\\x7f\\u2028é'", '"back\\\\slash\\n\\t\\x00\\x7f\\u2028é"'),
    ("'\\ud800'", '"\\ud800"'),
    ("b'a\\'\"\\xff'", 'b"a\'\\"\\xff"'),
    ("u'a'", 'u"a"'),
    ("f'{a}'", 'f"{a}"'),
    ("f'{a!r:>{w}.3f} {{}} {b:%Y}'", 'f"{a!r:>{w}.3f} {{}} {b:%Y}"'),
    ("f'{x=}'", 'f"x={x!r}"'),
    ("f\"{d['k']}\"", "f\"{d['k']}\""),
    ("f'say \"{x}\"'", "f'say \"{x}\"'"),
    ("f'{x}\\n\\\\{y}'", 'f"{x}\\n\\\\{y}"'),
    ("f'{ {1: 2}[x] }'", 'f"{ {1: 2}[x]}"'),
    ("f'{(lambda: x)}{(a, b)}{(a if b else c)}'", 'f"{(lambda: x)}{(a, b)}{(a if b else c)}"'),
    ("f'{a != b}'", 'f"{a != b}"'),
    ("f\"{f'{x}'}\"", "f\"{f'{x}'}\""),
    ("f\"{f'''{d['k']}'''}\"", "f\"{f'''{d['k']}'''}\""),
    # numbers
    ("1e22 + 1.5e-7 + 0x10 + 1_000", "1e+22 + 1.5e-07 + 16 + 1000"),
    ("0.1 + 2j", "0.1 + 2j"),
    # yield and await
    ("(yield)", "(yield)"),
    ("f((yield x))", "f((yield x))"),
    ("[(yield from x)]", "[(yield from x)]"),
]


@pytest.mark.parametrize(("source", "text"), EXPRESSIONS)
def test_style_of_expressions(source, text):
    assert to_text(expression(source)) == text
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(source))


STATEMENTS = [
    "a, b = b, a\n",
    "a = b = c, *d\n",
    "(a,) = b\n",
    "a, *b = c\n",
    "[a, b] = c\n",
    "a, (b, c) = d\n",
    "a = ()\n",
    "a = (b,)\n",
    "a += b, c\n",
    "x: int = 1\n",
    "(x): int\n",
    "x.y: list[int] = (1, 2)\n",
    "x = yield\n",
    "x = yield a, b\n",
    "await x\n",
    "yield x\n",
    "(n := 1)\n",
    "x, y\n",
    "del a, b[0], (c, d)\n",
    "assert a, (b, c)\n",
    "raise\n",
    "raise A(x) from None\n",
    "import a.b as c, d\n",
    "from .. import a as b, c\n",
    "from .a import *\n",
    "global a, b\n",
    "nonlocal a\n",
    "for (i,) in x, y:\n    break\nelse:\n    continue\n",
    "for i, (j, k) in enumerate(x):\n    pass\n",
    "while n := f():\n    pass\nelse:\n    x\n",
    "if a:\n    b\nelif n := c:\n    d\nelif e:\n    f\nelse:\n    g\n",
    "if a:\n    b\nelse:\n    if c:\n        d\n    e\n",
    "with a, b as c, d as (e, f):\n    pass\n",
    "with ((a, b)):\n    pass\n",
    "with (a, b) as c:\n    pass\n",
    "try:\n    a\nexcept (B, C) as d:\n    e\nexcept:\n    f\nelse:\n    g\nfinally:\n    h\n",
    "async def f():\n    async for x in y:\n        pass\n    async with a as b:\n        pass\n"
    "    return [await x async for x in y]\n",
    "def f(a, /, b: int, c=1, *d: str, e, g: float = 2.0, **h: bool) -> None:\n    return a, *b\n",
    "def f(*, a):\n    return\n",
    "@a.b(1)\n@c\nclass D(E, metaclass=F):\n    x = 1\n\n    def g(self):\n        pass\n\n"
    "    def h(self):\n        pass\n",
    "class A:\n    pass\n\n\nclass B((x for x in y)):\n    pass\n",
    "import a\n\n\ndef f():\n    b = 1\n\n    def g():\n        pass\n\n    return g\n\n\nf()\n",
    "match a, b:\n    case [1, -2.5, *_]:\n        pass\n    case {'x': 1 + 2j, **rest} if y:\n"
    "        pass\n    case A.b | None as c:\n        pass\n"
    "    case A(1, x=(2 | 3), y=[B() as d]):\n        pass\n    case _:\n        pass\n",
]
REWRITTEN = {  # the few that are written another way
    "a += b, c\n": "a += (b, c)\n",
    "for (i,) in x, y:\n    break\nelse:\n    continue\n": (
        "for (i,) in (x, y):\n    break\nelse:\n    continue\n"
    ),
    STATEMENTS[-1]: STATEMENTS[-1]
    .replace("match a, b", "match (a, b)")
    .replace("'x'", '"x"')
    .replace("(2 | 3)", "2 | 3"),
}


@pytest.mark.parametrize("source", STATEMENTS)
def test_style_of_statements(source):
    assert assert_round_trip(gast.parse(source)) == REWRITTEN.get(source, source)


def test_docstrings():
    for value in [
        "One line.",
        'Quotes " and """ and \\ and \'\'\' and """"" within.',
        'ends with a "',
        'ends with three """',
        "ends with a backslash \\",
        '"starts with one',
        "",
        "Lines\n\n    indented  \n\twith a tab at the end\t\nand\r\n returns\n    ",
        "\x00\x0c\x85\ud800 é \N{GREEK SMALL LETTER ALPHA}",
    ]:
        tree = gast.parse("def f():\n    x\n    return y\n")
        tree.body[0].body[0].value = constant(value)
        text = assert_round_trip(tree)
        assert text.startswith('def f():\n    """')
        assert ast.get_docstring(ast.parse(text).body[0], clean=False) == value


# Constants --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1, "-1"),
        (-1.5, "-1.5"),
        (-0.0, "-0.0"),
        (True, "True"),
        (None, "None"),
        (Ellipsis, "..."),
        (math.inf, 'float("inf")'),
        (-math.inf, '-float("inf")'),
        (math.nan, 'float("nan")'),
        (2j, "2j"),
        (complex(-0.0, -2.0), "-2j"),
        (complex(1, 2), "1.0 + 2j"),
        (complex(1, -2), "1.0 - 2j"),
        (complex(0.0, -2.0), "complex(0.0, -2.0)"),
        (complex(1, math.inf), 'complex(1.0, float("inf"))'),
        ((1, (-2,), ()), "(1, (-2,), ())"),
    ],
)
def test_constants(value, text):
    assert to_text(constant(value)) == text
    assert repr(eval(text)) == repr(value)


def test_huge_integers_have_no_limit_of_digits():
    for value in (10**5000, -(10**5000), 2**1999, 2**2000):
        assert eval(to_text(constant(value))) == value


def test_negative_and_complex_constants_are_operands():
    def binary(left, operator, right):
        return to_text(gast.BinOp(left, operator, right))

    assert binary(constant(-1), gast.Pow(), name("x")) == "(-1) ** x"
    assert binary(name("x"), gast.Pow(), constant(-1)) == "x ** -1"
    assert binary(name("x"), gast.Sub(), constant(-1)) == "x - -1"
    assert binary(name("x"), gast.Mult(), constant(1 + 2j)) == "x * (1.0 + 2j)"
    assert binary(constant(-math.inf), gast.Pow(), name("x")) == '(-float("inf")) ** x'
    assert to_text(gast.Attribute(constant(-1), "real", gast.Load())) == "(-1).real"
    assert to_text(gast.UnaryOp(gast.USub(), constant(-1.0))) == "--1.0"


def test_every_complex_number_evaluates_to_itself():
    parts = [0.0, -0.0, 1.0, -1.5, 1e300, math.inf, -math.inf, math.nan]
    for real in parts:
        for imag in parts:
            value = complex(real, imag)
            text = to_text(constant(value))
            assert repr(eval(text)) == repr(value), text
            assert ("complex(" in text) or cmath.isfinite(value), text


# Random trees -----------------------------------------------------------------------------


class Trees:
    """Random gast trees of every kind that Python text can have."""

    NAMES = ("a", "x_bar", "y", "np", "some_longer_name", "match", "type", "_", "é")
    TEXTS = ("", "a", "it's", 'say "x"', "'\"", "\\", "a\nb\\n", '"""', "\t{}\r", "\x00é\ud800")
    OPERATORS = (gast.Add, gast.Sub, gast.Mult, gast.MatMult, gast.Div, gast.Mod, gast.Pow)
    OPERATORS += (gast.LShift, gast.RShift, gast.BitOr, gast.BitXor, gast.BitAnd, gast.FloorDiv)
    COMPARISONS = (gast.Eq, gast.NotEq, gast.Lt, gast.LtE, gast.Gt, gast.GtE)
    COMPARISONS += (gast.Is, gast.IsNot, gast.In, gast.NotIn)

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.in_fstring = False

    def some(self, make, low=0, high=3):
        return [make() for _ in range(self.random.randint(low, high))]

    def maybe(self, make):
        return make() if self.random.random() < 0.4 else None

    def name(self):
        return self.random.choice(self.NAMES)

    # expressions

    def expr(self, depth):
        if depth <= 0:
            return self.random.choice((self.load, self.constant))()
        kinds = [method for method in dir(self) if method.startswith("expr_")]
        return getattr(self, self.random.choice(kinds))(depth - 1)

    def load(self):
        return name(self.name())

    def constant(self):
        kind = None
        if self.in_fstring:  # a text that needs no backslash and no quote has a portable form
            value = self.random.choice((0, 1.5, 2j, "k", "a b", b"c", None, True, ...))
        else:
            value = self.random.choice(
                (0, 1, 12345678901234567890, 2**2100, -3, 1.5, 1e-300, 1e22, -2.5, 2j, 1 - 2j)
                + (None, True, False, ..., b"", b"\x00'\"\\", (1, (-2.5,)))
                + self.TEXTS
            )
            kind = "u" if isinstance(value, str) and self.random.random() < 0.1 else None
        return gast.Constant(value, kind)

    def expr_name(self, depth):
        return self.load()

    def expr_constant(self, depth):
        return self.constant()

    def expr_binop(self, depth):
        operator = self.random.choice(self.OPERATORS)()
        return gast.BinOp(self.expr(depth), operator, self.expr(depth))

    expr_binop_again = expr_and_again = expr_binop

    def expr_unary(self, depth):
        kinds = (gast.USub, gast.UAdd, gast.Invert, gast.Not)
        return gast.UnaryOp(self.random.choice(kinds)(), self.expr(depth))

    expr_unary_again = expr_unary

    def expr_bool(self, depth):
        kind = self.random.choice((gast.And, gast.Or))
        return gast.BoolOp(kind(), self.some(lambda: self.expr(depth), 2, 3))

    def expr_compare(self, depth):
        operators = [kind() for kind in self.random.sample(self.COMPARISONS, 2)]
        operators = operators[: self.random.randint(1, 2)]
        return gast.Compare(self.expr(depth), operators, [self.expr(depth) for _ in operators])

    def expr_ternary(self, depth):
        return gast.IfExp(self.expr(depth), self.expr(depth), self.expr(depth))

    def expr_lambda(self, depth):
        return gast.Lambda(self.arguments(depth, annotated=False), self.expr(depth))

    def expr_walrus(self, depth):
        return gast.NamedExpr(store(self.name()), self.expr(depth))

    def expr_yield(self, depth):
        if self.random.random() < 0.3:
            return gast.YieldFrom(self.expr(depth))
        return gast.Yield(self.maybe(lambda: self.expr(depth)))

    def expr_await(self, depth):
        return gast.Await(self.expr(depth))

    def elements(self, depth, low=0):
        return self.some(lambda: self.starred(depth, gast.Load()), low, 3)

    def starred(self, depth, ctx):
        value = self.expr(depth)
        return gast.Starred(value, ctx) if self.random.random() < 0.15 else value

    def expr_tuple(self, depth):
        return gast.Tuple(self.elements(depth), gast.Load())

    def expr_list(self, depth):
        return gast.List(self.elements(depth), gast.Load())

    def expr_set(self, depth):
        return gast.Set(self.elements(depth, low=1))

    def expr_dict(self, depth):
        keys = self.some(lambda: self.expr(depth) if self.random.random() < 0.8 else None)
        return gast.Dict(keys, [self.expr(depth) for _ in keys])

    def expr_call(self, depth):
        words = self.random.sample(self.NAMES, self.random.randint(0, 2))
        keywords = [gast.keyword(word, self.expr(depth)) for word in words]
        if self.random.random() < 0.1:
            keywords.append(gast.keyword(None, self.expr(depth)))
        return gast.Call(self.expr(depth), self.elements(depth), keywords)

    expr_call_again = expr_call

    def expr_attribute(self, depth):
        return gast.Attribute(self.expr(depth), self.name(), gast.Load())

    def expr_subscript(self, depth):
        return gast.Subscript(self.expr(depth), self.index(depth), gast.Load())

    def index(self, depth):
        def part():
            return self.slice(depth) if self.random.random() < 0.4 else self.expr(depth)

        if self.random.random() < 0.5:
            return part()
        parts = self.some(part, 1)
        sliced = any(isinstance(element, gast.Slice) for element in parts)
        if self.random.random() < 0.1 and (not sliced or sys.version_info >= (3, 11)):
            parts.append(gast.Starred(self.expr(depth), gast.Load()))
        return gast.Tuple(parts, gast.Load())

    def slice(self, depth):
        return gast.Slice(*[self.maybe(lambda: self.expr(depth)) for _ in range(3)])

    def comprehensions(self, depth):
        def clause():
            conditions = self.some(lambda: self.expr(depth), 0, 2)
            is_async = int(self.random.random() < 0.1)
            return gast.comprehension(self.target(depth), self.expr(depth), conditions, is_async)

        return self.some(clause, 1, 2)

    def expr_comprehension(self, depth):
        kind = self.random.choice((gast.ListComp, gast.SetComp, gast.GeneratorExp))
        return kind(self.expr(depth), self.comprehensions(depth))

    def expr_dict_comprehension(self, depth):
        return gast.DictComp(self.expr(depth), self.expr(depth), self.comprehensions(depth))

    def expr_generator_call(self, depth):
        generator = gast.GeneratorExp(self.expr(depth), self.comprehensions(depth))
        return gast.Call(self.expr(depth), [generator], [])

    def expr_fstring(self, depth):
        if self.in_fstring:
            return self.constant()
        parts = []
        for _ in range(self.random.randint(0, 2)):
            parts.append(constant(self.random.choice(self.TEXTS[1:])))
            parts.append(self.formatted(depth - 1))
        return gast.JoinedStr(parts[self.random.randint(0, 1) :])

    def formatted(self, depth):
        self.in_fstring = True
        value = self.expr(depth)
        spec = self.maybe(lambda: gast.JoinedStr([constant(">"), self.inner_spec(depth)]))
        self.in_fstring = False
        return gast.FormattedValue(value, self.random.choice((-1, 97, 114, 115)), spec)

    def inner_spec(self, depth):
        return gast.FormattedValue(self.expr(depth), -1, None)

    # targets and parameters

    def target(self, depth, nested=True):
        choice = self.random.randint(0, 5 if nested and depth > 0 else 2)
        if choice == 0:
            return gast.Attribute(self.expr(depth), self.name(), gast.Store())
        if choice == 1:
            return gast.Subscript(self.expr(depth), self.index(depth), gast.Store())
        if choice < 4:
            return store(self.name())
        elements = self.some(lambda: self.target(depth - 1), 0, 3)
        if elements and self.random.random() < 0.3:
            elements[-1] = gast.Starred(elements[-1], gast.Store())
        return (gast.Tuple if choice == 4 else gast.List)(elements, gast.Store())

    def arguments(self, depth, annotated=True):
        def parameter():
            annotation = self.maybe(lambda: self.expr(depth)) if annotated else None
            return gast.Name(self.name(), gast.Param(), annotation, None)

        args, only_positional, only_keyword = [self.some(parameter, 0, 2) for _ in range(3)]
        defaults = self.some(lambda: self.expr(depth), 0, len(args) + len(only_positional))
        keyword_defaults = [self.maybe(lambda: self.expr(depth)) for _ in only_keyword]
        vararg, kwarg = self.maybe(parameter), self.maybe(parameter)
        return gast.arguments(
            args, only_positional, vararg, only_keyword, keyword_defaults, kwarg, defaults
        )

    # statements

    def body(self, depth, low=1):
        return self.some(lambda: self.stmt(depth), low, 3)

    def stmt(self, depth):
        compound = [method for method in dir(self) if method.startswith("compound_")]
        simple = [method for method in dir(self) if method.startswith("simple_")]
        kinds = simple + compound if depth > 0 else simple
        return getattr(self, self.random.choice(kinds))(depth - 1)

    def leaf(self):
        return self.expr(self.random.randint(0, 2))

    def simple_expression(self, depth):
        return gast.Expr(self.starred(2, gast.Load()))

    def simple_words(self, depth):
        return self.random.choice((gast.Pass, gast.Break, gast.Continue))()

    def simple_assign(self, depth):
        return gast.Assign(self.some(lambda: self.target(2), 1, 2), self.leaf(), None)

    def simple_augmented(self, depth):
        operator = self.random.choice(self.OPERATORS)()
        return gast.AugAssign(self.target(2, nested=False), operator, self.leaf())

    def simple_annotated(self, depth):
        target = self.target(2, nested=False)
        simple = int(isinstance(target, gast.Name) and self.random.random() < 0.7)
        return gast.AnnAssign(target, self.leaf(), self.maybe(self.leaf), simple)

    def simple_return(self, depth):
        return gast.Return(self.maybe(self.leaf))

    def simple_raise(self, depth):
        exception = self.maybe(self.leaf)
        return gast.Raise(exception, self.maybe(self.leaf) if exception else None)

    def simple_assert(self, depth):
        return gast.Assert(self.leaf(), self.maybe(self.leaf))

    def simple_delete(self, depth):
        target = gast.Name(self.name(), gast.Del(), None, None)
        return gast.Delete([target, gast.Subscript(self.leaf(), self.index(1), gast.Del())])

    def simple_import(self, depth):
        aliases = self.some(lambda: gast.alias("a.b", self.maybe(self.name)), 1)
        return gast.Import(aliases)

    def simple_import_from(self, depth):
        aliases = self.some(lambda: gast.alias(self.name(), self.maybe(self.name)), 1, 9)
        return gast.ImportFrom(
            self.random.choice((None, "a.b")), aliases, self.random.randint(1, 2)
        )

    def simple_scope(self, depth):
        return self.random.choice((gast.Global, gast.Nonlocal))(self.some(self.name, 1))

    if sys.version_info >= (3, 12):

        def simple_alias(self, depth):
            return gast.TypeAlias(store(self.name()), self.type_parameters(), self.leaf())

    def compound_function(self, depth):
        kind = self.random.choice((gast.FunctionDef, gast.AsyncFunctionDef))
        decorators = self.some(self.leaf, 0, 1)
        returns, body = self.maybe(self.leaf), self.body(depth)
        parameters = self.type_parameters()
        return kind(self.name(), self.arguments(1), body, decorators, returns, None, parameters)

    def compound_class(self, depth):
        keywords = [gast.keyword("metaclass", self.leaf())] if self.random.random() < 0.3 else []
        decorators, body = self.some(self.leaf, 0, 1), self.body(depth)
        bases = self.elements(1)
        return gast.ClassDef(self.name(), bases, keywords, body, decorators, self.type_parameters())

    def type_parameters(self):
        if sys.version_info < (3, 12) or self.random.random() < 0.6:
            return []
        default = self.maybe(self.leaf) if sys.version_info >= (3, 13) else None
        return [
            gast.TypeVar("T", self.maybe(self.leaf), None),
            gast.TypeVarTuple("Ts", None),
            gast.ParamSpec("P", default),
        ]

    def compound_if(self, depth):
        return gast.If(self.leaf(), self.body(depth), self.body(depth, low=0))

    def compound_while(self, depth):
        return gast.While(self.leaf(), self.body(depth), self.body(depth, low=0))

    def compound_for(self, depth):
        kind = self.random.choice((gast.For, gast.AsyncFor))
        return kind(self.target(2), self.leaf(), self.body(depth), self.body(depth, low=0), None)

    def compound_with(self, depth):
        kind = self.random.choice((gast.With, gast.AsyncWith))
        items = self.some(lambda: gast.withitem(self.leaf(), self.maybe(lambda: self.target(2))), 1)
        return kind(items, self.body(depth), None)

    def compound_try(self, depth):
        starred = sys.version_info >= (3, 11) and self.random.random() < 0.3

        def handler():
            caught = self.maybe(lambda: store(self.name()))
            return gast.ExceptHandler(self.leaf(), caught, self.body(depth))

        handlers = self.some(handler, 1, 2)
        if not starred and self.random.random() < 0.3:
            handlers.append(gast.ExceptHandler(None, None, self.body(depth)))
        last = self.body(depth, low=0)
        kind = gast.TryStar if starred else gast.Try
        return kind(self.body(depth), handlers, self.body(depth, low=0), last)

    def compound_match(self, depth):
        def case():
            return gast.match_case(self.pattern(2), self.maybe(self.leaf), self.body(depth))

        return gast.Match(self.leaf(), self.some(case, 1, 2))

    def pattern(self, depth):
        choice = self.random.randint(0, 7 if depth > 0 else 3)
        if choice == 0:
            value = self.random.choice((1, -2, 1.5, 1 - 2j, "a'", b"b"))
            return gast.MatchValue(constant(value))
        if choice == 1:
            return gast.MatchValue(gast.Attribute(name("np"), self.name(), gast.Load()))
        if choice == 2:
            return gast.MatchSingleton(self.random.choice((None, True, False)))
        if choice == 3:
            return gast.MatchAs(None, self.random.choice((None, "y")))
        if choice == 4:
            patterns = self.some(lambda: self.pattern(depth - 1))
            if self.random.random() < 0.5:
                patterns.append(gast.MatchStar(self.random.choice((None, "rest"))))
            return gast.MatchSequence(patterns)
        if choice == 5:
            keys = [constant(1), constant("k")][: self.random.randint(0, 2)]
            patterns = [self.pattern(depth - 1) for _ in keys]
            return gast.MatchMapping(keys, patterns, self.random.choice((None, "rest")))
        if choice == 6:
            words = ["p", "q"][: self.random.randint(0, 2)]
            positional = self.some(lambda: self.pattern(depth - 1), 0, 2)
            named = [self.pattern(depth - 1) for _ in words]
            return gast.MatchClass(name("np"), positional, words, named)
        patterns = [self.pattern(depth - 1), self.pattern(depth - 1)]
        either = gast.MatchOr(patterns)
        return gast.MatchAs(either, "y") if self.random.random() < 0.5 else either


@pytest.mark.parametrize("seed", range(10))
def test_random_expressions_print_and_parse_equal(seed):
    trees = Trees(seed)
    for _ in range(400):
        tree = trees.expr(trees.random.randint(1, 5))
        text = to_text(tree)
        parsed = ast.parse(text, mode="eval").body
        assert dump(parsed) == dump(gast.gast_to_ast(tree)), text


@pytest.mark.parametrize("seed", range(10))
def test_random_statements_print_and_parse_equal(seed):
    trees = Trees(100 + seed)
    for _ in range(150):
        assert_round_trip(gast.Module([trees.stmt(trees.random.randint(0, 3))], []))


def test_random_trees_hold_every_kind_of_node():
    seen = set()
    trees = Trees(0)
    for _ in range(3000):
        for node in gast.walk(trees.stmt(3)):
            seen.add(type(node).__name__)
    known = {
        text
        for text, kind in vars(gast).items()
        if isinstance(kind, type) and issubclass(kind, gast.AST) and kind.__module__ == "gast.gast"
    }
    not_python_3 = {"Print", "Exec", "Repr", "AugLoad", "AugStore", "type_ignore", "type_param"}
    not_statements = {"Module", "Interactive", "Expression", "FunctionType", "Suite"}
    newer = {"TemplateStr", "Interpolation"}
    if sys.version_info < (3, 12):
        newer |= {"TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple"}
    if sys.version_info < (3, 11):
        newer |= {"TryStar"}
    assert known - seen - not_python_3 - not_statements - newer == set()


# f-strings --------------------------------------------------------------------------------


class Strings:
    """Random expressions of strings, with f-strings that no Python before 3.12 can quote."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def string(self, depth):
        kind = self.random.randint(0, 2) if depth > 0 else 0
        if kind == 0:
            return constant(self.random.choice(Trees.TEXTS))
        if kind == 1:
            return gast.BinOp(self.string(depth - 1), gast.Add(), self.string(depth - 1))
        parts = []
        for _ in range(self.random.randint(1, 2)):
            parts.append(constant(self.random.choice(Trees.TEXTS[1:])))
            parts.append(self.formatted(depth - 1))
        return gast.JoinedStr(parts)

    def formatted(self, depth):
        width = gast.FormattedValue(constant("1"), -1, gast.JoinedStr([constant("<1")]))
        spec = self.random.choice(
            [None, [constant("*>9")], [constant("'"), constant("<9")], [constant("\\^9")]]
            + [[constant("}>"), gast.FormattedValue(constant(9), -1, None)], [constant(">"), width]]
        )
        conversion = self.random.choice((-1, 97, 114, 115))
        return gast.FormattedValue(
            self.string(depth), conversion, None if spec is None else gast.JoinedStr(spec)
        )


def test_every_fstring_evaluates_to_the_same_string():
    strings = Strings(0)
    fallbacks = 0
    for _ in range(2000):
        tree = gast.JoinedStr([strings.formatted(strings.random.randint(0, 2))])
        code = ast.fix_missing_locations(ast.Expression(gast.gast_to_ast(tree)))
        wanted = eval(compile(code, "<tree>", "eval"))
        text = to_text(tree)
        assert eval(text) == wanted, text
        fallbacks += text.startswith("format(")
    assert 200 < fallbacks < 1800  # both ways of printing were tested


def formatted(source, conversion=-1, spec=None):
    spec = None if spec is None else gast.JoinedStr([constant(spec)])
    return gast.FormattedValue(expression(source), conversion, spec)


def test_fstrings_that_have_no_portable_text():
    lines = gast.JoinedStr([constant("lines: "), formatted("'\\n'.join(x)", 114, ">9")])
    assert to_text(lines) == '"".join(["lines: ", format(repr("\\n".join(x)), ">9")])'
    assert to_text(gast.JoinedStr([formatted("d['\\'\"']")])) == 'format(d["\'\\""])'
    braces = gast.JoinedStr([formatted("x", spec="{}")])
    assert to_text(braces) == 'format(x, "{}")'
    nested = gast.JoinedStr([formatted("y", spec="2")])
    nested = gast.FormattedValue(name("x"), -1, nested)
    assert to_text(gast.JoinedStr([nested])) == 'format(x, f"{y:2}")'


# Pseudo-statements and blocks -------------------------------------------------------------


def test_comments_and_blank_lines():
    tree = gast.parse("def f(x):\n    y = x\n    if y:\n        z\n    return y\n").body[0]
    tree.body.insert(1, Comment("# reverse sweep"[2:]))
    tree.body.insert(2, Blank())
    tree.body[3].body.insert(0, Comment("y[i] = x   [model.py:5]"))
    tree.body.append(Comment(""))
    assert to_text([Comment("head"), tree, Comment("tail")]) == (
        "# head\n"
        "def f(x):\n"
        "    y = x\n"
        "    # reverse sweep\n"
        "\n"
        "    if y:\n"
        "        # y[i] = x   [model.py:5]\n"
        "        z\n"
        "    return y\n"
        "    #\n"
        "\n"
        "\n"
        "# tail\n"
    )


def test_a_body_of_comments_only_is_valid():
    for body in ([], [Comment("nothing")], [Blank()], [Comment("a"), Blank(), Comment("b")]):
        tree = gast.If(name("x"), body, [*body, Comment("else")])
        text = to_text(tree)
        assert ast.dump(ast.parse(text)) == ast.dump(ast.parse("if x: pass\nelse: pass")), text


def test_a_comment_cannot_become_code():
    text = to_text([Comment("a\nimport os\r\x0cb\u2028c\td\x00e"), gast.Pass()])
    assert text == "# a\n# import os\n#\n# b\n# c   d\\x00e\npass\n"
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse("pass"))


def test_long_comments_are_cut():
    def printed(length):
        return to_text(gast.If(name("x"), [Comment("a" * length)], [])).split("\n")[1]

    assert printed(94) == "    # " + "a" * 94
    assert printed(95) == "    # " + "a" * 90 + " ..."
    assert len(printed(1000)) == 100
    assert printed(89 + 6).count("a") == 90
    spaced = to_text(gast.If(name("x"), [Comment("a" * 89 + "   " + "a" * 9)], [])).split("\n")[1]
    assert spaced == "    # " + "a" * 89 + " ..."


def test_empty_lines_around_definitions():
    def definition(text):
        return gast.parse(f"def {text}():\n    pass\n").body[0]

    body = [
        constant_statement("a"),
        Comment("about f"),
        Comment("more about f"),
        definition("f"),
        Blank(),
        definition("g"),
        Comment("loose"),
        Blank(),
        definition("h"),
    ]
    lines = [
        "a",
        "",
        "# about f",
        "# more about f",
        "def f():",
        "    pass",
        "",
        "def g():",
        "    pass",
        "",
        "# loose",
        "",
        "def h():",
        "    pass",
    ]
    nested = ["if x:"] + ["    " + line if line else "" for line in lines]
    assert to_text(gast.If(name("x"), body, [])).splitlines() == nested
    outer = [line for line in lines for line in ([line] if line else ["", ""])]
    assert to_text(body).splitlines() == outer


def constant_statement(text):
    return gast.Expr(name(text))


def test_pseudo_statements_are_nodes():
    tree = gast.If(name("x"), [Comment("a"), Blank(), gast.Pass()], [])
    assert to_text(copy.deepcopy(tree)) == to_text(tree) == "if x:\n    # a\n\n    pass\n"
    assert {type(node) for node in gast.walk(tree)} >= {Comment, Blank}
    assert "Comment('a')" in gast.dump(tree, annotate_fields=False)


def test_what_can_be_printed():
    source = "import a\nb = (c, d)\n"
    module = gast.parse(source)
    assert to_text(module) == to_text(module.body) == "import a\nb = c, d\n"
    assert to_text(module.body[1]) == "b = c, d\n"
    assert to_text(module.body[1].value) == "(c, d)"
    assert to_text(gast.Expression(module.body[1].value)) == "(c, d)"
    assert to_text(gast.Slice(None, name("x"), None)) == ":x"
    assert to_text([]) == to_text(gast.Module([], [])) == ""


# Wrapping ---------------------------------------------------------------------------------

WRAPPED = [
    "total = function_with_a_name(\n"
    "    first_argument_of_it, second_argument_of_it, third_quant\n)[0].copy()\n",
    "total = function_with_a_name(x)[i].method_with_a_quite_long_name(\n    y\n"
    ").and_another_one_of_it(z)\n",
    'W_bar = np.einsum(\n    "ij,jk->ik", first_argument, second_argument, optimize=True, '
    "dtype=some_dtype\n)\n",
    "total = (\n    first_quantity * second_quantity\n    + third_quantity\n"
    "    - np.sum(\n        fourth_quantity * fifth_quantity\n"
    "        + sixth_quantity * seventh_quantity\n        + eighth_quantity,\n    )\n)\n",
    "total[i] += (\n    alpha_coefficient * temperature_field[i - 1, j]\n"
    "    + beta_coefficient * temperature_field[i + 1, j]\n)\n",
    "result = -np.sum(\n    first_quantity_of_interest * second_quantity_of_interest, "
    "axis=(0, 1), keepdims=True\n)\n",
    "result = np.asarray(first_quantity_of_interest)[:, None].reshape(\n"
    "    first_quantity_of_interest.shape[0], -1\n)[0].T\n",
    "x = f(\n    lambda a, b, c: a,\n    (first_quantity_of_interest + second_quantity_of_interest)"
    "\n    * third_quantity_of_interest,\n)\n",
    "def f():\n    return (\n        first_gradient_bar_of_all,\n"
    "        second_gradient_bar_of_all,\n        third_gradient_bar_of_all,\n        x,\n    )\n",
    "(\n    first_gradient_bar, second_gradient_bar, third_gradient_bar, fourth_gradient_bar\n"
    ") = f_grad(first, second)\n",
    "value = {\n    first_key_of_the_dictionary: first_value,\n"
    "    second_key_of_the_dictionary: second_value,\n    **others_that_are_in_another_one,\n}\n",
    "value = [\n    first_function_of(element) + second_function_of(element)\n"
    "    for first_element, element in all_elements\n    if is_wanted(element)\n]\n",
    "choice = (\n    first_function_of(element)\n    if first_condition_of_many\n"
    "    else second_function_of(element, another)\n)\n",
    "assert (\n    first_quantity_of_interest.shape == second_quantity_of_interest.shape\n"
    '), "the shapes are different"\n',
    "from some_package.some_module import (\n    first_name, second_name, third_name as another, "
    "fourth_name, fifth\n)\n",
    "def function_with_a_name(\n    first_argument, second_argument=None, *, third_argument: float "
    "= 1.0\n) -> float:\n    for first_index_of_loop, second_index_of_loop in zip(\n"
    "        first_sequence_of_items, second_sequence_of_items\n    ):\n        if (\n"
    "            first_condition_of_many(first_index_of_loop)\n"
    "            and second_condition_of_many(second_index)\n        ):\n            with (\n"
    '                open(first_path_of_many, encoding="utf-8") as first,\n'
    "                open(second_path_of_many) as second,\n            ):\n                pass\n",
]


@pytest.mark.parametrize("text", WRAPPED)
def test_long_lines_are_wrapped(text):
    assert assert_round_trip(gast.parse(text)) == text


def test_a_line_is_wrapped_only_if_it_is_too_long():
    for length, lines in ((88, 1), (89, 3)):
        text = to_text(gast.parse(f"total = a + {'b' * (length - 12)}"))
        assert len(text.splitlines()) == lines


def test_wrapped_lines_fit():
    trees = Trees(1)
    trees.NAMES = ("x_bar", "weights", "i")
    trees.constant = trees.load
    trees.OPERATORS = (gast.Add, gast.Sub, gast.Mult, gast.MatMult)
    for method in dir(Trees):
        breakable = ("binop", "call", "bool", "compare", "ternary", "tuple", "list", "subscript")
        if method.startswith("expr_") and not method.startswith(breakable, len("expr_")):
            setattr(trees, method, trees.expr_binop)
    wrapped = 0
    for _ in range(500):
        target = gast.Subscript(name("y_bar"), name("i"), gast.Store())
        tree = gast.If(name("x"), [gast.Assign([target], trees.expr(4), None)], [])
        text = assert_round_trip(gast.Module([tree], []))
        assert max(map(len, text.split("\n"))) <= 88, text
        wrapped += text.count("\n") > 2
    assert wrapped > 100


# Depth ------------------------------------------------------------------------------------

NESTINGS = {
    "operand": lambda x: gast.BinOp(name("a"), gast.Sub(), x),
    "call": lambda x: gast.Call(name("f"), [x], []),
    "keyword": lambda x: gast.Call(name("f"), [], [gast.keyword("k", x)]),
    "index": lambda x: gast.Subscript(
        name("a"), gast.Tuple([x, name("b")], gast.Load()), gast.Load()
    ),
    "tuple": lambda x: gast.Tuple([name("a"), x], gast.Load()),
    "dict": lambda x: gast.Dict([name("a")], [x]),
    "ternary": lambda x: gast.IfExp(x, name("a"), name("b")),
    "test": lambda x: gast.BoolOp(gast.Or(), [name("a"), x]),
}


@pytest.mark.parametrize("kind", NESTINGS)
def test_two_hundred_nested_parentheses(kind):
    tree = name("x")
    for _ in range(198):  # Python itself reads no more of some kinds
        tree = NESTINGS[kind](tree)
    text = to_text(gast.Return(tree))
    assert_same_tree(ast.parse(text).body[0].value, tree)
    assert max(len(line) - len(line.lstrip()) for line in text.splitlines()) > 700
    assert len(to_text(gast.Return(NESTINGS[kind](NESTINGS[kind](tree))))) > len(text)


def test_long_chains():
    total, chain, conditions = name("x"), name("x"), [gast.Pass()]
    for i in range(1000):
        operator = gast.Add() if i % 3 else gast.Sub()
        total = gast.BinOp(total, operator, name(f"x{i}"))
        chain = gast.Call(gast.Attribute(chain, "g", gast.Load()), [], [])
        conditions = [gast.If(name("x"), [gast.Pass()], conditions)]
    text = to_text(gast.Return(total))
    assert_same_tree(ast.parse(text).body[0].value, total)
    assert text.startswith("return (\n    x\n    - x0\n    + x1\n    + x2\n    - x3\n")
    assert to_text(chain) == "x" + ".g()" * 1000
    assert to_text(conditions).count("elif x:\n") == 999


def assert_same_tree(parsed: ast.AST, tree: gast.AST) -> None:
    """Compare without recursion; `ast.dump` cannot take trees as deep as these."""
    pairs = [(parsed, tree)]
    while pairs:
        left, right = pairs.pop()
        assert type(left).__name__ == type(right).__name__
        for field, value in ast.iter_fields(left):
            other = getattr(right, field)
            values, others = (value, other) if isinstance(value, list) else ([value], [other])
            assert len(values) == len(others)
            for one, two in zip(values, others, strict=True):
                if isinstance(one, ast.AST):
                    pairs.append((one, two))
                else:
                    assert one == two


# Real sources -----------------------------------------------------------------------------

MODULES = """ast argparse collections configparser contextlib csv decimal difflib enum functools
heapq inspect json.decoder json.encoder logging pathlib random shutil statistics textwrap typing
numpy._core.einsumfunc numpy._core.fromnumeric numpy._core.numeric numpy.lib._function_base_impl
numpy.lib._index_tricks_impl numpy.linalg._linalg numpy.ma.core numpy.polynomial.polynomial
numpy.testing._private.utils""".split()


def test_real_sources_print_and_parse_equal():
    statements, excluded = 0, []
    for module in MODULES:
        tree = ast.parse(inspect.getsource(importlib.import_module(module)))
        for statement in tree.body:
            text = to_text(gast.ast_to_gast(statement))
            if dump(ast.parse(text)) != dump(ast.Module([statement], [])):
                excluded.append((module, statement.lineno))
            statements += sum(isinstance(node, ast.stmt) for node in ast.walk(statement))
    assert excluded == []
    assert statements > 20_000


# What is no Python ------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["lambda", "None", "True", "class", "a b", "a;b", "1a", "", "a.b"])
def test_names_that_are_none_are_refused(text):
    for tree in (
        name(text),
        gast.Attribute(name("x"), text, gast.Load()),
        gast.Call(name("f"), [], [gast.keyword(text, name("x"))]),
        gast.FunctionDef(text, expression("lambda: 0").args, [], [], None, None, []),
        gast.Lambda(gast.arguments([name(text)], [], None, [], [], None, []), name("x")),
    ):
        with pytest.raises(InternalError, match="is not a Python name"):
            to_text(tree)


def test_soft_keywords_are_names():
    for text in ("match", "case", "type", "_", "__debug__", "lambda_", "print"):
        assert (
            to_text(expression(f"{text}.{text}({text}={text})")) == f"{text}.{text}({text}={text})"
        )


@pytest.mark.parametrize(
    "value", [frozenset({1}), object(), [1], range(3), type("Int", (int,), {})(1)]
)
def test_constants_without_text_are_refused(value):
    with pytest.raises(InternalError, match="no Python text for the constant"):
        to_text(constant(value))


def test_unknown_nodes_are_refused():
    class Unknown(gast.expr):
        pass

    with pytest.raises(InternalError, match="does not know the node Unknown"):
        to_text(gast.Return(Unknown()))


def test_infinite_patterns_are_refused():
    tree = gast.parse("match x:\n    case -1e999:\n        pass\n")
    with pytest.raises(InternalError, match="cannot be a pattern"):
        to_text(tree)


def test_the_builtins_that_the_text_may_call_exist():
    assert all(hasattr(builtins, text) for text in "float complex format str repr ascii".split())
