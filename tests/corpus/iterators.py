"""Generators and iterators as they are met: state, effects and errors in between, objects of
classes, numeric methods, combinatorics."""

# Names that shadow others, loops that only count and values that nobody reads are the point here.
# ruff: noqa: B007, B023, F841, UP028

from __future__ import annotations

import bisect
import contextlib
import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np


def shadowed_names(x):
    total = x

    def gen():
        total = 1.0
        for i in range(3):
            total = total * x
            yield total

    i = 5.0
    for t in gen():
        total = total + t * i
    return total


def generator_reads_late(x):
    w = x

    def gen():
        yield w
        yield w * 2.0

    g = gen()
    w = x * 3.0
    return sum(g)


def argument_bound_early(x):
    w = x

    def gen(a):
        yield a
        yield a * w

    g = gen(w)
    w = x * 3.0
    return sum(g)


def array_argument_seen_late(u):
    w = u * 1.0

    def gen(a):
        for e in a:
            yield e

    g = gen(w)
    w[0] = 10.0 * u[1]
    return sum(g)


def array_changed_between(u):
    w = u * 1.0

    def gen(a):
        for i in range(len(a)):
            yield a[i]

    total = 0.0
    for k, e in enumerate(gen(w)):
        total += e
        if k + 1 < len(w):
            w[k + 1] = w[k + 1] * e
    return total


def generator_writes_array(u):
    w = u * 1.0

    def gen():
        for i in range(len(w)):
            w[i] = w[i] ** 2
            yield i

    total = 0.0
    for i in gen():
        total += w[i] * float(np.sum(w))
    return total


def lazy_not_run(x):
    log = [x]

    def gen():
        log.append(x * 100.0)
        yield 1.0

    g = gen()
    return sum(log)


def partially_run(x):
    log = [x]

    def gen():
        log.append(x * 2.0)
        yield 1.0
        log.append(x * 100.0)
        yield 2.0

    g = gen()
    next(g)
    return sum(log)


def zip_consumes_one_more(x):
    def gen():
        v = x
        while True:
            yield v
            v = v * 2.0

    g = gen()
    total = 0.0
    for a, b in zip(g, [1.0, 2.0]):
        total += a * b
    return total + next(g)


def zip_other_order(x):
    def gen():
        v = x
        while True:
            yield v
            v = v * 2.0

    g = gen()
    total = 0.0
    for a, b in zip([1.0, 2.0], g):
        total += a * b
    return total + next(g)


def next_pairs(x):
    def gen():
        v = x
        while True:
            yield v
            v = v + 1.0

    g = gen()
    total = 0.0
    for _ in range(4):
        total += next(g) * next(g)
    return total


def two_generators_alternate(x):
    def up():
        v = x
        while True:
            yield v
            v = v * 1.1

    def down():
        v = 1.0
        while True:
            yield v
            v = v * 0.5 * x

    a, b = up(), down()
    total = 0.0
    for k in range(5):
        if k % 2 == 0:
            total += next(a)
        else:
            total += next(b)
    return total


def same_generator_zip(u):
    it = iter([u[0], u[1], u[2], u[3]])
    return sum(a * b for a, b in zip(it, it))


def chunked(u):
    def chunks(seq, n):
        it = iter(seq)
        while True:
            part = list(itertools.islice(it, n))
            if not part:
                return
            yield part

    total = 0.0
    for part in chunks(list(u), 2):
        total += part[0] * part[1]
    return total


def generator_of_generators(x):
    def outer():
        for k in range(3):
            yield (x * (k + j) for j in range(2))

    total = 0.0
    for inner in outer():
        for v in inner:
            total += v * v
    return total


def lambda_in_generator(x):
    def gen():
        for k in range(3):
            yield lambda t: t * x + k

    return sum(f(x) for f in gen())


def closures_kept(x):
    def gen():
        for k in range(3):
            yield lambda t: t * x + k

    fs = list(gen())
    return sum(f(x) for f in fs)


