"""Attributes and methods of arrays, as functions of the table.

A method whose call differs from that of its function has an adapter: it gets the arguments (the
array first) and keywords of the method, and returns those of the function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from srcad import runtime
from srcad.pristine import np
from srcad.rules.registry import ARRAY

Arguments = tuple[list[Any], dict[str, Any]]

METHOD_ADAPTERS: dict[str, Callable[[list[Any], dict[str, Any]], Arguments]] = {}

ARRAY.methods.update(
    astype=np.astype, choose=np.choose, compress=np.compress, copy=np.copy,
    diagonal=np.diagonal, dot=np.dot, flatten=np.ravel, item=runtime.item, nonzero=np.nonzero,
    ravel=np.ravel, repeat=np.repeat, reshape=np.reshape, searchsorted=np.searchsorted,
    squeeze=np.squeeze, swapaxes=np.swapaxes, take=np.take, tolist=np.ndarray.tolist,
    trace=np.trace, transpose=np.transpose,
)  # fmt: skip
ARRAY.attributes.update(
    T=np.transpose, dtype=np.result_type, mT=np.matrix_transpose, ndim=np.ndim, shape=np.shape,
    size=np.size,
)  # fmt: skip


def _adapter(name: str) -> Callable[[Callable[..., Arguments]], Callable[..., Arguments]]:
    def declare(adapt: Callable[..., Arguments]) -> Callable[..., Arguments]:
        METHOD_ADAPTERS[name] = adapt
        return adapt

    return declare


@_adapter("reshape")
def _reshape(args: list[Any], kwargs: dict[str, Any]) -> Arguments:
    """``x.reshape(2, 3)`` is ``np.reshape(x, (2, 3))``."""
    return ([args[0], tuple(args[1:])] if len(args) > 2 else args), kwargs


@_adapter("transpose")
def _transpose(args: list[Any], kwargs: dict[str, Any]) -> Arguments:
    """``x.transpose(1, 0)`` is ``np.transpose(x, (1, 0))``."""
    return ([args[0], tuple(args[1:])] if len(args) > 2 else args), kwargs


@_adapter("compress")
def _compress(args: list[Any], kwargs: dict[str, Any]) -> Arguments:
    """``x.compress(condition)`` is ``np.compress(condition, x)``."""
    x, *rest = args
    if "condition" not in kwargs:
        return [*rest[:1], x, *rest[1:]], kwargs
    others = {k: v for k, v in kwargs.items() if k != "condition"}
    return [kwargs["condition"], x, *rest], others


@_adapter("astype")
def _astype(args: list[Any], kwargs: dict[str, Any]) -> Arguments:
    """The keywords that say how to convert do not change the values; `np.astype` lacks them."""
    dtype = kwargs.get("dtype")
    rest = {k: v for k, v in kwargs.items() if k not in ("dtype", "casting", "order", "subok")}
    return (args if dtype is None else [args[0], dtype]), rest


@_adapter("clip")
def _clip(args: list[Any], kwargs: dict[str, Any]) -> Arguments:
    """``x.clip(min=a, max=b)`` is ``np.clip(x, a, b)``."""
    x, *bounds = args
    low, high = kwargs.get("min"), kwargs.get("max")
    rest = {k: v for k, v in kwargs.items() if k not in ("min", "max")}
    return [x, bounds[0] if bounds else low, bounds[1] if len(bounds) > 1 else high], rest
