"""Which functions give arrays of their own, and which hand out memory of their operands.

Only what is known to allocate counts as fresh; any other function may return a view of its
operands, or an operand itself.
"""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.pristine import np
from srcad.rules.registry import lookup

_NUMPY = (
    "sum prod mean std var max min amax amin argmax argmin any all cumsum cumprod nansum nanmean "
    "dot inner outer vdot tensordot kron cross trace where select clip take take_along_axis "
    "concatenate stack vstack hstack dstack column_stack append insert delete pad tile repeat roll "
    "zeros ones full empty eye identity arange linspace logspace zeros_like ones_like full_like "
    "empty_like copy sort argsort partition median percentile quantile average round around "
    "triu tril interp convolve correlate searchsorted bincount count_nonzero nonzero "
    "unique logaddexp sinc i0 ptp vander meshgrid size shape ndim"
).split()
_LINALG = "inv solve det slogdet norm cholesky eigh eig eigvalsh svd qr pinv lstsq".split()
FRESH: set[Any] = {
    *(getattr(np, name) for name in _NUMPY if hasattr(np, name)),
    *(getattr(np.linalg, name) for name in _LINALG),
    runtime.zeros_like, runtime.outline, runtime.zeros_list, runtime.zeros_parts,
    runtime.list_like,
    runtime.as_cotangent, runtime.astype, runtime.log_argument, np.array, np.ndarray.tolist,
    runtime.add_lists, runtime.put_slice, runtime.sum_repeats, runtime.joined, runtime.repeated,
    runtime.sorting_order, runtime.keys_of, runtime.with_last, runtime.as_list, runtime.floats,
    runtime.last_write_mask, runtime.binned, runtime.of_bins,
    slice, len, float, int, complex, bool, abs, round, divmod, range,
}  # fmt: skip


# Of these only one operand may come back in the result: its position and its name.
HANDED_ON: dict[Any, tuple[int, str]] = {np.histogram: (1, "bins")}


def may_return_operand(fn: Any) -> bool:
    """Whether the result of a function may share memory with one of its operands."""
    if isinstance(fn, np.ufunc) or fn in FRESH:
        return False
    rule = lookup(fn)
    return rule is None or rule.form != "elementwise"