def try_stop_iteration(x):
    def gen():
        yield x
        yield x * x

    g = gen()
    total = 0.0
    while True:
        try:
            total += next(g)
        except StopIteration:
            break
    return total


def return_from_nested_for(u):
    def pairs():
        for i in range(len(u)):
            for j in range(i):
                yield u[i], u[j]

    for a, b in pairs():
        if a * b < -0.3:
            return a - b
    return 0.0


def search_else(u):
    def pairs():
        for i in range(len(u)):
            for j in range(i):
                yield u[i] * u[j]

    found = 0.0
    for p in pairs():
        if p > 1.0:
            found = p
            break
    else:
        found = u[0] * u[0]
    return found


def deep_break(u, x):
    total = 0.0

    def gen():
        for v in u:
            if v < 0:
                continue
            for k in range(3):
                if k == 2:
                    break
                yield v * k
            else:
                yield 100.0
            yield v

    for g in gen():
        total += g
        if total > 3.0:
            break
    return total * x


def yields_in_try_except(u):
    def gen():
        for v in u:
            try:
                if v < 0:
                    raise ValueError("negative")
                yield math.sqrt(v)
            except ValueError:
                yield v * v

    return sum(gen())


def consumer_error_caught(u):
    def gen():
        for v in u:
            try:
                yield v
            except ValueError:
                yield 1000.0

    total = 0.0
    for v in gen():
        try:
            if v < 0:
                raise ValueError("no")
            total += v
        except ValueError:
            total += 2.0 * v
    return total


def consumer_error_leaves(u):
    def gen():
        for v in u:
            yield v * v

    total = 0.0
    try:
        for v in gen():
            total += v
            if v < 0.2:
                raise ValueError("no")
    except ValueError:
        total = total * 2.0
    return total


def generator_error_caught_outside(u):
    def gen():
        for v in u:
            if v < 0:
                raise ValueError("no")
            yield v * v

    total = 0.0
    try:
        for v in gen():
            total += v
    except ValueError:
        total = total * 2.0
    return total


def sum_error_caught_outside(u):
    def gen():
        for v in u:
            if v < 0:
                raise ValueError("no")
            yield v * v

    try:
        return sum(gen())
    except ValueError:
        return u[1] * 3.0


def finally_order(x):
    log = []

    def gen():
        try:
            for k in range(3):
                yield x * k
        finally:
            log.append(len(log) + x)

    for v in gen():
        log.append(v)
        if v > 0.5:
            break
    log.append(7.0)
    return sum((k + 1) * e for k, e in enumerate(log))


def finally_on_return(x):
    log = []

    def gen():
        try:
            yield x
            yield x * 2.0
        finally:
            log.append(x)

    def use():
        for v in gen():
            return v

    r = use()
    return r + 10.0 * sum(log)


def with_in_generator(x):
    log = []

    @contextlib.contextmanager
    def cm():
        log.append(x)
        yield x * 2
        log.append(x * 3)

    def gen():
        with cm() as c:
            yield c
            yield c * c

    t = sum(gen())
    return t + sum(log)


def generator_any_stops(u):
    log = []

    def gen():
        for v in u:
            log.append(v)
            yield v > 1.0

    if any(gen()):
        return sum(log)
    return 0.0


def enumerate_zip_map(u, v):
    def g(a):
        for e in a:
            yield e * 2.0

    return sum(i * p + q for i, (p, q) in enumerate(zip(g(u), map(math.exp, g(v)))))


def reversed_list_of(x):
    def g():
        yield x
        yield x * x
        yield 2.0

    total = 0.0
    for e in reversed(list(g())):
        total = total * x + e
    return total


def product_of(x):
    def g():
        yield x
        yield 2.0

    return sum(a * b for a, b in itertools.product(g(), repeat=2))


def combos(x):
    def g():
        yield x
        yield x * x
        yield 2.0

    return sum(a * b for a, b in itertools.combinations(g(), 2))


def len_of_list(x):
    def g():
        k = 0
        while k < 4:
            yield x
            k += 1

    return len(list(g())) * x


