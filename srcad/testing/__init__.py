"""Check derivatives: those that srcad compiles, and the rules that you write for it.

`check_grads` compares the derivatives of a function with differences and with each other.
What the comparison stands on is public too: `assert_close`, which takes nothing for equal that is
not, and `numerical_jvp`, which gives a derivative only where differences can be trusted.
"""

from srcad.testing.checks import check_grads
from srcad.testing.comparison import assert_close
from srcad.testing.derived import directional_derivative, weighted_sum, with_constants
from srcad.testing.differences import OracleError, numerical_jvp

__all__ = [
    "OracleError",
    "assert_close",
    "check_grads",
    "directional_derivative",
    "numerical_jvp",
    "weighted_sum",
    "with_constants",
]
