"""Small pieces of real numerical programs."""

from __future__ import annotations

import math

import numpy as np

_GRAVITY = 9.81
_ATOMS = np.array(
    [[0.0, 0.0, 0.0], [1.1, 0.1, -0.2], [0.2, 1.2, 0.3], [-0.3, 0.4, 1.3]]
)  # fmt: skip


def rosenbrock_by_loop(u):
    total = 0.0
    for i in range(len(u) - 1):
        total += 100.0 * (u[i + 1] - u[i] ** 2) ** 2 + (1.0 - u[i]) ** 2
    return total


def rosenbrock(u):
    return np.sum(100.0 * (u[1:] - u[:-1] ** 2) ** 2 + (1.0 - u[:-1]) ** 2)


def rastrigin(u):
    return 10.0 * len(u) + np.sum(u * u - 10.0 * np.cos(2.0 * np.pi * u))


def ackley(u):
    root = np.sqrt(np.mean(u * u))
    return 20.0 - 20.0 * np.exp(-0.2 * root) - np.exp(np.mean(np.cos(2.0 * np.pi * u))) + np.e


def himmelblau(x, y):
    return (x * x + y - 11.0) ** 2 + (x + y * y - 7.0) ** 2


def runge_kutta(x, y, n):
    """Classical fourth order for a damped pendulum with the angle x and the damping y."""
    angle, speed = x, 0.0
    h = 0.1
    for _ in range(n):
        k1a, k1s = speed, _pendulum(angle, speed, y)
        k2a, k2s = speed + 0.5 * h * k1s, _pendulum(angle + 0.5 * h * k1a, speed + 0.5 * h * k1s, y)
        k3a, k3s = speed + 0.5 * h * k2s, _pendulum(angle + 0.5 * h * k2a, speed + 0.5 * h * k2s, y)
        k4a, k4s = speed + h * k3s, _pendulum(angle + h * k3a, speed + h * k3s, y)
        angle = angle + h / 6.0 * (k1a + 2.0 * k2a + 2.0 * k3a + k4a)
        speed = speed + h / 6.0 * (k1s + 2.0 * k2s + 2.0 * k3s + k4s)
    return angle * angle + speed * speed


def _pendulum(angle, speed, damping):
    return -_GRAVITY * math.sin(angle) - damping * speed


def runge_kutta_of_a_system(m, p, n):
    """The same for a linear system of any size, with the right-hand side as an argument."""
    return np.sum(_integrate(lambda state: np.tanh(m @ state), p, 0.05, n) ** 2)


def _integrate(f, state, h, n):
    for _ in range(n):
        k1 = f(state)
        k2 = f(state + 0.5 * h * k1)
        k3 = f(state + 0.5 * h * k2)
        k4 = f(state + h * k3)
        state = state + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4)
    return state


def euler_steps(x, y, t):
    h = t / 8
    for _ in range(8):
        x = x + h * x * (y - x)
    return x


def adaptive_steps(x):
    """Integrate y' = -x*y to t = 1 with steps that depend on y."""
    y, t = 2.0, 0.0
    while t < 1.0:
        step = 0.11 + 0.05 * y
        if t + step > 1.0:
            step = 1.0 - t
        y = y - step * x * y + 0.5 * (step * x) ** 2 * y
        t = t + step
    return y


def leapfrog(x, y, n):
    """A harmonic oscillator of stiffness y; the energy after n steps."""
    position, velocity = x, 0.3
    velocity = velocity - 0.05 * y * position
    for _ in range(n):
        position = position + 0.1 * velocity
        velocity = velocity - 0.1 * y * position
    return 0.5 * velocity**2 + 0.5 * y * position**2


def kepler_equation(x, y):
    """The anomaly E with E - e*sin(E) = M, by Newton's method."""
    eccentricity = 0.5 / (1.0 + y * y)
    anomaly = x
    correction = 1.0
    while abs(correction) > 1e-14:
        correction = (anomaly - eccentricity * math.sin(anomaly) - x) / (
            1.0 - eccentricity * math.cos(anomaly)
        )
        anomaly -= correction
    return anomaly * anomaly


