"""Programs that change arrays step by step: schemes for equations, filters, solvers, tables."""

# ruff: noqa: E741 - names as people write them
from __future__ import annotations

import numpy as np

from kernels import Kernel

# ------------------------------------------------------------------ equations on grids


def wave_with_ghost_cells(u0, c, steps):
    n = len(u0)
    u = np.zeros(n + 2)
    u[1:-1] = u0
    old = u.copy()
    new = np.empty_like(u)
    for _ in range(steps):
        u[0] = u[-2]
        u[-1] = u[1]
        new[1:-1] = 2.0 * u[1:-1] - old[1:-1] + c**2 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        old, u, new = u, new, old
    return u[1:-1]


def red_black_gauss_seidel(u, f, h, sweeps):
    for _ in range(sweeps):
        u[1:-1:2, 1:-1:2] = 0.25 * (
            u[:-2:2, 1:-1:2] + u[2::2, 1:-1:2] + u[1:-1:2, :-2:2] + u[1:-1:2, 2::2]
            - h * h * f[1:-1:2, 1:-1:2]
        )  # fmt: skip
        u[2:-1:2, 2:-1:2] = 0.25 * (
            u[1:-2:2, 2:-1:2] + u[3::2, 2:-1:2] + u[2:-1:2, 1:-2:2] + u[2:-1:2, 3::2]
            - h * h * f[2:-1:2, 2:-1:2]
        )  # fmt: skip
    return u


def red_black_by_parity(u, b, sweeps):
    n = len(u)
    for _ in range(sweeps):
        for colour in (0, 1):
            for i in range(1 + colour, n - 1, 2):
                u[i] = 0.5 * (u[i - 1] * u[i + 1] + b[i])
    return u


def _smooth(u, f, h):
    for _ in range(2):
        u[1:-1] += 0.4 * (u[2:] + u[:-2] - 2.0 * u[1:-1] - h * h * f[1:-1])