def join_of_walrus(u):
    def g():
        for e in u:
            if (s := e * e) > 0.1:
                yield s

    return sum(g())


def while_true_return(u):
    def g():
        i = 0
        while True:
            if i >= len(u):
                return
            yield u[i]
            i += 1

    return sum(v * v for v in g())


class _Node:
    def __init__(self, value, left=None, right=None):
        self.value = value
        self.left = left
        self.right = right

    def __iter__(self):
        if self.left is not None:
            yield from self.left
        yield self.value
        if self.right is not None:
            yield from self.right


class _Range:
    def __init__(self, lo, hi, n):
        self.lo, self.hi, self.n = lo, hi, n

    def __iter__(self):
        self.k = 0
        return self

    def __next__(self):
        if self.k >= self.n:
            raise StopIteration
        v = self.lo + (self.hi - self.lo) * self.k / self.n
        self.k += 1
        return v


class _Poly:
    def __init__(self, *c):
        self.c = c

    def __getitem__(self, i):
        if i >= len(self.c):
            raise IndexError(i)
        return self.c[i]


class _Iterator:
    def __init__(self, data):
        self.data = data
        self.i = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.i < len(self.data):
            v = self.data[self.i]
            self.i += 1
            return v
        raise StopIteration()


class _Bag:
    def __init__(self, data):
        self.data = data

    def __iter__(self):
        return _Iterator(self.data)


@dataclass
class _Pt:
    x: float
    y: float

    def __iter__(self):
        return iter((self.x, self.y))


def tree_sum(x, y):
    t = _Node(x, _Node(y, None, _Node(x * y)), _Node(2.0))
    total = 0.0
    for k, v in enumerate(t):
        total += (k + 1) * v
    return total


def own_range(x):
    return sum(v * v for v in _Range(0.0, x, 5))


def own_range_twice(x):
    r = _Range(0.0, x, 5)
    return sum(r) + max(r)


def poly_getitem(x):
    return sum(c * x**k for k, c in enumerate(_Poly(x, 2.0, x * x)))


def bag(u):
    return sum(v**3 for v in _Bag(u))


def point_unpack(x, y):
    a, b = _Pt(x, y)
    return a * b * b


def point_star(x, y):
    return math.hypot(*_Pt(x, y))


def iter_next_object(u):
    it = iter(_Bag(u))
    first = next(it)
    return first * sum(it)


def next_default_object(u):
    it = _Iterator([u[0], u[1]])
    return next(it, 0.0) + 2.0 * next(it, 0.0) + 3.0 * next(it, 5.0 * u[0])


def simpson(x):
    def nodes(a, b, n):
        h = (b - a) / n
        for i in range(n + 1):
            w = 1.0 if i in (0, n) else (4.0 if i % 2 else 2.0)
            yield w * h / 3.0, a + i * h

    return sum(w * math.exp(-t * t) for w, t in nodes(0.0, x, 6))


def continued_fraction(x):
    def terms():
        k = 1
        while True:
            yield k * x
            k += 1

    value = 0.0
    for t in reversed(list(itertools.islice(terms(), 6))):
        value = 1.0 / (t + 2.0 + value)
    return value


def series_until(x):
    def terms():
        t = 1.0
        n = 0
        while True:
            yield t
            n += 1
            t = t * x / n

    total = 0.0
    for t in terms():
        if abs(t) < 1e-8:
            break
        total += t
    return total


def takewhile_series(x):
    def terms():
        t = 1.0
        n = 0
        while True:
            yield t
            n += 1
            t = t * x / n

    return sum(itertools.takewhile(lambda t: abs(t) > 1e-8, terms()))


def rk4_gen(x, y):
    def f(s):
        return (s[1], -s[0])

    def steps(s, h):
        while True:
            yield s
            k1 = f(s)
            k2 = f((s[0] + h / 2 * k1[0], s[1] + h / 2 * k1[1]))
            s = (s[0] + h * k2[0], s[1] + h * k2[1])

    for i, s in enumerate(steps((x, y), 0.1)):
        if i == 5:
            return s[0] * s[1]


