"""srcad: automatic differentiation of Python functions by source transformation.

>>> import srcad
>>> def f(x):
...     return x * x * x
>>> df = srcad.grad(f)                       # doctest: +SKIP
>>> df(2.0)                                  # doctest: +SKIP
12.0
"""

from srcad import rules
from srcad.api import grad, hvp, ir, jvp, source, value_and_grad, vjp
from srcad.cache.disk import SrcadCacheWarning
from srcad.derivative import Derivative
from srcad.errors import (
    AliasingError,
    BackendError,
    InternalError,
    Loc,
    MissingRuleError,
    SeedError,
    SignatureError,
    SourceNotFoundError,
    SrcadError,
    TypeInferenceError,
    TypeStringError,
    UnsupportedSyntaxError,
)
from srcad.rules.custom import custom_jvp, custom_vjp, stop_gradient

__version__ = "0.1.0"
__all__ = [
    "AliasingError",
    "BackendError",
    "Derivative",
    "InternalError",
    "Loc",
    "MissingRuleError",
    "SeedError",
    "SignatureError",
    "SourceNotFoundError",
    "SrcadCacheWarning",
    "SrcadError",
    "TypeInferenceError",
    "TypeStringError",
    "UnsupportedSyntaxError",
    "__version__",
    "custom_jvp",
    "custom_vjp",
    "grad",
    "hvp",
    "ir",
    "jvp",
    "rules",
    "source",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
