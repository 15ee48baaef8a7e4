"""Run random programs: `python -m tests.fuzz --programs 10000 --seed 0 --jobs 2 --minimise`."""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import sys
import time
from collections import Counter

from .check import Outcome, fails_alike, outcome
from .grammar import FEATURES, program
from .shrink import shrink


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first program")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--minimise", action="store_true", help="shrink one program per failure")
    parser.add_argument("--features", nargs="+", choices=FEATURES, help="use exactly these")
    parser.add_argument("--show", action="store_true", help="print the programs, run nothing")
    options = parser.parse_args()
    features = tuple(options.features) if options.features else None
    seeds = range(options.seed, options.seed + options.programs)
    if options.show:
        for seed in seeds:
            sys.stdout.write(f"# seed {seed}\n{program(seed, features)}\n")
        return 0
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        outcomes = pool.starmap(outcome, [(seed, features) for seed in seeds], chunksize=10)
    report(dict(zip(seeds, outcomes)), time.perf_counter() - start)
    failed = {seed: o for seed, o in zip(seeds, outcomes) if o.failed}
    shown = set()
    for seed, result in failed.items():
        if result.signature in shown:
            continue
        shown.add(result.signature)
        text = program(seed, features)
        if options.minimise:
            text = shrink(text, functools.partial(fails_alike, wanted=result))
        sys.stdout.write(f"\n# seed {seed}: {result.kind}, {result.reason}\n{text}")
    return 1 if failed else 0


def report(outcomes: dict[int, Outcome], seconds: float) -> None:
    """Print the share of each kind of outcome, and of each reason."""
    kinds = Counter(o.kind for o in outcomes.values())
    shares = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    sys.stdout.write(f"{len(outcomes)} programs in {seconds:.0f} s: {shares}\n")
    for kind in ("refused", "invalid", "nan", "crash", "wrong"):
        reasons = Counter(o.reason.split("\n")[0] for o in outcomes.values() if o.kind == kind)
        for reason, count in reasons.most_common(25):
            seed = next(s for s, o in outcomes.items() if o.reason.split("\n")[0] == reason)
            sys.stdout.write(f"{count:6d} {kind}, {reason} (seed {seed})\n")


if __name__ == "__main__":
    sys.exit(main())
