"""The generated text of typical functions, as kept in tests/golden (`--golden-update` rewrites)."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

import golden_programs
import numpy as np
import pytest
from golden_programs import PROGRAMS, text_of

import srcad
from srcad.testing import assert_close

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"{name}.txt"
    text = text_of(name).rstrip() + "\n"
    if request.config.getoption("--golden-update"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_text_runs_by_itself_and_equals_the_live_function(name: str) -> None:
    function, argnums, _, options, args = PROGRAMS[name]
    namespace: dict = {}
    exec(compile(text_of(name, standalone=True), name, "exec"), namespace)
    made = [v for k, v in namespace.items() if callable(v) and k.startswith(function.__name__)]
    run = made[-1]
    if options.get("mode") == "forward":
        for direction in np.eye(len(args)):
            live = srcad.jvp(function, args, tuple(map(float, direction)))
            got = run(*args, *map(float, direction)) if not _keyword_only(run) else run(
                *args, **dict(zip(_keyword_only(run), map(float, direction)))
            )
            assert_close(got[1] if isinstance(got, tuple) else got, live[1])
        return
    transform = srcad.value_and_grad if options.get("value") else srcad.grad
    live = functools.partial(transform, function, argnums)(generic=options.get("generic", False))
    assert_close(run(*args), live(*args), rtol=0.0, atol=0.0)


def _keyword_only(function) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]


def test_autoencoder_is_short_and_needs_no_helper() -> None:
    lines = [line.split("#")[0].strip() for line in text_of("autoencoder").splitlines()]
    text = "\n".join(line for line in lines if line)
    assert text.count("\n") + 1 <= 35
    assert text.count("np.exp") == 3
    for word in ("unbroadcast", "zeros", "runtime", "srcad"):
        assert word not in text


def test_text_does_not_depend_on_the_hash_seed() -> None:
    folder = Path(golden_programs.__file__).parent
    paths = [str(folder.parent / "examples"), str(folder.parent)]
    outputs = [
        subprocess.run(
            [sys.executable, golden_programs.__file__],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert outputs[0] == outputs[1]
    assert outputs[0].split("\0") == [text_of(name) for name in PROGRAMS]
