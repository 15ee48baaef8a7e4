"""Physics, signals, networks and sparse matrices: the applications of NPBench."""

from __future__ import annotations

import numpy as np

from kernels import Kernel


def _acceleration(pos, mass, G, softening):
    x = pos[:, 0:1]
    y = pos[:, 1:2]
    z = pos[:, 2:3]
    dx = x.T - x
    dy = y.T - y
    dz = z.T - z
    inv_r3 = dx**2 + dy**2 + dz**2 + softening**2
    inv_r3[inv_r3 > 0] = inv_r3[inv_r3 > 0] ** (-1.5)
    ax = G * (dx * inv_r3) @ mass
    ay = G * (dy * inv_r3) @ mass
    az = G * (dz * inv_r3) @ mass
    return np.hstack((ax, ay, az))


def _energy(pos, vel, mass, G):
    KE = 0.5 * np.sum(mass * vel**2)
    x = pos[:, 0:1]
    y = pos[:, 1:2]
    z = pos[:, 2:3]
    inv_r = np.sqrt((x.T - x) ** 2 + (y.T - y) ** 2 + (z.T - z) ** 2 + 0.01)
    inv_r[inv_r > 0] = 1.0 / inv_r[inv_r > 0]
    PE = G * np.sum(np.triu(-(mass * mass.T) * inv_r, 1))
    return KE, PE


def nbody(mass, pos, vel, Nt, dt, G, softening):
    vel -= np.mean(mass * vel, axis=0) / np.mean(mass)
    acc = _acceleration(pos, mass, G, softening)
    KE = np.ndarray(Nt + 1)
    PE = np.ndarray(Nt + 1)
    KE[0], PE[0] = _energy(pos, vel, mass, G)
    for i in range(Nt):
        vel += acc * dt / 2.0
        pos += vel * dt
        acc = _acceleration(pos, mass, G, softening)
        vel += acc * dt / 2.0
        KE[i + 1], PE[i + 1] = _energy(pos, vel, mass, G)
    return KE, PE


def softmax(x):
    tmp_max = np.max(x, axis=-1, keepdims=True)
    tmp_out = np.exp(x - tmp_max)
    tmp_sum = np.sum(tmp_out, axis=-1, keepdims=True)
    return tmp_out / tmp_sum


def softmax_in_place(x):
    for row in x:
        row -= row.max()
        np.exp(row, out=row)
        row /= row.sum()
    return x


def _relu(x):
    return np.maximum(x, 0)


def mlp(x, w1, b1, w2, b2, w3, b3):
    x = _relu(x @ w1 + b1)
    x = _relu(x @ w2 + b2)
    return softmax(x @ w3 + b3)


def conv2d(input, weights):
    K = weights.shape[0]
    N = input.shape[0]
    H_out = input.shape[1] - K + 1
    W_out = input.shape[2] - K + 1
    C_out = weights.shape[3]
    output = np.empty((N, H_out, W_out, C_out), dtype=input.dtype)
    for i in range(H_out):
        for j in range(W_out):
            output[:, i, j, :] = np.sum(
                input[:, i : i + K, j : j + K, :, np.newaxis] * weights[np.newaxis, :, :, :],
                axis=(1, 2, 3),
            )
    return output


def conv2d_bias(input, weights, bias):
    return conv2d(input, weights) + bias