def newton_square_root(x):
    y = 0.5 * (1.0 + x)
    for _ in range(8):
        y = 0.5 * (y + x / y)
    return y


def newton_with_while(x):
    y = x
    iterations = 0
    while abs(y * y * y - x) > 1e-13 * x and iterations < 50:
        y = y - (y * y * y - x) / (3.0 * y * y)
        iterations += 1
    return y


def secant_root(x):
    """The root of z**3 + z = x by the secant method."""
    z0, z1 = 0.0, 1.0 + 0.1 * x
    for _ in range(20):
        f0 = z0**3 + z0 - x
        f1 = z1**3 + z1 - x
        if abs(f1 - f0) < 1e-15:
            break
        z0, z1 = z1, z1 - f1 * (z1 - z0) / (f1 - f0)
    return z1


def halley_root(x):
    z = 1.0
    for _ in range(5):
        f = math.exp(z) - x
        e = math.exp(z)
        z = z - 2.0 * f * e / (2.0 * e * e - f * e)
    return z


def fixed_point(x):
    z = 0.5
    for _ in range(60):
        z = math.cos(0.3 * z + 0.2 * x)
    return z


def geometric_mean_of_gauss(x, y):
    for _ in range(5):
        x, y = 0.5 * (x + y), math.sqrt(x * y)
    return x


def black_scholes(x, y, z, t):
    """A call option: spot 100*x, strike 100*y, volatility z/4, time t."""
    spot, strike, volatility, rate = 100.0 * x, 100.0 * y, 0.25 * z, 0.02
    d1 = (math.log(spot / strike) + (rate + 0.5 * volatility**2) * t) / (volatility * math.sqrt(t))
    d2 = d1 - volatility * math.sqrt(t)
    return spot * _normal_cdf(d1) - strike * math.exp(-rate * t) * _normal_cdf(d2)


def _normal_cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def binomial_option(x, y, n):
    """Price of a call in a tree of n periods, by the sum over its ends."""
    up = math.exp(0.1 * y)
    down = 1.0 / up
    chance = (1.01 - down) / (up - down)
    price = 0.0
    for k in range(n + 1):
        value = x * up**k * down ** (n - k)
        if value > 0.9:
            price += math.comb(n, k) * chance**k * (1.0 - chance) ** (n - k) * (value - 0.9)
    return price


def two_layer_network(a, b, p, u, row):
    hidden = np.tanh(b @ p + u)
    output = a @ hidden
    return 0.5 * np.sum((output - p) ** 2) + 0.01 * (np.sum(a * a) + np.sum(b * b)) + np.sum(row**2)


def softmax_cross_entropy(a, b, u, idx):
    """Mean loss of four classes over the rows of a batch, with integer labels."""
    logits = b @ a + u[:, None]
    logits = logits - np.max(logits, axis=1, keepdims=True)
    log_normaliser = np.log(np.sum(np.exp(logits), axis=1))
    rows = np.arange(len(logits))
    return np.mean(log_normaliser - logits[rows, idx[: len(rows)]])


def logistic_regression(u, a, p):
    margin = (a @ u) * p
    return np.mean(np.logaddexp(0.0, -margin)) + 0.05 * (u @ u)


def gaussian_log_likelihood(x, y, u):
    """Independent observations u with the mean x and the log deviation y."""
    deviation = np.exp(y)
    standardised = (u - x) / deviation
    return -0.5 * np.sum(standardised**2) - len(u) * (y + 0.5 * np.log(2.0 * np.pi))


def multivariate_gaussian(p, m, col):
    covariance = m @ m.T + np.eye(3)
    residual = p - col[:, 0]
    quadratic = residual @ np.linalg.solve(covariance, residual)
    return -0.5 * (quadratic + np.log(np.linalg.det(covariance)) + 3.0 * np.log(2.0 * np.pi))


def mixture_log_likelihood(u, x, y):
    first = -0.5 * (u - x) ** 2
    second = -0.5 * (u - y) ** 2 / 4.0 - np.log(2.0)
    return np.sum(np.logaddexp(first + np.log(0.3), second + np.log(0.7)))


