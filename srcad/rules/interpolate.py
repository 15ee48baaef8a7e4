"""Rules of `scipy.interpolate`, where SciPy is installed: evaluating splines at given places.

They are declared when a function of `scipy.interpolate` is first looked up. A spline itself
(its knots and coefficients) is a constant: the derivative in it is refused.
"""

from __future__ import annotations

from typing import Any

from scipy import interpolate

from srcad.errors import TypeInferenceError
from srcad.ir.abstract import ANY, INT, MANY, UNKNOWN, Array, TupleOf, Type, broadcast, dims_of
from srcad.pristine import np
from srcad.rules.inference import MISSING, Call, as_array, constant_type
from srcad.rules.language import call, unbroadcast_to
from srcad.rules.registry import rule, zero

# -- what the derivatives call: SciPy refuses some derivatives, and gives others of a function
#    that it does not evaluate (outside of the knots)


def spline_derivative(x: Any, tck: Any, der: int = 1, ext: int = 0) -> Any:
    """`splev`, of any order: zero above the degree, and where the value is held constant."""
    if der > tck[2]:
        return np.zeros(np.shape(x))
    return interpolate.splev(x, tck, der, 1 if ext == 3 else ext)


def univariate_derivative(spline: Any, x: Any, nu: int = 1, ext: Any = None) -> Any:
    """A `UnivariateSpline` as `spline_derivative`."""
    modes = {"extrapolate": 0, "zeros": 1, "raise": 2, "const": 3}
    mode = spline.ext if ext is None else modes.get(ext, ext)
    return spline_derivative(x, spline._eval_args, nu, mode)


def surface_derivative(
    x: Any, y: Any, tck: Any, dx: int = 0, dy: int = 0, grid: bool = True
) -> Any:
    """A derivative of a tensor product spline, on the grid of `x` and `y` or at their pairs.

    Outside of the knots the value is that of the nearest place inside.
    """
    tx, ty, c, kx, ky = tck
    if not grid:
        x, y = np.broadcast_arrays(x, y)
    in_x, in_y = _basis(x, tx, kx, dx), _basis(y, ty, ky, dy)
    coefficients = np.reshape(c, (in_x.shape[1], in_y.shape[1]))
    if grid:
        return in_x @ coefficients @ in_y.T
    return np.reshape(np.sum(in_x @ coefficients * in_y, axis=1), np.shape(x))


def _basis(x: Any, t: Any, k: int, nu: int) -> Any:
    """The derivatives of the basis splines at each of `x`: one row for each."""
    x = np.ravel(np.asarray(x, dtype=float))
    low, high = t[k], t[len(t) - k - 1]
    splines = interpolate.BSpline(t, np.eye(len(t) - k - 1), k)
    found = splines(np.clip(x, low, high), nu)
    return found * ((low <= x) & (x <= high))[:, None] if nu else found


# -- splev(x, tck) and UnivariateSpline


def _pointwise(x: int) -> Any:
    """The type of a spline of numbers at the operand with this position."""
    return lambda c: _evaluated(c.types[x])


def _evaluated(t: Type) -> Type:
    return Array("float64", dims_of(as_array(t)))


def _splev_type(c: Call) -> Type:
    tck = c.types[1]
    if isinstance(tck, TupleOf) and tck.elems is not None and len(tck.elems) == 3:
        coefficients = tck.elems[1]
        if isinstance(coefficients, Array) and len(coefficients.dims or ()) == 1:
            return _evaluated(c.types[0])
    return UNKNOWN  # of several splines at once, the result is a list


