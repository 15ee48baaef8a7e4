"""Products of matrices and vectors, and solvers: the linear algebra of PolyBench."""

# ruff: noqa: E741 - the names of the matrices are those of the definitions
from __future__ import annotations

import numpy as np

from kernels import Kernel


def gemm(alpha, beta, C, A, B):
    C[:] = alpha * A @ B + beta * C
    return C


def gemm_by_loops(alpha, beta, C, A, B):
    ni, nj = C.shape
    nk = A.shape[1]
    for i in range(ni):
        for j in range(nj):
            C[i, j] *= beta
        for k in range(nk):
            for j in range(nj):
                C[i, j] += alpha * A[i, k] * B[k, j]
    return C


def k2mm(alpha, beta, A, B, C, D):
    D[:] = alpha * A @ B @ C + beta * D
    return D


def k2mm_by_loops(alpha, beta, A, B, C, D):
    tmp = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            tmp[i, j] = 0.0
            for k in range(A.shape[1]):
                tmp[i, j] += alpha * A[i, k] * B[k, j]
    for i in range(D.shape[0]):
        for j in range(D.shape[1]):
            D[i, j] *= beta
            for k in range(tmp.shape[1]):
                D[i, j] += tmp[i, k] * C[k, j]
    return D


def k3mm(A, B, C, D):
    E = np.zeros((A.shape[0], B.shape[1]))
    F = np.zeros((C.shape[0], D.shape[1]))
    G = np.zeros((A.shape[0], D.shape[1]))
    np.matmul(A, B, out=E)
    np.matmul(C, D, out=F)
    G[:] = E @ F
    return G


def atax(A, x):
    return (A @ x) @ A


def atax_by_loops(A, x):
    m, n = A.shape
    y = np.zeros(n)
    tmp = np.empty(m)
    for i in range(m):
        tmp[i] = 0.0
        for j in range(n):
            tmp[i] = tmp[i] + A[i, j] * x[j]
        for j in range(n):
            y[j] = y[j] + A[i, j] * tmp[i]
    return y


def bicg(A, p, r):
    return r @ A, A @ p


def bicg_by_loops(A, p, r):
    n, m = A.shape
    s, q = np.zeros(m), np.zeros(n)
    for i in range(n):
        for j in range(m):
            s[j] += r[i] * A[i, j]
            q[i] += A[i, j] * p[j]
    return s, q


def mvt(x1, x2, y_1, y_2, A):
    x1 += A @ y_1
    x2 += y_2 @ A
    return x1, x2


def gemver(alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    A += np.outer(u1, v1) + np.outer(u2, v2)
    x += beta * y @ A + z
    w += alpha * A @ x
    return A, x, w


def gesummv(alpha, beta, A, B, x):
    return alpha * A @ x + beta * B @ x


def symm(alpha, beta, C, A, B):
    temp2 = np.empty((C.shape[1],))
    C *= beta
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            C[:i, j] += alpha * B[i, j] * A[i, :i]
            temp2[j] = B[:i, j] @ A[i, :i]
        C[i, :] += alpha * B[i, :] * A[i, i] + alpha * temp2
    return C


def syrk(alpha, beta, C, A):
    for i in range(A.shape[0]):
        C[i, : i + 1] *= beta
        for k in range(A.shape[1]):
            C[i, : i + 1] += alpha * A[i, k] * A[: i + 1, k]
    return C


def syr2k(alpha, beta, C, A, B):
    for i in range(A.shape[0]):
        C[i, : i + 1] *= beta
        for k in range(A.shape[1]):
            C[i, : i + 1] += A[: i + 1, k] * alpha * B[i, k] + B[: i + 1, k] * alpha * A[i, k]
    return C


def trmm(alpha, A, B):
    for i in range(B.shape[0]):
        for j in range(B.shape[1]):
            B[i, j] += np.dot(A[i + 1 :, i], B[i + 1 :, j])
    B *= alpha
    return B


def doitgen(A, C4):
    NR, NQ, NP = A.shape
    for r in range(NR):
        for q in range(NQ):
            A[r, q, :] = A[r, q, :] @ C4
    return A


def doitgen_by_loops(A, C4):
    NR, NQ, NP = A.shape
    total = np.empty(NP)
    for r in range(NR):
        for q in range(NQ):
            for p in range(NP):
                total[p] = 0.0
                for s in range(NP):
                    total[p] += A[r, q, s] * C4[s, p]
            for p in range(NP):
                A[r, q, p] = total[p]
    return A


def cholesky(A):
    A[0, 0] = np.sqrt(A[0, 0])
    for i in range(1, A.shape[0]):
        for j in range(i):
            A[i, j] -= np.dot(A[i, :j], A[j, :j])
            A[i, j] /= A[j, j]
        A[i, i] -= np.dot(A[i, :i], A[i, :i])
        A[i, i] = np.sqrt(A[i, i])
    return A


def cholesky_by_library(A):
    A[:] = np.linalg.cholesky(A) + np.triu(A, k=1)
    return A


def lu(A):
    for i in range(A.shape[0]):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, A.shape[0]):
            A[i, j] -= A[i, :i] @ A[:i, j]
    return A


def ludcmp(A, b):
    x = np.zeros_like(b)
    y = np.zeros_like(b)
    for i in range(A.shape[0]):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, A.shape[0]):
            A[i, j] -= A[i, :i] @ A[:i, j]
    for i in range(A.shape[0]):
        y[i] = b[i] - A[i, :i] @ y[:i]
    for i in range(A.shape[0] - 1, -1, -1):
        x[i] = (y[i] - A[i, i + 1 :] @ x[i + 1 :]) / A[i, i]
    return x, y


