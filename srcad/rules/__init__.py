"""The derivative rules: one table, and the forms in which its rows are declared.

Importing this package fills the table; `srcad.rules.elementwise` and its companions add to it.
"""

from srcad.rules import (
    arithmetic,
    complex_math,
    containers,
    contractions,
    creation,
    cumulative,
    einsum,
    histograms,
    joining,
    least_squares,
    linalg,
    mathematics,
    methods,
    norms,
    numbers,
    reductions,
    repetition,
    selection,
    shape,
    signal,
    tables,
    ufuncs,
)
from srcad.rules.registry import (
    bilinear,
    composite,
    elementwise,
    linear,
    multilinear,
    rule,
    zero,
)

# The modules whose import fills the table, one per family of functions.
FAMILIES = (
    arithmetic,
    complex_math,
    containers,
    contractions,
    creation,
    cumulative,
    einsum,
    histograms,
    joining,
    least_squares,
    linalg,
    mathematics,
    methods,
    norms,
    numbers,
    reductions,
    repetition,
    selection,
    shape,
    signal,
    tables,
    ufuncs,
)

__all__ = ["bilinear", "composite", "elementwise", "linear", "multilinear", "rule", "zero"]