def rk_array(u):
    def steps(s, h):
        while True:
            yield s
            s = s + h * np.sin(s)

    out = None
    for i, s in enumerate(steps(u, 0.1)):
        out = s
        if i == 3:
            break
    return float(np.sum(out**2))


def moving_average(u):
    def windows(seq, size):
        window = []
        for v in seq:
            window.append(v)
            if len(window) > size:
                window.pop(0)
            if len(window) == size:
                yield sum(window) / size

    return sum(w * w for w in windows(u, 2))


def batches_of_data(a, u):
    def batches():
        for row in a:
            yield row[:2], row[2]

    loss = 0.0
    for xb, yb in batches():
        loss += (float(np.dot(xb, u[:2])) - yb) ** 2
    return loss


def sgd(u):
    data = [(1.0, 2.0), (2.0, 3.5), (3.0, 5.5)]

    def batches(epochs):
        for _ in range(epochs):
            for d in data:
                yield d

    w, b = u[0], u[1]
    for xi, yi in batches(3):
        e = w * xi + b - yi
        w, b = w - 0.05 * e * xi, b - 0.05 * e
    return w * w + b


def random_walk(x):
    def lcg(seed):
        while True:
            seed = (1103515245 * seed + 12345) % 2147483648
            yield seed / 2147483648.0

    r = lcg(42)
    pos = x
    for _ in range(5):
        pos = pos + 0.1 * (next(r) - 0.5) * pos
    return pos


def primes_weighted(x):
    def primes():
        found = []
        n = 2
        while True:
            for p in found:
                if n % p == 0:
                    break
            else:
                found.append(n)
                yield n
            n += 1

    total = 0.0
    for p in itertools.islice(primes(), 5):
        total += x / p
    return total


def flatten(x):
    def flat(items):
        for item in items:
            if isinstance(item, (list, tuple)):
                yield from flat(item)
            else:
                yield item

    return sum(v * v for v in flat([x, [x * x, [2.0, x]], (1.0, (x,))]))


def permutations_gen(x):
    def perms(items):
        if len(items) <= 1:
            yield items
            return
        for i in range(len(items)):
            for rest in perms(items[:i] + items[i + 1 :]):
                yield [items[i]] + rest

    total = 0.0
    for p in perms([x, 2.0, x * x]):
        total += p[0] * p[1] + p[2]
    return total


def hanoi(x):
    def moves(n, a, b, c):
        if n > 0:
            yield from moves(n - 1, a, c, b)
            yield a * b
            yield from moves(n - 1, c, b, a)

    return sum(moves(3, x, 2.0, x * x))


def recursion_on_argument(x, n):
    def down(k):
        if k > 0:
            yield x * k
            yield from down(k - 1)

    return sum(down(n))


def generator_partial(x):
    def gen(a, b):
        yield a
        yield b * a

    g = functools.partial(gen, x)
    return sum(g(3.0))


def choose_generator(x):
    def up():
        yield x
        yield 2 * x

    def down():
        yield -x
        yield 3 * x

    g = up() if x > 0 else down()
    return sum(v * v for v in g)


def generator_state_tuple(u):
    def minmax(seq):
        lo = hi = seq[0]
        for v in seq:
            lo = min(lo, v)
            hi = max(hi, v)
            yield lo, hi

    *_, (lo, hi) = minmax(u)
    return lo * hi


def zip_longest_of(x):
    def g():
        yield x
        yield x * x

    return sum(a * b for a, b in itertools.zip_longest(g(), [1.0, 2.0, 3.0], fillvalue=0.5))


def max_default(u):
    def g():
        for v in u:
            if v > 100:
                yield v

    return max(g(), default=u[0] * 3.0)


def np_stack_of_gen(a):
    def g():
        for row in a:
            yield row * 2.0

    return float(np.sum(np.array(list(g())) ** 2))