def trisolv(L, x, b):
    for i in range(x.shape[0]):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x


def durbin(r):
    y = np.empty_like(r)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, r.shape[0]):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return y


def gramschmidt(A):
    Q = np.zeros_like(A)
    R = np.zeros((A.shape[1], A.shape[1]), dtype=A.dtype)
    for k in range(A.shape[1]):
        nrm = np.dot(A[:, k], A[:, k])
        R[k, k] = np.sqrt(nrm)
        Q[:, k] = A[:, k] / R[k, k]
        for j in range(k + 1, A.shape[1]):
            R[k, j] = np.dot(Q[:, k], A[:, j])
            A[:, j] -= Q[:, k] * R[k, j]
    return Q, R


def floyd_warshall(path):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path[:], np.add.outer(path[:, k], path[k, :]))
    return path


def floyd_warshall_by_loops(path):
    n = len(path)
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if path[i, k] + path[k, j] < path[i, j]:
                    path[i, j] = path[i, k] + path[k, j]
    return path


def covariance(M, float_n, data):
    mean = np.mean(data, axis=0)
    data -= mean
    cov = np.zeros((M, M), dtype=data.dtype)
    for i in range(M):
        cov[i:M, i] = cov[i, i:M] = data[:, i] @ data[:, i:M] / (float_n - 1.0)
    return cov


def correlation(M, float_n, data):
    mean = np.mean(data, axis=0)
    stddev = np.std(data, axis=0)
    stddev[stddev <= 0.1] = 1.0
    data -= mean
    data /= np.sqrt(float_n) * stddev
    corr = np.eye(M, dtype=data.dtype)
    for i in range(M - 1):
        corr[i + 1 : M, i] = corr[i, i + 1 : M] = data[:, i] @ data[:, i + 1 : M]
    return corr


def _definite(draw):
    a = draw(5, 5)
    return a @ a.T + 4.0 * np.eye(5)


def _dominant(draw):
    return draw(5, 5) + 5.0 * np.eye(5)


KERNELS = [
    Kernel(gemm, "alpha beta C A B", lambda r: (1.5, 1.2, r(4, 5), r(4, 3), r(3, 5))),
    Kernel(gemm_by_loops, "alpha beta C A B", lambda r: (1.5, 1.2, r(3, 4), r(3, 5), r(5, 4))),
    Kernel(k2mm, "alpha beta A B C D", lambda r: (1.5, 1.2, r(4, 3), r(3, 5), r(5, 4), r(4, 4))),
    Kernel(
        k2mm_by_loops,
        "alpha beta A B C D",
        lambda r: (1.5, 1.2, r(3, 2), r(2, 4), r(4, 3), r(3, 3)),
    ),
    Kernel(k3mm, "A B C D", lambda r: (r(3, 4), r(4, 5), r(5, 3), r(3, 4))),
    Kernel(atax, "A x", lambda r: (r(4, 5), r(5))),
    Kernel(atax_by_loops, "A x", lambda r: (r(4, 5), r(5))),
    Kernel(bicg, "A p r", lambda r: (r(4, 5), r(5), r(4))),
    Kernel(bicg_by_loops, "A p r", lambda r: (r(4, 5), r(5), r(4))),
    Kernel(mvt, "x1 x2 y_1 y_2 A", lambda r: (r(5), r(5), r(5), r(5), r(5, 5))),
    Kernel(
        gemver,
        "alpha beta A u1 v1 u2 v2 w x y z",
        lambda r: (1.5, 1.2, r(4, 4), *(r(4) for _ in range(8))),
    ),
    Kernel(gesummv, "alpha beta A B x", lambda r: (1.5, 1.2, r(4, 4), r(4, 4), r(4))),
    Kernel(symm, "alpha beta C A B", lambda r: (1.5, 1.2, r(4, 3), r(4, 4), r(4, 3))),
    Kernel(syrk, "alpha beta C A", lambda r: (1.5, 1.2, r(4, 4), r(4, 3))),
    Kernel(syr2k, "alpha beta C A B", lambda r: (1.5, 1.2, r(4, 4), r(4, 3), r(4, 3))),
    Kernel(trmm, "alpha A B", lambda r: (1.5, r(4, 4), r(4, 3))),
    Kernel(doitgen, "A C4", lambda r: (r(2, 3, 4), r(4, 4))),
    Kernel(doitgen_by_loops, "A C4", lambda r: (r(2, 2, 3), r(3, 3))),
    Kernel(cholesky, "A", lambda r: (_definite(r),)),
    Kernel(cholesky_by_library, "A", lambda r: (_definite(r),)),
    Kernel(lu, "A", lambda r: (_dominant(r),)),
    Kernel(ludcmp, "A b", lambda r: (_dominant(r), r(5))),
    Kernel(trisolv, "L x b", lambda r: (_dominant(r), r(5), r(5))),
    Kernel(durbin, "r", lambda r: (0.2 * r(6),)),
    Kernel(gramschmidt, "A", lambda r: (r(5, 4) + 2.0 * np.eye(5, 4),)),
    Kernel(floyd_warshall, "path", lambda r: (r(5, 5) ** 4,)),
    Kernel(floyd_warshall_by_loops, "path", lambda r: (r(4, 4) ** 4,)),
    Kernel(covariance, "float_n data", lambda r: (4, 6.0, r(6, 4))),
    Kernel(correlation, "float_n data", lambda r: (4, 6.0, r(6, 4))),
]