def poisson_log_likelihood(x, u, n):
    total = 0.0
    for value in u:
        rate = math.exp(x * value)
        total += n * math.log(rate) - rate - math.lgamma(n + 1)
    return total


def logsumexp(u):
    largest = np.max(u)
    return largest + np.log(np.sum(np.exp(u - largest)))


def logsumexp_by_loop(u):
    largest = u[0]
    for value in u:
        largest = max(largest, value)
    total = 0.0
    for value in u:
        total += math.exp(value - largest)
    return largest + math.log(total)


def horner(u, x):
    total = 0.0
    for c in u:
        total = total * x + c
    return total


def clenshaw(u, x):
    """A Chebyshev series by Clenshaw's recurrence."""
    b1, b2 = 0.0, 0.0
    for i in range(len(u) - 1, 0, -1):
        b1, b2 = 2.0 * x * b1 - b2 + u[i], b1
    return x * b1 - b2 + u[0]


def continued_fraction(u, x):
    value = x + 4.0
    for c in reversed(u):
        value = 4.0 + c / value
    return value


def taylor_sine(x):
    term, total = x, x
    n = 1
    while abs(term) > 1e-18 and n < 30:
        term = -term * x * x / ((n + 1) * (n + 2))
        total += term
        n += 2
    return total


def legendre(x, n):
    if n == 0:
        return x * 0.0 + 1.0
    previous, current = 1.0, x
    for k in range(1, n):
        previous, current = current, ((2 * k + 1) * x * current - k * previous) / (k + 1)
    return current


def cosine_transform(u):
    """Power of the discrete cosine transform, by two loops."""
    n = len(u)
    power = 0.0
    for k in range(n):
        coefficient = 0.0
        for i in range(n):
            coefficient += u[i] * math.cos(math.pi * (i + 0.5) * k / n)
        power += coefficient**2 / (k + 1)
    return power


def fourier_power(u, x):
    n = np.arange(len(u))
    real = np.sum(u * np.cos(x * n))
    imaginary = np.sum(u * np.sin(x * n))
    return real * real + imaginary * imaginary


def spring_energy(u, x):
    """A chain of springs with the stiffness x, fixed at both ends."""
    energy = 0.5 * x * (u[0] ** 2 + u[-1] ** 2)
    for i in range(len(u) - 1):
        stretch = u[i + 1] - u[i]
        energy += 0.5 * x * stretch**2 + 0.25 * stretch**4
    return energy


def spring_network(a):
    difference = a[1:] - a[:-1]
    lengths = np.sqrt(np.sum(difference * difference, axis=1) + 1e-3)
    return 0.5 * np.sum((lengths - 1.0) ** 2)


def lennard_jones_by_loop(x, y):
    """Energy of four atoms on a lattice scaled by x, with the depth y, by a double loop."""
    energy = 0.0
    n = len(_ATOMS)
    for i in range(n):
        for j in range(i + 1, n):
            squared = 0.0
            for k in range(3):
                squared += (x * (_ATOMS[i, k] - _ATOMS[j, k])) ** 2
            inverse = 1.0 / squared**3
            energy += 4.0 * y * (inverse * inverse - inverse)
    return energy


def lennard_jones_of_positions(m):
    energy = 0.0
    for i in range(len(m)):
        for j in range(i):
            d = m[i] - m[j]
            r6 = (d @ d) ** 3
            energy += 1.0 / (r6 * r6) - 1.0 / r6
    return energy


def coulomb_energy(p, a):
    energy = 0.0
    for i in range(len(p)):
        for j in range(len(p)):
            if i == j:
                continue
            d = a[i] - a[j]
            energy += p[i] * p[j] / math.sqrt(np.dot(d, d) + 0.01)
    return 0.5 * energy


def power_iteration(m, p, n):
    """The largest eigenvalue of a symmetric matrix, by the Rayleigh quotient."""
    symmetric = m + m.T
    v = p
    for _ in range(n):
        v = symmetric @ v
        v = v / np.sqrt(v @ v)
    return v @ symmetric @ v


