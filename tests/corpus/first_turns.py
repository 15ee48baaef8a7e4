"""Loops whose first turn differs: a name is None before it, and data from then on."""

from __future__ import annotations

import math

import numpy as np


def differences(u):
    prev = None
    total = 0.0
    for value in u:
        if prev is not None:
            total += (value - prev) ** 2 * value
        prev = value
    return total


def largest(u):
    best = None
    for value in u:
        if best is None or value > best:
            best = value
    return best * best


def never_run(x, n):
    prev = None
    total = x
    for k in range(n - 3):
        if prev is not None:
            total = total + prev
        prev = x * k
    return total * x


def left_at_once(x, n):
    prev = None
    for k in range(n):
        if prev is not None:
            return prev * x
        if k > 5:
            break
        prev = math.sin(x) + k
    return x


def with_else(x, n):
    prev = None
    total = x
    for k in range(n):
        if prev is None:
            total = total * 2.0
        elif k > 7:
            break
        else:
            total = total + prev * x
        prev = total
    else:
        total = total * x
    return total


def continued(x, n):
    prev = None
    total = x
    for k in range(n + 2):
        if prev is None:
            prev = x * x
            continue
        total = total + prev * k
        prev = prev * x
    return total


def while_not_converged(x):
    old = None
    new = x
    count = 0
    while old is None or abs(new - old) > 1e-8:
        old = new
        new = math.cos(new * 0.5) * x
        count += 1
        if count > 40:
            break
    return new


def while_true(x, n):
    previous = None
    k = 0
    total = x
    while True:
        if k >= n:
            break
        if previous is not None:
            total = total * 0.5 + previous
        previous = math.sin(total)
        k += 1
    return total


def arrays_from_the_first(u, n):
    velocity = None
    w = u * 1.0
    for _ in range(n):
        g = 2.0 * w
        velocity = g if velocity is None else 0.9 * velocity + g
        w = w - 0.1 * velocity
    return np.sum(w * w)


def momentum_in_place(u, n):
    history = None
    w = u * 1.0
    for _ in range(n):
        if history is None:
            history = np.zeros_like(w)
        history += 0.1 * w
        w = w - history
    return np.sum(w * w * u)


def stepped(x, n):
    last = "none"
    total = 0.0
    for k in range(1, 2 * n, 2):
        total += x * k if last == "none" else last * x
        last = total + k
    return total


def paired(u, v):
    old = None
    total = 0.0
    for i, (a, b) in enumerate(zip(u, v)):
        if old is not None:
            total += old * a * i
        old = a * b
    return total