def multigrid_v_cycle(u, f, h):
    _smooth(u, f, h)
    if len(u) > 3:
        r = np.zeros_like(u)
        r[1:-1] = f[1:-1] - (u[2:] - 2.0 * u[1:-1] + u[:-2]) / (h * h)
        coarse = np.zeros(len(u) // 2 + 1)
        coarse[1:-1] = 0.25 * (r[1:-2:2] + 2.0 * r[2:-1:2] + r[3::2])
        e = multigrid_v_cycle(np.zeros_like(coarse), coarse, 2.0 * h)
        u[::2] += e
        u[1::2] += 0.5 * (e[:-1] + e[1:])
    _smooth(u, f, h)
    return u


def upwind_advection(q, velocity, dt, steps):
    for _ in range(steps):
        flux = np.where(velocity > 0, velocity * q, velocity * np.roll(q, -1))
        q[1:] -= dt * (flux[1:] - flux[:-1])
        q[0] = q[-1]
    return q


def burgers_with_limiter(u, dt, steps):
    for _ in range(steps):
        slope = np.zeros_like(u)
        left, right = u[1:-1] - u[:-2], u[2:] - u[1:-1]
        slope[1:-1] = np.where(left * right > 0, np.minimum(np.abs(left), np.abs(right)), 0.0)
        slope[1:-1] *= np.sign(left)
        face = u[:-1] + 0.5 * slope[:-1]
        flux = 0.5 * face**2
        u[1:-1] = u[1:-1] - dt * (flux[1:] - flux[:-1])
    return u


def shallow_water(h, hu, dt, steps):
    for _ in range(steps):
        flux_h = hu
        flux_hu = hu**2 / h + 4.9 * h**2
        h_new, hu_new = h.copy(), hu.copy()
        h_new[1:-1] = 0.5 * (h[2:] + h[:-2]) - 0.5 * dt * (flux_h[2:] - flux_h[:-2])
        hu_new[1:-1] = 0.5 * (hu[2:] + hu[:-2]) - 0.5 * dt * (flux_hu[2:] - flux_hu[:-2])
        h_new[0], h_new[-1] = h_new[1], h_new[-2]
        hu_new[0], hu_new[-1] = -hu_new[1], -hu_new[-2]
        h, hu = h_new, hu_new
    return h, hu


def reaction_diffusion(U, V, feed, kill, steps):
    for _ in range(steps):
        u, v = U[1:-1, 1:-1], V[1:-1, 1:-1]
        lap_u = U[:-2, 1:-1] + U[2:, 1:-1] + U[1:-1, :-2] + U[1:-1, 2:] - 4 * u
        lap_v = V[:-2, 1:-1] + V[2:, 1:-1] + V[1:-1, :-2] + V[1:-1, 2:] - 4 * v
        uvv = u * v * v
        du = 0.1 * lap_u - uvv + feed * (1 - u)
        dv = 0.05 * lap_v + uvv - (feed + kill) * v
        u += 0.1 * du
        v += 0.1 * dv
        for Z in (U, V):
            Z[0, :] = Z[1, :]
            Z[-1, :] = Z[-2, :]
            Z[:, 0] = Z[:, 1]
            Z[:, -1] = Z[:, -2]
    return U, V


def crank_nicolson(u, r, steps):
    """Heat by the tridiagonal solver of Thomas in every step."""
    n = len(u)
    c, d = np.empty(n), np.empty(n)
    for _ in range(steps):
        d[0], d[-1] = u[0], u[-1]
        d[1:-1] = 0.5 * r * (u[2:] + u[:-2]) + (1.0 - r) * u[1:-1]
        c[0] = 0.0
        for i in range(1, n - 1):
            m = 1.0 + r + 0.5 * r * c[i - 1]
            c[i] = -0.5 * r / m
            d[i] = (d[i] + 0.5 * r * d[i - 1]) / m
        u[-1] = d[-1]
        for i in range(n - 2, -1, -1):
            u[i] = d[i] - c[i] * u[i + 1]
    return u


def thomas(a, b, c, d):
    n = len(d)
    for i in range(1, n):
        w = a[i] / b[i - 1]
        b[i] -= w * c[i - 1]
        d[i] -= w * d[i - 1]
    x = np.zeros(n)
    x[-1] = d[-1] / b[-1]
    for i in reversed(range(n - 1)):
        x[i] = (d[i] - c[i] * x[i + 1]) / b[i]
    return x


# ------------------------------------------------------------------ motion


def leapfrog(x, v, mass, dt, steps):
    trace = np.zeros((steps, len(x)))
    force = -(x**3) / mass
    for s in range(steps):
        v += 0.5 * dt * force
        x += dt * v
        force = -(x**3) / mass
        v += 0.5 * dt * force
        trace[s] = x
    return trace, v


def verlet_of_a_chain(pos, vel, stiffness, dt, steps):
    acc = np.zeros_like(pos)
    for _ in range(steps):
        pos += vel * dt + 0.5 * acc * dt**2
        new = np.zeros_like(pos)
        for i in range(len(pos) - 1):
            stretch = pos[i + 1] - pos[i]
            length = np.sqrt(stretch @ stretch)
            pull = stiffness * (length - 1.0) / length * stretch
            new[i] += pull
            new[i + 1] -= pull
        vel += 0.5 * (acc + new) * dt
        acc = new
    return pos, vel


def runge_kutta(y, matrix, dt, steps):
    out = np.empty((steps + 1, y.shape[0]))
    out[0] = y
    for n in range(steps):
        k1 = np.tanh(matrix @ out[n])
        k2 = np.tanh(matrix @ (out[n] + 0.5 * dt * k1))
        k3 = np.tanh(matrix @ (out[n] + 0.5 * dt * k2))
        k4 = np.tanh(matrix @ (out[n] + dt * k3))
        out[n + 1] = out[n] + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
    return out


def epidemic(beta, gamma, start, dt, steps):
    S, I, R = np.zeros(steps), np.zeros(steps), np.zeros(steps)
    S[0], I[0], R[0] = start
    for t in range(steps - 1):
        infected = beta * S[t] * I[t] * dt
        recovered = gamma * I[t] * dt
        S[t + 1] = S[t] - infected
        I[t + 1] = I[t] + infected - recovered
        R[t + 1] = R[t] + recovered
    return S, I, R


# ------------------------------------------------------------------ signals and images


def exponential_filter(x, alpha):
    y = np.empty_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = alpha * x[i] + (1.0 - alpha) * y[i - 1]
    y[:] = y[::-1]
    for i in range(1, len(x)):
        y[i] += alpha * (y[i - 1] - y[i])
    return y[::-1]


def fft_by_recursion(x):
    n = x.shape[0]
    if n == 1:
        return x + 0j
    even, odd = fft_by_recursion(x[::2]), fft_by_recursion(x[1::2])
    out = np.empty(n, dtype=complex)
    turned = np.exp(-2j * np.pi * np.arange(n // 2) / n) * odd
    out[: n // 2] = even + turned
    out[n // 2 :] = even - turned
    return out


def spectrum(x):
    return np.abs(fft_by_recursion(x)) ** 2


def convolution_by_loops(image, kernel):
    H, W = image.shape
    kh, kw = kernel.shape
    out = np.zeros((H - kh + 1, W - kw + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for a in range(kh):
                for b in range(kw):
                    out[i, j] += image[i + a, j + b] * kernel[a, b]
    return out


def unsharp_mask(image, amount):
    padded = np.pad(image, 1, mode="edge")
    blurred = np.zeros_like(image)
    for di in range(3):
        for dj in range(3):
            blurred += padded[di : di + image.shape[0], dj : dj + image.shape[1]]
    blurred /= 9.0
    out = image + amount * (image - blurred)
    out[out > 1.3] = 1.3
    np.maximum(out, 0.6, out=out)
    return out


def histogram_by_add_at(values, weights, bins):
    out = np.zeros(bins)
    place = values / values.max() * (bins - 1)
    low = np.minimum(place.astype(int), bins - 2)
    share = place - low
    np.add.at(out, low, weights * (1.0 - share))
    np.add.at(out, low + 1, weights * share)
    return out


def mandelbrot_smooth(cr, ci, steps):
    z = np.zeros(cr.shape, dtype=complex)
    c = cr + 1j * ci
    smooth = np.zeros_like(cr)
    for n in range(steps):
        z = z * z + c
        smooth += np.exp(-np.abs(z)) / (n + 1.0)
    return smooth


# ------------------------------------------------------------------ tables


def soft_edit_distance(a, b, cost):
    D = np.zeros((len(a) + 1, len(b) + 1))
    for i in range(1, len(a) + 1):
        D[i, 0] = D[i - 1, 0] + cost
    D[0, 1:] = cost * np.arange(1, len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            change = (a[i - 1] - b[j - 1]) ** 2
            options = np.array([D[i - 1, j] + cost, D[i, j - 1] + cost, D[i - 1, j - 1] + change])
            D[i, j] = -np.log(np.sum(np.exp(-options)))
    return D[-1, -1]


def time_warping(s, t):
    n, m = len(s), len(t)
    D = np.full((n + 1, m + 1), np.inf)
    D[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            D[i, j] = abs(s[i - 1] - t[j - 1]) + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return D[n, m]


def forward_algorithm(log_start, log_move, log_emit):
    steps, states = log_emit.shape
    alpha = np.empty((steps, states))
    alpha[0] = log_start + log_emit[0]
    for t in range(1, steps):
        for j in range(states):
            terms = alpha[t - 1] + log_move[:, j]
            top = np.max(terms)
            alpha[t, j] = log_emit[t, j] + top + np.log(np.sum(np.exp(terms - top)))
    return np.logaddexp.reduce(alpha[-1])


def viterbi_score(start, move, emit):
    best = start + emit[0]
    for t in range(1, len(emit)):
        scores = best[:, None] + move
        best = scores.max(axis=0) + emit[t]
    return best.max()


def sorting_network(x):
    for width in range(len(x) - 1, 0, -1):
        for i in range(width):
            low, high = np.minimum(x[i], x[i + 1]), np.maximum(x[i], x[i + 1])
            x[i], x[i + 1] = low, high
    return x


def knapsack(values, sizes, room):
    best = np.zeros(room + 1)
    for value, size in zip(values, sizes):
        for r in range(room, size - 1, -1):
            if best[r - size] + value > best[r]:
                best[r] = best[r - size] + value
    return best


# ------------------------------------------------------------------ factorisations


def gauss_with_pivots(A, b):
    n = len(b)
    for k in range(n):
        p = k + np.argmax(np.abs(A[k:, k]))
        if p != k:
            A[[k, p]] = A[[p, k]]
            b[[k, p]] = b[[p, k]]
        for i in range(k + 1, n):
            factor = A[i, k] / A[k, k]
            A[i, k:] -= factor * A[k, k:]
            b[i] -= factor * b[k]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        x[i] = (b[i] - A[i, i + 1 :] @ x[i + 1 :]) / A[i, i]
    return x


def householder(A):
    m, n = A.shape
    for k in range(n):
        v = A[k:, k].copy()
        v[0] += np.sign(v[0]) * np.linalg.norm(v)
        v /= np.linalg.norm(v)
        A[k:, k:] -= 2.0 * np.outer(v, v @ A[k:, k:])
    return np.triu(A[:n])


def ldl(A):
    n = len(A)
    L, D = np.eye(n), np.zeros(n)
    for j in range(n):
        D[j] = A[j, j] - L[j, :j] ** 2 @ D[:j]
        for i in range(j + 1, n):
            L[i, j] = (A[i, j] - (L[i, :j] * L[j, :j]) @ D[:j]) / D[j]
    return L, D


def jacobi_rotation(A):
    n = len(A)
    for p in range(n - 1):
        for q in range(p + 1, n):
            theta = 0.5 * np.arctan2(2.0 * A[p, q], A[q, q] - A[p, p])
            c, s = np.cos(theta), np.sin(theta)
            rows = A[[p, q]].copy()
            A[p], A[q] = c * rows[0] - s * rows[1], s * rows[0] + c * rows[1]
            columns = A[:, [p, q]]
            A[:, p] = c * columns[:, 0] - s * columns[:, 1]
            A[:, q] = s * columns[:, 0] + c * columns[:, 1]
    return A


def newton_schulz(A, steps):
    X = A.T / (np.linalg.norm(A) ** 2)
    eye = np.eye(len(A))
    for _ in range(steps):
        residual = eye - A @ X
        X = X @ (eye + residual)
    return X


# ------------------------------------------------------------------ statistics and learning


def kalman_filter(z, F, H, Q, R, x, P):
    out = np.empty((len(z), len(x)))
    for t in range(len(z)):
        x = F @ x
        P = F @ P @ F.T + Q
        S = H @ P @ H.T + R
        K = P @ H.T @ np.linalg.inv(S)
        x = x + K @ (z[t] - H @ x)
        P = (np.eye(len(x)) - K @ H) @ P
        out[t] = x
    return out


def black_scholes(S, K, T, r, sigma, call):
    """Prices with a distribution function by a polynomial, and a mask for calls and puts."""
    d1 = (np.log(S / K) + (r + 0.5 * sigma**2) * T) / (sigma * np.sqrt(T))
    d2 = d1 - sigma * np.sqrt(T)

    def below(d):
        t = 1.0 / (1.0 + 0.2316419 * np.abs(d))
        tail = 1.781477937 + t * (-1.821255978 + t * 1.330274429)
        tail = t * (0.31938153 + t * (-0.356563782 + t * tail))
        p = 1.0 - np.exp(-0.5 * d * d) / np.sqrt(2.0 * np.pi) * tail
        p[d < 0] = 1.0 - p[d < 0]
        return p

    price = np.empty_like(S)
    worth = S * below(d1) - K * np.exp(-r * T) * below(d2)
    price[call] = worth[call]
    price[~call] = worth[~call] - S[~call] + (K * np.exp(-r * T))[~call]
    return price


def monte_carlo(s0, mu, sigma, normals, strike):
    paths = np.empty((normals.shape[0], normals.shape[1] + 1))
    paths[:, 0] = s0
    dt = 1.0 / normals.shape[1]
    for t in range(normals.shape[1]):
        growth = (mu - 0.5 * sigma**2) * dt + sigma * np.sqrt(dt) * normals[:, t]
        paths[:, t + 1] = paths[:, t] * np.exp(growth)
    payoff = paths.mean(axis=1) - strike
    payoff[payoff < 0] = 0.0
    return payoff


def lstm(xs, W, U, b):
    hidden = U.shape[1]
    h, c = np.zeros(hidden), np.zeros(hidden)
    hs = []
    for x in xs:
        gates = W @ x + U @ h + b
        i, f, o = (1.0 / (1.0 + np.exp(-gates[k * hidden : (k + 1) * hidden])) for k in range(3))
        c = f * c + i * np.tanh(gates[3 * hidden :])
        h = o * np.tanh(c)
        hs.append(h)
    return np.stack(hs)


def attention(x, wq, wk, wv):
    q, k, v = x @ wq, x @ wk, x @ wv
    scores = q @ k.T / np.sqrt(q.shape[-1])
    scores[np.triu_indices(len(x), 1)] = -1e9
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores @ v


def batch_norm(x, gain, shift, eps):
    mean = x.mean(axis=0)
    x -= mean
    x /= np.sqrt((x**2).mean(axis=0) + eps)
    x *= gain
    x += shift
    return x


def soft_k_means(points, centres, steps):
    for _ in range(steps):
        distance = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        share = np.exp(-distance)
        share /= share.sum(axis=1, keepdims=True)
        for k in range(len(centres)):
            centres[k] = share[:, k] @ points / share[:, k].sum()
    return centres


def momentum(w, x, y, rate, steps):
    velocity = np.zeros_like(w)
    for _ in range(steps):
        error = x @ w - y
        velocity *= 0.9
        velocity -= rate * x.T @ error
        w += velocity
    return w


# ------------------------------------------------------------------ polynomials and views


def horner(coefficients, x):
    y = np.zeros_like(x)
    for c in coefficients[::-1]:
        y *= x
        y += c
    return y


def spline(knots, values, slopes, at):
    out = np.empty_like(at)
    for n, x in enumerate(at):
        k = min(max(np.searchsorted(knots, x) - 1, 0), len(knots) - 2)
        h = knots[k + 1] - knots[k]
        s = (x - knots[k]) / h
        out[n] = (
            (1 + 2 * s) * (1 - s) ** 2 * values[k] + s * (1 - s) ** 2 * h * slopes[k]
            + s**2 * (3 - 2 * s) * values[k + 1] + s**2 * (s - 1) * h * slopes[k + 1]
        )  # fmt: skip
    return out


def de_boor(controls, t):
    work = controls.copy()
    for r in range(1, len(work)):
        for i in range(len(work) - r):
            work[i] = (1 - t) * work[i] + t * work[i + 1]
    return work[0]


def views_in_names(A, x):
    A = A.copy()
    top, rest = A[0], A[1:]
    diagonal = A.reshape(-1)[:: A.shape[1] + 1]
    top *= x
    rest -= top
    A.T[1] += diagonal[0] * x[: len(A)]
    column = A[:, -1]
    column[...] = column**2
    flat = A.ravel()
    flat[1::2] *= 0.5
    return A, diagonal * 1.0


def ping_pong(a, b, steps):
    for k in range(steps):
        np.multiply(a, 0.5, out=b)
        b[1:] += a[:-1] * a[1:]
        a, b = b, a
        if k % 2:
            a[0] = b[-1]
    return a, b


def pascal_rows(x, n):
    table = np.zeros((n, n))
    table[:, 0] = x[:n]
    for i in range(1, n):
        table[i, 1 : i + 1] = table[i - 1, :i] * x[i] + table[i - 1, 1 : i + 1]
    return table


def power_of_matrix(A, n):
    result = np.eye(len(A))
    base = A.copy()
    while n:
        if n & 1:
            result = result @ base
        base = base @ base
        n >>= 1
    return result


def _definite(draw):
    a = draw(4, 4)
    return a @ a.T + 3.0 * np.eye(4)


KERNELS = [
    Kernel(wave_with_ghost_cells, "u0 c", lambda r: (r(6), 0.6, 5)),
    Kernel(red_black_gauss_seidel, "u f h", lambda r: (r(7, 7), r(7, 7), 0.3, 3)),
    Kernel(red_black_by_parity, "u b", lambda r: (r(7), r(7), 3)),
    Kernel(multigrid_v_cycle, "u f h", lambda r: (r(9), r(9), 0.5)),
    Kernel(
        upwind_advection, "q velocity dt", lambda r: (r(7), r(7) * [1, 1, -1, 1, -1, -1, 1], 0.2, 4)
    ),
    Kernel(
        burgers_with_limiter,
        "u dt",
        lambda r: (np.array([1.0, 1.2, 1.7, 2.9, 2.1, 1.8, 1.1]) + 0.1 * r(7), 0.1, 3),
    ),
    Kernel(shallow_water, "h hu dt", lambda r: (r(7), r(7), 0.05, 4)),
    Kernel(reaction_diffusion, "U V feed kill", lambda r: (r(5, 6), r(5, 6), 0.04, 0.06, 3)),
    Kernel(crank_nicolson, "u r", lambda r: (r(7), 0.7, 3)),
    Kernel(thomas, "a b c d", lambda r: (r(6), r(6) + 3.0, r(6), r(6))),
    Kernel(leapfrog, "x v mass dt", lambda r: (r(4), r(4), r(4), 0.1, 4)),
    Kernel(
        verlet_of_a_chain,
        "pos vel stiffness",
        lambda r: (1.4 * np.arange(8.0).reshape(4, 2) + 0.3 * r(4, 2), r(4, 2), 2.0, 0.1, 3),
    ),
    Kernel(runge_kutta, "y matrix dt", lambda r: (r(3), r(3, 3) - 0.8, 0.2, 3)),
    Kernel(epidemic, "beta gamma start", lambda r: (1.4, 0.3, r(3), 0.2, 8)),
    Kernel(exponential_filter, "x alpha", lambda r: (r(7), 0.3)),
    Kernel(spectrum, "x", lambda r: (r(8),)),
    Kernel(convolution_by_loops, "image kernel", lambda r: (r(5, 4), r(3, 2))),
    Kernel(unsharp_mask, "image amount", lambda r: (r(5, 6), 0.7)),
    Kernel(histogram_by_add_at, "weights", lambda r: (3.0 * r(9), r(9), 5)),
    Kernel(mandelbrot_smooth, "cr ci", lambda r: (0.3 * r(3, 4), 0.3 * r(3, 4), 5)),
    Kernel(soft_edit_distance, "a b cost", lambda r: (r(4), r(5), 0.7)),
    Kernel(time_warping, "s t", lambda r: (3.0 * r(5), 3.0 * r(4))),
    Kernel(forward_algorithm, "log_start log_move log_emit", lambda r: (r(3), r(3, 3), r(5, 3))),
    Kernel(viterbi_score, "start move emit", lambda r: (r(3), r(3, 3), r(5, 3))),
    Kernel(sorting_network, "x", lambda r: (3.0 * r(6),)),
    Kernel(knapsack, "values", lambda r: (r(4), (2, 3, 4, 2), 7)),
    Kernel(gauss_with_pivots, "A b", lambda r: (r(4, 4) + np.fliplr(np.eye(4)) * 3.0, r(4))),
    Kernel(householder, "A", lambda r: (r(5, 3),)),
    Kernel(ldl, "A", lambda r: (_definite(r),)),
    Kernel(
        jacobi_rotation, "A", lambda r: ((lambda a: a + a.T + np.diag([0.0, 4.0, 9.0]))(r(3, 3)),)
    ),
    Kernel(newton_schulz, "A", lambda r: (_definite(r), 4)),
    Kernel(
        kalman_filter,
        "z F H Q R x P",
        lambda r: (r(5, 1), r(2, 2), r(1, 2), 0.1 * np.eye(2), np.eye(1), r(2), np.eye(2)),
    ),
    Kernel(
        black_scholes,
        "S K T r sigma",
        lambda r: (r(6) + 1.0, r(6) + 1.0, r(6), 0.03, 0.3 * r(6), np.arange(6) % 2 == 0),
    ),
    Kernel(monte_carlo, "s0 mu sigma", lambda r: (1.0, 0.1, 0.4, 3.0 * r(6, 4) - 3.0, 1.02)),
    Kernel(lstm, "xs W U b", lambda r: (r(4, 2), r(8, 2) - 1.0, r(8, 2) - 1.0, r(8))),
    Kernel(attention, "x wq wk wv", lambda r: (r(4, 3), r(3, 2), r(3, 2), r(3, 2))),
    Kernel(batch_norm, "x gain shift", lambda r: (r(5, 3), r(3), r(3), 1e-3)),
    Kernel(soft_k_means, "points centres", lambda r: (2.0 * r(6, 2), r(2, 2), 3)),
    Kernel(momentum, "w x y rate", lambda r: (r(3), r(5, 3), r(5), 0.05, 4)),
    Kernel(horner, "coefficients x", lambda r: (r(4), r(5))),
    Kernel(
        spline,
        "values slopes at",
        lambda r: (np.array([0.0, 1.0, 2.5, 4.0]), r(4), r(4), np.array([0.3, 1.7, 3.1, 4.4])),
    ),
    Kernel(de_boor, "controls t", lambda r: (r(5, 2), 0.3)),
    Kernel(views_in_names, "A x", lambda r: (r(3, 4), r(4))),
    Kernel(ping_pong, "a b", lambda r: (r(5), r(5), 5)),
    Kernel(pascal_rows, "x", lambda r: (r(6), 5)),
    Kernel(power_of_matrix, "A", lambda r: (r(3, 3), 6)),
]
