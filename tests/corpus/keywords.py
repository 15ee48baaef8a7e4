"""Keyword arguments as a dictionary: changed, passed on, and behind decorators."""

from __future__ import annotations

import functools
import inspect

import numpy as np


def _filled(x, **options):
    options.setdefault("a", 2.0)
    factor = options.pop("b", 1.0)
    options.update(c=3.0)
    return x * options["a"] * factor * options["c"]


def keywords_are_changed(x, y):
    return _filled(x, b=y) + _filled(x, a=x) + _filled(y)


def _passed_on(x, **options):
    scale = options.pop("scale", 1.0)
    options["t"] = scale * 2.0
    kept = {key: value for key, value in options.items() if key != "t"}
    return _filled(x, **kept) * options["t"]


def keywords_are_passed_on(x, y):
    return _passed_on(x, scale=y, a=x) * _passed_on(y)


def _merged(x, **options):
    settings = {"scale": 2.0, **options}
    return x * settings["scale"]


def defaults_and_keywords(x, y):
    return _merged(x) + _merged(x, scale=y)


def _with_another_signature(function):
    @functools.wraps(function)
    def wrapper(*args, **options):
        return function(*args, scale=3.0, **options)

    shown = inspect.signature(function)
    kept = [p for p in shown.parameters.values() if p.name != "scale"]
    wrapper.__signature__ = shown.replace(parameters=kept)
    return wrapper


@_with_another_signature
def _decorated(x, scale, power=2):
    return scale * x**power


def decorator_that_shows_another_signature(x, y):
    return _decorated(x) * _decorated(y, power=3)


def attribute_with_default(u):
    mask = getattr(u, "mask", None)
    if mask is not None:
        return np.sum(u * mask)
    return np.sum(u * u)


def none_in_a_shape(u):
    if None in u.shape or 0 in u.shape:
        return 0.0
    return np.sum(u * u)


TYPED = {"attribute_with_default"}