def conjugate_gradients(m, p, n):
    matrix = m @ m.T + np.eye(3)
    solution = np.zeros(3)
    residual = p
    direction = p
    rho = residual @ residual
    for _ in range(n):
        image = matrix @ direction
        step = rho / (direction @ image)
        solution = solution + step * direction
        residual = residual - step * image
        new_rho = residual @ residual
        direction = residual + new_rho / rho * direction
        rho = new_rho
    return solution @ p


def jacobi_sweeps(m, p, n):
    diagonal = np.sum(m * np.eye(3), axis=1)
    rest = m - np.eye(3) * diagonal[:, None]
    solution = p / diagonal
    for _ in range(n):
        solution = (p - rest @ solution) / diagonal
    return np.sum(solution**2)


def heat_equation(u, x, n):
    """Explicit steps with the diffusivity x/10 and fixed ends, by slices that are joined."""
    for _ in range(n):
        inner = u[1:-1] + 0.1 * x * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        u = np.concatenate((u[:1], inner, u[-1:]))
    return np.sum(u * u)


def logistic_map(x, n):
    state = 0.4
    for _ in range(n):
        state = x * state * (1.0 - state)
    return state


def lotka_volterra(x, y, z):
    prey, hunters = x, y
    for _ in range(10):
        prey, hunters = (
            prey + 0.05 * prey * (z - 0.4 * hunters),
            hunters + 0.05 * hunters * (0.1 * prey - 0.4),
        )
    return prey * prey + hunters


def trapezoid_integral(x, n):
    h = 1.0 / n
    total = 0.5 * (math.exp(-x * 0.0) + math.exp(-x))
    for i in range(1, n):
        total += math.exp(-x * (i * h) ** 2)
    return h * total


def simpson_integral(x, y):
    grid = np.linspace(0.0, 1.0, 7)
    values = np.exp(-x * grid) * np.sin(y * grid)
    inner = 4.0 * np.sum(values[1:-1:2]) + 2.0 * np.sum(values[2:-1:2])
    return (values[0] + values[-1] + inner) / 18.0


def moving_average_filter(u, x):
    smooth = u[0]
    error = 0.0
    for value in u:
        error += (value - smooth) ** 2
        smooth = (1.0 - 0.2 * x) * smooth + 0.2 * x * value
    return error


def kalman_filter(u, x, y):
    """Negative log likelihood of a random walk with the variances exp(x) and exp(y)."""
    process, noise = math.exp(x), math.exp(y)
    mean, variance, loss = 0.0, 1.0, 0.0
    for value in u:
        variance = variance + process
        innovation = value - mean
        total = variance + noise
        loss += 0.5 * (math.log(total) + innovation * innovation / total)
        gain = variance / total
        mean = mean + gain * innovation
        variance = (1.0 - gain) * variance
    return loss


def hidden_markov_model(a, p, u):
    """Log likelihood by the forward recursion, with probabilities from softmax."""
    emission = np.exp(a) / np.sum(np.exp(a), axis=1, keepdims=True)
    state = np.exp(p) / np.sum(np.exp(p))
    likelihood = 0.0
    for i in range(len(u)):
        joint = state * emission[:, i]
        total = np.sum(joint)
        likelihood += np.log(total) * u[i]
        state = 0.8 * joint / total + 0.2 / 3.0
    return likelihood


def attention(a, c):
    scores = a @ c.T / math.sqrt(a.shape[1])
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    weights = weights / np.sum(weights, axis=-1, keepdims=True)
    return np.sum((weights @ c) ** 2)


def layer_norm(a, u):
    mean = a.mean(axis=-1, keepdims=True)
    variance = ((a - mean) ** 2).mean(axis=-1, keepdims=True)
    return np.sum((a - mean) / np.sqrt(variance + 1e-2) * u)


def recurrent_network(m, b, a):
    state = np.zeros(3)
    for inputs in b:
        state = np.tanh(m @ state * 0.3 + inputs)
    return np.sum(state**2) + np.sum(a * a) * 0.0