def _maxpool2d(x):
    output = np.empty((x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3]), dtype=x.dtype)
    for i in range(x.shape[1] // 2):
        for j in range(x.shape[2] // 2):
            output[:, i, j, :] = np.max(x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, :], axis=(1, 2))
    return output


def lenet(input, conv1, conv1bias, conv2, conv2bias, fc1w, fc1b, fc2w, fc2b):
    x = _relu(conv2d(input, conv1) + conv1bias)
    x = _maxpool2d(x)
    x = _relu(conv2d(x, conv2) + conv2bias)
    x = np.reshape(x, (x.shape[0], x.shape[1] * x.shape[2] * x.shape[3]))
    x = _relu(x @ fc1w + fc1b)
    return x @ fc2w + fc2b


def _batchnorm2d(x, eps=1e-5):
    mean = np.mean(x, axis=0, keepdims=True)
    std = np.std(x, axis=0, keepdims=True)
    return (x - mean) / np.sqrt(std + eps)


def resnet_block(input, conv1, conv2, conv3):
    padded = np.zeros((input.shape[0], input.shape[1] + 2, input.shape[2] + 2, conv1.shape[3]))
    padded[:, 1:-1, 1:-1, :] = conv2d(input, conv1)
    x = _batchnorm2d(padded)
    x = _relu(x)
    x = conv2d(x, conv2)
    x = _batchnorm2d(x)
    x = _relu(x)
    x = conv2d(x, conv3)
    x = _batchnorm2d(x)
    return _relu(x + input)


def spmv(A_row, A_col, A_val, x):
    y = np.empty(A_row.size - 1, A_val.dtype)
    for i in range(A_row.size - 1):
        cols = A_col[A_row[i] : A_row[i + 1]]
        vals = A_val[A_row[i] : A_row[i + 1]]
        y[i] = vals @ x[cols]
    return y


def azimint_naive(data, radius, npt):
    rmax = radius.max()
    res = np.zeros(npt)
    for i in range(npt):
        r1 = rmax * i / npt
        r2 = rmax * (i + 1) / npt
        mask_r12 = np.logical_and(r1 <= radius, radius < r2)
        values_r12 = data[mask_r12]
        res[i] = values_r12.mean()
    return res


def azimint_hist(data, radius, npt):
    histu = np.histogram(radius, npt)[0]
    histw = np.histogram(radius, npt, weights=data)[0]
    return histw / histu


def azimint_hist_by_loops(data, radius, bins):
    rmax = np.max(radius)
    histu = np.zeros(bins)
    histw = np.zeros(bins)
    for r, value in zip(radius, data):
        k = min(int(r / rmax * bins), bins - 1)
        histu[k] += 1.0
        histw[k] += value
    return histw / histu


def go_fast(a):
    trace = 0.0
    for i in range(a.shape[0]):
        trace += np.tanh(a[i, i])
    return a + trace


def arc_distance(theta_1, phi_1, theta_2, phi_2):
    temp = (
        np.sin((theta_2 - theta_1) / 2) ** 2
        + np.cos(theta_1) * np.cos(theta_2) * np.sin((phi_2 - phi_1) / 2) ** 2
    )
    return 2 * np.arctan2(np.sqrt(temp), np.sqrt(1 - temp))


def contour_integral(NR, slab_per_bc, Ham, int_pts, Y):
    P0 = np.zeros((NR, NR), dtype=np.complex128)
    P1 = np.zeros((NR, NR), dtype=np.complex128)
    for z in int_pts:
        Tz = np.zeros((NR, NR), dtype=np.complex128)
        for n in range(slab_per_bc + 1):
            zz = np.power(z, slab_per_bc / 2 - n)
            Tz += zz * Ham[n]
        X = np.linalg.inv(Tz) if NR == Y.shape[0] else np.linalg.solve(Tz, Y)
        if abs(z) < 1.0:
            X = -X
        P0 += X
        P1 += z * X
    return np.abs(P0), np.real(P1)


def stockham_fft(N, R, K, x):
    """Fourier transform of R**K numbers by turns of radix R, which sort themselves."""
    digits = np.arange(R)
    rows, columns = np.mgrid[0:R, 0:R]
    dft = np.exp(-2.0j * np.pi * rows * columns / R)
    y = np.zeros(N, dtype=np.complex128)
    y[:] = x
    for i in range(K):
        before, after = R**i, R ** (K - i - 1)
        twiddle = np.exp(-2.0j * np.pi * np.outer(digits, np.arange(before)) / (before * R))
        parts = np.reshape(y, (R, after, before))
        parts = parts * twiddle[:, None, :]
        turned = dft @ np.reshape(parts, (R, after * before))
        tmp = np.transpose(np.reshape(turned, (R, after, before)), (1, 0, 2))
        y[:] = np.reshape(tmp, (N,))
    return np.abs(y)


def escape_time(xs, ys, steps):
    """The iteration of Mandelbrot in real arithmetic, smooth where points have left."""
    zx = np.zeros_like(xs)
    zy = np.zeros_like(ys)
    inside = np.ones(xs.shape, dtype=bool)
    for _ in range(steps):
        new = zx[inside] ** 2 - zy[inside] ** 2 + xs[inside]
        zy[inside] = 2.0 * zx[inside] * zy[inside] + ys[inside]
        zx[inside] = new
        inside &= zx**2 + zy**2 < 4.0
    return np.log(1.0 + zx**2 + zy**2)


def scattering_self_energies(neigh_idx, dH, G, D, Sigma):
    for k in range(G.shape[0]):
        for E in range(G.shape[1]):
            for q in range(D.shape[0]):
                for w in range(D.shape[1]):
                    for i in range(D.shape[-2]):
                        for j in range(D.shape[-1]):
                            for a in range(neigh_idx.shape[0]):
                                for b in range(neigh_idx.shape[1]):
                                    if E - w >= 0:
                                        dHG = G[k, E - w, neigh_idx[a, b]] @ dH[a, b, i]
                                        dHD = dH[a, b, j] * D[q, w, a, b, i, j]
                                        Sigma[k, E, a] += dHG @ dHD
    return Sigma


def nussinov_scores(scores):
    """The table of a folding: the best sum of the scores of nested pairs."""
    N = scores.shape[0]
    table = np.zeros((N, N))
    for i in range(N - 1, -1, -1):
        for j in range(i + 1, N):
            if j - 1 >= 0:
                table[i, j] = max(table[i, j], table[i, j - 1])
            if i + 1 < N:
                table[i, j] = max(table[i, j], table[i + 1, j])
            if j - 1 >= 0 and i + 1 < N and i < j - 1:
                table[i, j] = max(table[i, j], table[i + 1, j - 1] + scores[i, j])
            for k in range(i + 1, j):
                table[i, j] = max(table[i, j], table[i, k] + table[k + 1, j])
    return table[0, N - 1]


def compute(array_1, array_2, a, b, c):
    return np.clip(array_1, 2, 10) * a + array_2 * b + c


def power_iteration(A, steps):
    x = np.ones(A.shape[0])
    y = np.empty_like(x)
    for _ in range(steps):
        np.dot(A, x, out=y)
        y /= np.linalg.norm(y)
        x[:] = y
    return x @ A @ x


def conjugate_gradient(A, b, steps):
    x = np.zeros_like(b)
    r = b - A @ x
    p = r.copy()
    rs = r @ r
    for _ in range(steps):
        q = A @ p
        alpha = rs / (p @ q)
        x += alpha * p
        r -= alpha * q
        old, rs = rs, r @ r
        p *= rs / old
        p += r
    return x


def _table(draw):
    data = 0.2 * draw(3, 3) + np.array([[5.0, 1.0, 9.0], [12.0, 3.0, 7.0], [0.1, 4.0, 15.0]])
    return data, draw(3, 3), 4.0, 3.0, 9.0


def _rays(draw):
    centre = np.array([0.3, -0.2, -1.1])[:, None]
    return centre + 0.1 * draw(3, 4), 0.3 * draw(3, 4), 4


def _sparse(draw):
    return np.array([0, 2, 3, 3, 6]), np.array([0, 3, 1, 0, 2, 4]), draw(6), draw(5)


def _hamiltonian(draw):
    points = np.array([1.6 + 0.4j, 0.5 - 0.3j, -1.4 + 0.6j])
    return 3, 2, draw(3, 3, 3) + 3.0 * np.eye(3), points, np.eye(3)


def _lenet(draw):
    def centred(*shape):
        return draw(*shape) - 0.95

    return (
        draw(1, 8, 8, 1), centred(3, 3, 1, 2), centred(2), centred(2, 2, 2, 3), centred(3),
        centred(12, 5), draw(5), centred(5, 3), centred(3),
    )  # fmt: skip


def _phonons(draw):
    neighbours = np.array([[1, 2], [0, 2], [1, 0]])
    return (
        neighbours, draw(3, 2, 2, 2, 2), draw(1, 2, 3, 2, 2), draw(1, 2, 3, 2, 2, 2),
        np.zeros((1, 2, 3, 2, 2)),
    )  # fmt: skip


_RADIUS = np.array([0.1, 0.3, 0.35, 0.5, 0.62, 0.7, 0.9, 1.0])
KERNELS = [
    Kernel(nbody, "mass pos vel G", lambda r: (r(4, 1), 2 * r(4, 3), r(4, 3), 3, 0.05, 1.0, 0.3)),
    Kernel(softmax, "x", lambda r: (r(3, 4),)),
    Kernel(softmax_in_place, "x", lambda r: (r(3, 4),)),
    Kernel(
        mlp,
        "x w1 b1 w2 b2 w3 b3",
        lambda r: (r(2, 3), r(3, 4) - 0.9, r(4), r(4, 4) - 0.9, r(4), r(4, 3), r(3)),
    ),
    Kernel(conv2d, "input weights", lambda r: (r(2, 4, 5, 2), r(3, 3, 2, 2))),
    Kernel(conv2d_bias, "input weights bias", lambda r: (r(1, 4, 4, 2), r(2, 2, 2, 3), r(3))),
    Kernel(lenet, "input conv1 conv1bias conv2 conv2bias fc1w fc1b fc2w fc2b", _lenet),
    Kernel(
        resnet_block,
        "input conv1 conv2 conv3",
        lambda r: (r(3, 4, 4, 2), r(1, 1, 2, 2) - 0.8, r(3, 3, 2, 2) - 0.9, r(1, 1, 2, 2) - 0.8),
    ),
    Kernel(spmv, "A_val x", _sparse),
    Kernel(azimint_naive, "data", lambda r: (r(8), _RADIUS, 4)),
    Kernel(azimint_hist, "data", lambda r: (r(8), _RADIUS, 4)),
    Kernel(azimint_hist_by_loops, "data", lambda r: (r(8), _RADIUS, 4)),
    Kernel(go_fast, "a", lambda r: (r(5, 5),)),
    Kernel(
        arc_distance, "theta_1 phi_1 theta_2 phi_2", lambda r: (r(6), r(6), 2 * r(6), 2.5 * r(6))
    ),
    Kernel(contour_integral, "Ham Y", _hamiltonian),
    Kernel(stockham_fft, "x", lambda r: (8, 2, 3, r(8))),
    Kernel(escape_time, "xs ys", _rays),
    Kernel(scattering_self_energies, "dH G D Sigma", _phonons),
    Kernel(nussinov_scores, "scores", lambda r: (r(6, 6),)),
    Kernel(compute, "array_1 array_2 a b c", _table),
    Kernel(power_iteration, "A", lambda r: (r(4, 4) + 3 * np.eye(4), 6)),
    Kernel(
        conjugate_gradient,
        "A b",
        lambda r: ((lambda a: a @ a.T + 3 * np.eye(4))(r(4, 4)), r(4), 3),
    ),
]