def iter_sentinel(x):
    state = [x]

    def pull():
        state[0] = state[0] * 0.5
        return 0 if state[0] < 0.05 else 1

    total = 0.0
    for k in iter(pull, 0):
        total += state[0] * k
    return total


def assert_in_gen(x):
    def g(v):
        assert v > 0
        yield v * v

    return sum(g(x * x))


def conditional_yield_from(x):
    def g(flag):
        if flag:
            yield from (x, x)
        else:
            yield from [x * x]

    return sum(g(True)) + sum(g(False)) + sum(g(x > 0))


def unpack_in_for_star(u):
    def g():
        yield u[0], u[1], u[2]
        yield u[1], u[2], u[3]

    t = 0.0
    for a, *rest in g():
        t += a * sum(rest)
    return t


def either_loop_after(u, x):
    def up(a):
        for k in range(3):
            yield a * k

    def arr():
        for v in u:
            yield v

    t = 0.0
    for k in range(2):
        g = up(x) if k == 0 else arr()
        for v in g:
            t += v * (k + 1)
    return t


def choice_by_value_in_loop(u, x):
    def up(a):
        for k in range(3):
            yield a * k

    def one(a):
        yield a

    t = 0.0
    for v in u:
        g = up(v) if v > 0 else one(v * x)
        for w in g:
            t += w
    return t


def next_under_if_both(x):
    def gen():
        v = x
        while True:
            yield v
            v = v * 2.0

    g = gen()
    t = 0.0
    if x > 0:
        t += next(g)
    else:
        t -= next(g) * 3.0
    return t + next(g)


def default_then_alive(u):
    def gen():
        for v in u:
            yield v

    g = gen()
    t = 0.0
    for k in range(6):
        t += next(g, -1.0) * (k + 1)
    return t


def iterate_pair_by_next(u):
    it = iter(u)
    t = 0.0
    for v in it:
        t += v * next(it, 0.5)
    return t


def header_then_rows(u):
    it = iter(u)
    scale = next(it)
    t = 0.0
    for k, v in enumerate(it):
        t += scale * v * (k + 1)
    return t


def merge_sorted(x):
    def merge(a, b):
        a, b = iter(a), iter(b)
        x1, y1 = next(a, None), next(b, None)
        while x1 is not None and y1 is not None:
            if x1 < y1:
                yield x1
                x1 = next(a, None)
            else:
                yield y1
                y1 = next(b, None)

    return sum((k + 1) * v for k, v in enumerate(merge([0.1, 0.5], [0.2, 0.3]))) * x


def peek(u):
    it = iter(u)
    prev = next(it)
    t = 0.0
    for cur in it:
        t += (cur - prev) ** 2
        prev = cur
    return t


def zip_offset(u):
    a, b = iter(u), iter(u)
    next(b)
    return sum(p * q for p, q in zip(a, b))


def islice_skip(u):
    return sum(itertools.islice(iter(u), 1, None))


def takewhile_then(u, x):
    def gen():
        v = x * x
        while True:
            yield v
            v = v + 0.3

    g = gen()
    s = sum(itertools.takewhile(lambda t: t < 1.5, g))
    return s + next(g)


def generator_in_function_args(x):
    def total(*args):
        return sum(args)

    def gen():
        yield x
        yield x * x

    return total(*gen(), 3.0)


def kwargs_gen(x):
    def f(a, b):
        return a * b + b

    def items():
        yield "a", x
        yield "b", x * x

    return f(**dict(items()))


def gen_closure_updates(u):
    best = None

    def gen():
        nonlocal best
        for v in u:
            if best is None or v > best:
                best = v
            yield best

    return sum(gen()) + best


def method_gen_state(x):
    c = _Counter(x)
    t = 0.0
    for v in c.run(3):
        t += v + c.total
    return t * c.total


class _Counter:
    def __init__(self, step):
        self.step = step
        self.total = 0.0

    def run(self, n):
        for _ in range(n):
            self.total += self.step
            yield self.total * self.step