@rule(interpolate.splev, unknown=("tck",), infer=_splev_type)
class _Splev:
    def jvp(dots: Any, z: Any, x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
        return dots[0] * _splev_slope(z, x, tck, der, ext)

    def vjp(g: Any, z: Any, x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
        return g * _splev_slope(z, x, tck, der, ext), None


def _splev_slope(z: Any, x: Any, tck: Any, der: int, ext: int) -> Any:
    if z.type == UNKNOWN:
        raise _of_several("splev")
    if der == 0 and ext != 3:  # the degree is not less than 1
        return call(interpolate.splev, x, x, tck, der=1, **({"ext": ext} if ext else {}))
    return call(spline_derivative, x, x, tck, der=der + 1, ext=ext)


def _of_several(name: str) -> TypeInferenceError:
    return TypeInferenceError(
        f"whether `{name}` evaluates one spline is not known while compiling",
        reason="the type of the coefficients does not say that it is one spline of numbers",
        advice="evaluate one spline, whose coefficients are a vector",
    )


@rule(spline_derivative, unknown=("tck",), infer=_pointwise(0))
class _SplineDerivative:
    def jvp(dots: Any, z: Any, x: Any, tck: Any, der: int = 1, ext: int = 0) -> Any:
        return dots[0] * call(spline_derivative, x, x, tck, der=der + 1, ext=ext)

    def vjp(g: Any, z: Any, x: Any, tck: Any, der: int = 1, ext: int = 0) -> Any:
        return g * call(spline_derivative, x, x, tck, der=der + 1, ext=ext), None


@rule(
    interpolate.UnivariateSpline.__call__, operands=("self", "x"), active=("x",),
    infer=_pointwise(1),
)  # fmt: skip
class _Univariate:
    def jvp(dots: Any, z: Any, self: Any, x: Any, nu: int = 0, ext: Any = None) -> Any:
        return dots[1] * call(univariate_derivative, x, self, x, nu=nu + 1, ext=ext)

    def vjp(g: Any, z: Any, self: Any, x: Any, nu: int = 0, ext: Any = None) -> Any:
        return None, g * call(univariate_derivative, x, self, x, nu=nu + 1, ext=ext)


@rule(
    univariate_derivative, operands=("spline", "x"), active=("x",), infer=_pointwise(1)
)
class _UnivariateDerivative:
    def jvp(dots: Any, z: Any, spline: Any, x: Any, nu: int = 1, ext: Any = None) -> Any:
        return dots[1] * call(univariate_derivative, x, spline, x, nu=nu + 1, ext=ext)

    def vjp(g: Any, z: Any, spline: Any, x: Any, nu: int = 1, ext: Any = None) -> Any:
        return None, g * call(univariate_derivative, x, spline, x, nu=nu + 1, ext=ext)


# -- CubicSpline, PchipInterpolator, Akima1DInterpolator, PPoly, BSpline


def _is_of_numbers(spline: object) -> bool:
    """Whether this is one spline of real numbers, and no array of them."""
    c = getattr(spline, "c", None)
    rank = 1 if isinstance(spline, interpolate.BSpline) else 2
    return isinstance(c, np.ndarray) and c.ndim == rank and c.dtype.kind == "f"


def _piecewise_type(c: Call) -> Type:
    spline = c.constants[0]
    return _evaluated(c.types[1]) if spline is not MISSING and _is_of_numbers(spline) else UNKNOWN


for _evaluate in (interpolate.PPoly.__call__, interpolate.BSpline.__call__):

    @rule(_evaluate, operands=("self", "x"), active=("x",), infer=_piecewise_type)
    class _Piecewise:
        def jvp(dots: Any, z: Any, self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
            return dots[1] * _piecewise_slope(z, self, x, nu, extrapolate)

        def vjp(g: Any, z: Any, self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
            return None, g * _piecewise_slope(z, self, x, nu, extrapolate)


def _piecewise_slope(z: Any, spline: Any, x: Any, nu: int, extrapolate: Any) -> Any:
    if z.type == UNKNOWN:
        raise _of_several("CubicSpline.__call__")
    fn = type(spline.const).__call__
    given = {} if extrapolate is None else {"extrapolate": extrapolate}
    return call(fn, x, spline, x, nu=nu + 1, **given)


# -- bisplev(x, y, tck) and RectBivariateSpline


def _bisplev_type(c: Call) -> Type:
    x, y = (dims_of(as_array(t)) for t in c.types[:2])
    if x == () and y == ():
        return Array("float64", (), item=True)
    return Array("float64", None)


def _grid_type(c: Call) -> Type:
    return Array("float64", (ANY, ANY))


def _points_type(c: Call) -> Type:
    return Array("float64", broadcast(dims_of(as_array(t)) for t in c.types[-2:]))


def _surface_type(c: Call) -> Type:
    return _grid_type(c) if c.attrs.get("grid", True) else Array(
        "float64", broadcast(dims_of(as_array(t)) for t in c.types[:2])
    )  # fmt: skip


def _tangent(dots: Any, x: Any, y: Any, tck: Any, dx: int, dy: int, grid: bool) -> Any:
    """Of a surface, on a grid or at pairs; `dots` are those of `x` and `y`."""
    total = None
    for dot, k in zip(dots, (0, 1), strict=True):
        if dot is not None:
            slope = _slope(x, y, tck, dx, dy, k, grid)
            if grid:
                dot = np.reshape(dot, (-1, 1) if k == 0 else (1, -1))
            total = dot * slope if total is None else total + dot * slope
    return total


def _slope(x: Any, y: Any, tck: Any, dx: int, dy: int, k: int, grid: bool) -> Any:
    more = {"dx": dx + (k == 0), "dy": dy + (k == 1), "grid": grid}
    return call(surface_derivative, x, x, y, tck, **more)


def _cotangents(g: Any, x: Any, y: Any, tck: Any, dx: int, dy: int, grid: bool) -> Any:
    found = []
    for k, operand in ((0, x), (1, y)):
        bar = g * _slope(x, y, tck, dx, dy, k, grid)
        if grid:
            found.append(np.reshape(np.sum(bar, axis=1 - k), operand.shape))
        else:
            found.append(unbroadcast_to(bar, operand, bar))
    return tuple(found)


@rule(surface_derivative, unknown=("tck",), infer=_surface_type)
class _SurfaceDerivative:
    def jvp(
        dots: Any, z: Any, x: Any, y: Any, tck: Any, dx: int = 0, dy: int = 0, grid: bool = True
    ) -> Any:
        return _tangent(dots[:2], x, y, tck, dx, dy, grid)

    def vjp(
        g: Any, z: Any, x: Any, y: Any, tck: Any, dx: int = 0, dy: int = 0, grid: bool = True
    ) -> Any:
        return *_cotangents(g, x, y, tck, dx, dy, grid), None


@rule(interpolate.bisplev, unknown=("tck",), infer=_bisplev_type)
class _Bisplev:
    """The result has as many dimensions as are not of length one."""

    def jvp(dots: Any, z: Any, x: Any, y: Any, tck: Any, dx: int = 0, dy: int = 0) -> Any:
        if z.known_ndim == 0:
            return _tangent(dots[:2], x, y, tck, dx, dy, False)
        return np.reshape(_tangent(dots[:2], x, y, tck, dx, dy, True), z.shape)

    def vjp(g: Any, z: Any, x: Any, y: Any, tck: Any, dx: int = 0, dy: int = 0) -> Any:
        if z.known_ndim == 0:
            return *_cotangents(g, x, y, tck, dx, dy, False), None
        g = np.reshape(g, (x.size, y.size))
        return *_cotangents(g, x, y, tck, dx, dy, True), None


@rule(
    interpolate.BivariateSpline.__call__, operands=("self", "x", "y"), active=("x", "y"),
    infer=lambda c: _surface_type(Call(c.fn, c.types[1:], c.constants[1:], c.attrs)),
)  # fmt: skip
class _Bivariate:
    def jvp(
        dots: Any, z: Any, self: Any, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True
    ) -> Any:
        return _tangent(dots[1:], x, y, call(surface_of, x, self), dx, dy, grid)

    def vjp(
        g: Any, z: Any, self: Any, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True
    ) -> Any:
        return None, *_cotangents(g, x, y, call(surface_of, x, self), dx, dy, grid)


def surface_of(spline: Any) -> Any:
    """Knots, coefficients and degrees of a `BivariateSpline`."""
    return (*spline.tck[:3], *spline.degrees)


_VECTOR = Array("float64", (MANY,))
zero(surface_of, infer=constant_type(TupleOf((_VECTOR, _VECTOR, _VECTOR, INT, INT))))


__all__ = ["spline_derivative", "surface_derivative", "univariate_derivative"]
