"""Time, memory and start-up, each as the smallest of several measurements in turn."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
import timeit
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

SAMPLE = 0.005  # seconds that one sample takes, if a call is not longer
MIN_ROUNDS = 7
TOO_SLOW = 1.0  # a call that takes longer than this many seconds is made once only


def call_times(
    contenders: Mapping[str, Callable[..., Any]], arguments: tuple[Any, ...], seconds: float = 3.0
) -> dict[str, float]:
    """Seconds of one call of each contender, the smallest over rounds in which each has a turn.

    The turns make a slow phase of the machine hit all contenders alike; every other round goes
    backwards, because a call finds the caches and the heap as the one before it left them. Each
    contender must have been called before, so that nothing is compiled while it is timed.
    """
    names = [f"a{i}" for i in range(len(arguments))]
    timers: dict[str, timeit.Timer] = {}
    loops: dict[str, int] = {}
    best: dict[str, float] = {}
    for name, contender in contenders.items():
        scope = {"f": contender, **dict(zip(names, arguments, strict=True))}
        timer = timeit.Timer(f"f({', '.join(names)})", globals=scope)
        best[name] = timer.timeit(1)
        if best[name] <= TOO_SLOW:
            timers[name] = timer
            loops[name] = math.ceil(SAMPLE / best[name])
    deadline = time.perf_counter() + seconds
    rounds = 0
    while timers and (rounds < MIN_ROUNDS or time.perf_counter() < deadline):
        rounds += 1
        for name in list(timers) if rounds % 2 else reversed(timers):
            timer = timers[name]
            best[name] = min(best[name], timer.timeit(loops[name]) / loops[name])
    return best


def peak_memory(function: Callable[..., Any], arguments: tuple[Any, ...]) -> int:
    """Bytes by which one call, its result included, raises the memory in use at most."""
    function(*arguments)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = function(*arguments)
        peak = tracemalloc.get_traced_memory()[1]
        del result
    finally:
        tracemalloc.stop()
    return peak - before


# Prints as JSON the seconds of `import srcad` after `import numpy`, and of transforming the
# autoencoder: those of the first call less those of a later one. The call by hand warms up NumPy.
START_UP = """
import json, time
import numpy
started = time.perf_counter()
import srcad
imported = time.perf_counter()
from problems import PROBLEMS
problem = PROBLEMS["autoencoder"]
arguments = problem.arguments(numpy.random.default_rng(0), False)
problem.by_hand(*arguments)
clock = [time.perf_counter()]
gradient = srcad.value_and_grad(problem.primal, argnums=problem.argnums)
for _ in range(6):
    gradient(*arguments)
    clock.append(time.perf_counter())
calls = [after - before for before, after in zip(clock, clock[1:])]
print(json.dumps({"import": imported - started, "transform": calls[0] - min(calls[1:])}))
"""


def start_up(cache: str | None) -> dict[str, float]:
    """Start a new Python, import srcad and transform the autoencoder, with a cache or without."""
    environment = {k: v for k, v in os.environ.items() if k != "SRCAD_CACHE_DIR"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    if cache is not None:
        environment["SRCAD_CACHE_DIR"] = cache
    child = subprocess.run(
        [sys.executable, "-c", START_UP],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    figures: dict[str, float] = json.loads(child.stdout)
    return figures