def two_methods_interleaved(x):
    c = _Counter(x)
    t = 0.0
    for a, b in zip(c.run(3), c.run(3)):
        t += a * b
    return t


def array_out(u):
    def chunks():
        for i in range(0, len(u), 2):
            yield u[i : i + 2] * (i + 1)

    return float(np.sum(np.concatenate(list(chunks())) ** 2))


def update_views(a):
    m = a * 1.0

    def rows():
        for r in m:
            yield r

    for k, r in enumerate(rows()):
        r *= k + 2.0
    return float(np.sum(m**2))


def update_list_of_arrays(u):
    parts = [u * 1.0, u * 2.0]

    def each():
        yield from parts

    for p in each():
        p += 1.0
    return float(np.sum(parts[0] * parts[1]))


def with_break(x):
    log = []

    @contextlib.contextmanager
    def cm(v):
        log.append(v)
        yield v * 2
        log.append(v * v)

    t = 0.0
    for k in range(4):
        with cm(x + k) as w:
            if k == 2:
                break
            t += w
    return t + sum(log)


def with_nested_generators(u):
    @contextlib.contextmanager
    def cm(v):
        yield v * 2

    def gen():
        for v in u:
            with cm(v) as w:
                yield w

    return sum(w * w for w in gen())


def with_return_value(x):
    @contextlib.contextmanager
    def cm(v):
        try:
            yield v
        finally:
            v = 0.0

    def f():
        with cm(x) as a:
            with cm(a * x) as b:
                return a + b

    return f()


def with_reraise(x):
    @contextlib.contextmanager
    def cm():
        try:
            yield
        except ValueError:
            raise KeyError("x") from None

    t = x
    try:
        with cm():
            t = t * 2.0
            if x < 100:
                raise ValueError("v")
            t = t * 100.0
    except KeyError:
        t = t + 1.0
    return t


def with_body_sets(x):
    @contextlib.contextmanager
    def cm(d):
        old = d["k"]
        d["k"] = old * 2.0
        yield d
        d["k"] = old

    d = {"k": x}
    with cm(d):
        r = d["k"] * x
    return r + d["k"]


def try_else_gen(u):
    def gen():
        for v in u:
            try:
                r = math.sqrt(v)
            except ValueError:
                continue
            else:
                yield r
            finally:
                pass

    return sum(gen())


def nested_return(u):
    def outer():
        for v in u:
            r = yield from inner(v)
            yield r * 10.0

    def inner(v):
        if v < 0:
            return v
        yield v
        return v * 2.0

    return sum(outer())


def deep_pipeline(u, x):
    def src():
        for v in u:
            yield v

    def add(it, k):
        for v in it:
            yield v + k

    def mul(it, k):
        for v in it:
            yield v * k

    def pairs(it):
        prev = None
        for v in it:
            if prev is not None:
                yield prev, v
            prev = v

    return sum(a * b for a, b in pairs(mul(add(src(), x), 2.0)))


def two_readers(u):
    ahead, behind = itertools.tee(u)
    next(ahead)
    return sum((b - a) ** 2 for a, b in zip(behind, ahead))


def inserted_in_order(x, y):
    values = [0.5, 1.0]
    bisect.insort(values, x)
    bisect.insort_left(values, y * y)
    return sum(k * v for k, v in enumerate(values))


def grouped_by_value(u):
    return sum(sum(group) ** 2 for _, group in itertools.groupby(u, key=lambda v: v > 0.0))


# `+=` on a number or an array; which element of a tuple, and how many there are
TYPED = {
    "array_changed_between", "poly_getitem", "same_generator_zip", "update_list_of_arrays",
    "update_views",
}  # fmt: skip

_LONG = (
    "array_argument_seen_late", "batches_of_data", "chunked", "iter_next_object",
    "next_default_object", "same_generator_zip", "sgd", "unpack_in_for_star", "moving_average",
    "two_readers", "zip_offset", "islice_skip", "try_else_gen", "deep_pipeline",
)  # fmt: skip
SETTINGS = {name: {"size_one": False} for name in _LONG}
