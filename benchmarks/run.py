"""Compare generated gradients with hand-written ones, and with peers that are installed.

    python benchmarks/run.py               everything
    python benchmarks/run.py survey ...    only these

A ratio is the time of one call over that of the gradient by hand, both the minimum of repeats
that take turns. The figures are reported, never asserted: the exit status is 0 either way.
`rosenbrock` is measured by the best gradient that returns the value which the primal computes,
`rosenbrock-dot` by one that replaces its sum of squares by scalar products of BLAS, which round
otherwise; srcad returns the primal's value bit for bit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "examples"))  # for the autoencoder

import srcad
from measure import call_times, peak_memory, start_up
from peers import PEERS, installed, peers_of
from problems import PROBLEMS, Problem

MEMORY_TARGET = 1.10
START_UPS = 5  # new processes, of which the fastest counts
ROW = "{:<18}{:>10}{:>8}{:>8} {:<8}{:>8}{:>8} {:<8}"
PEER_ROW = "{:<18}{:>10}{:>10}{:>10}"
NEGLIGIBLE = 1024  # bytes; a ratio of less memory than this says nothing


def verdict(figure: float, target: float) -> str:
    return "met" if figure <= target else "MISSED"


def duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def leaves(result: Any) -> list[Any]:
    """The numbers and arrays of a value, of a gradient, or of both, in order."""
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in leaves(part)]
    return [result]


def same(result: Any, expected: Any) -> bool:
    results, right = leaves(result), leaves(expected)
    return len(results) == len(right) and all(
        np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=1e-7, atol=1e-10)
        for one, other in zip(results, right, strict=True)
    )


def measure_srcad(name: str, problem: Problem) -> str:
    """Measure a generated gradient; the result is its row of the table, or what went wrong."""
    arguments = problem.arguments(np.random.default_rng(0), False)
    try:
        derivative = getattr(srcad, problem.transform)(problem.primal, argnums=problem.argnums)
        result = derivative(*arguments)
    except srcad.SrcadError as error:
        return f"{name:<18} {str(error).splitlines()[0]}"
    if not same(result, problem.by_hand(*arguments)):
        return f"{name:<18} WRONG: the generated gradient differs from the one by hand"
    times = call_times({"hand": problem.by_hand, "srcad": derivative}, arguments)
    ratio = times["srcad"] / times["hand"]
    row = [name, duration(times["hand"]), f"{ratio:.2f}", f"{problem.target:.2f}"]
    row.append(verdict(ratio, problem.target))
    hand_memory = peak_memory(problem.by_hand, arguments)
    if hand_memory < NEGLIGIBLE:
        row += ["-", "-", ""]
    else:
        memory = peak_memory(derivative, arguments) / hand_memory
        row += [f"{memory:.2f}", f"{MEMORY_TARGET:.2f}", verdict(memory, MEMORY_TARGET)]
    return ROW.format(*row)


def measure_peers(name: str, problem: Problem) -> str:
    """Measure the peers on one problem; the result is its row of their table."""
    arguments = problem.arguments(np.random.default_rng(0), False)
    expected = problem.by_hand(*arguments)
    contenders = {"hand": problem.by_hand}
    for peer, derivative in peers_of(problem, arguments).items():
        if same(derivative(*arguments), expected):
            contenders[peer] = derivative
    times = call_times(contenders, arguments)
    ratios = (f"{times[p] / times['hand']:.2f}" if p in times else "-" for p in PEERS)
    return PEER_ROW.format(name, duration(times["hand"]), *ratios)


def measure_start_up() -> list[str]:
    """Measure what a new process waits for: the import and transforming the autoencoder."""
    without_cache = [start_up(cache=None) for _ in range(START_UPS)]
    with tempfile.TemporaryDirectory() as cache:
        start_up(cache)
        with_cache = [start_up(cache) for _ in range(START_UPS)]
    figures = (
        ("import srcad, beyond numpy", min(run["import"] for run in without_cache), 0.100),
        ("transform, cold", min(run["transform"] for run in without_cache), 0.050),
        ("transform, disk cache", min(run["transform"] for run in with_cache), 0.005),
    )
    return [
        f"{what:<28}{duration(seconds):>12}   target {duration(target):>10} "
        f"{verdict(seconds, target)}"
        for what, seconds, target in figures
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure generated gradients.")
    names = [*PROBLEMS, "start-up"]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    chosen = parser.parse_args(arguments).names or names
    unknown = [name for name in chosen if name not in names]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(names)}")
    problems = {name: problem for name, problem in PROBLEMS.items() if name in chosen}
    if problems:
        print(ROW.format("problem", "hand", "srcad", "target", "", "memory", "target", ""))
    for name, problem in problems.items():
        print(measure_srcad(name, problem), flush=True)
    if "start-up" in chosen:
        print("\n".join(["", *measure_start_up()]), flush=True)
    # The peers come last: the threads and the heap of one slow down whatever runs beside it.
    if problems and any(installed(peer) for peer in PEERS):
        print("\n" + PEER_ROW.format("problem", "hand", *PEERS))
        for name, problem in problems.items():
            print(measure_peers(name, problem), flush=True)


if __name__ == "__main__":
    main()