def radial_basis(a, p, x):
    total = 0.0
    for i in range(len(a)):
        squared = np.sum((a[i] - x) ** 2)
        total += p[i] * np.exp(-0.1 * squared)
    return total


def kernel_matrix(a, x):
    squares = np.sum(a * a, axis=1)
    distance = squares[:, None] + squares[None, :] - 2.0 * a @ a.T
    return np.sum(np.exp(-0.1 * distance / (x * x)))


def huber_loss(u, v):
    residual = u - v
    absolute = np.abs(residual)
    return np.sum(np.where(absolute < 0.5, 0.5 * residual**2, 0.5 * (absolute - 0.25)))


def triangle_area(x, y, z):
    a, b, c = 1.0 + abs(x), 1.2 + abs(y), 1.1 + 0.1 * abs(z)
    s = 0.5 * (a + b + c)
    return math.sqrt(abs(s * (s - a) * (s - b) * (s - c)))


def rotation(x, y, z):
    c, s = math.cos(x), math.sin(x)
    return (c * y - s * z) ** 2 * 0.5 + (s * y + c * z) * y


def projectile(x, y):
    """Range of a throw with drag, by steps until it lands; the last step is interpolated."""
    angle = 0.6 + 0.1 * x
    vx, vy = 10.0 * math.cos(angle), 10.0 * math.sin(angle)
    px, py = 0.0, 1.0
    old_x, old_y = px, py
    while py > 0.0:
        old_x, old_y = px, py
        speed = math.sqrt(vx * vx + vy * vy)
        drag = 0.01 * y * y * speed
        vx -= 0.1 * drag * vx
        vy -= 0.1 * (_GRAVITY + drag * vy)
        px += 0.1 * vx
        py += 0.1 * vy
    return old_x + (px - old_x) * old_y / (old_y - py)


def balanced_scaling(m):
    """Sinkhorn's iteration; what the last turn leaves is read after the loop."""
    kernel = np.exp(-m)
    rows = np.ones(3)
    for _ in range(3):
        columns = 0.25 / (kernel.T @ rows)
        rows = np.array([0.2, 0.3, 0.5]) / (kernel @ columns)
    return np.sum(rows[:, None] * kernel * columns * m)


def rotated(p, x):
    """A row of the matrix is made of ints."""
    turn = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    return np.sum(turn @ p * np.array([1.0, 2.0, 3.0]))


def fourier_by_halves(u):
    return np.sum(np.abs(_transformed(u + 0j)) ** 2 * u)


def _transformed(z):
    n = len(z)
    if n == 1:
        return z
    even = _transformed(z[::2])
    odd = np.exp(-2j * np.pi * np.arange(n // 2) / n) * even
    return np.concatenate([even + odd, even - odd])


def interest(x, y, n):
    balance = 100.0
    for month in range(12 * n):
        if month % 12 == 0:
            balance -= y
        balance *= 1.0 + 0.01 * x
    return balance


TYPED = {"kepler_equation", "taylor_sine", "projectile"}  # `+=` on a number or an array?

SETTINGS = {
    "rastrigin": {"float32": False},
    "geometric_mean_of_gauss": {"positive": True},
    "newton_square_root": {"positive": True},
    "newton_with_while": {"positive": True, "float32": False},
    "halley_root": {"positive": True},
    "kepler_equation": {"float32": False},
    "black_scholes": {"positive": True},
    "binomial_option": {"positive": True, "inputs": {"n": 4}},
    "poisson_log_likelihood": {"inputs": {"n": 2}},
    "legendre": {"inputs": [{"n": 0}, {"n": 1}, {"n": 5}]},
    "heat_equation": {"size_one": False},
    "logistic_map": {"inputs": [{"x": 3.7, "n": 12}, {"x": 2.5, "n": 0}]},
    "conjugate_gradients": {"inputs": {"n": 2}},
    "trapezoid_integral": {"inputs": {"n": 6}},
    "interest": {"inputs": {"n": 2}},
    "fourier_by_halves": {"size_one": False, "float32": False},
}
