"""What mypy makes of programs that use srcad: derivatives keep the parameters of their function."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
USER = '''\
from __future__ import annotations

import srcad


def loss(x: float, k: float = 2.0) -> float:
    return x * x * k


@srcad.grad
def slope(x: float, k: float = 2.0) -> float:
    return x * x * k


@srcad.value_and_grad(argnums=("x", "k"))
def both(x: float, *, k: float) -> float:
    return x * k


class Model:
    @srcad.grad(argnums="x")
    def slope(self, x: float) -> float:
        return x * x


df = srcad.grad(loss, argnums=0)
second = srcad.grad(srcad.grad(loss))
df(2.0), df(2.0, k=1), slope(1.0), both(1.0, k=2.0), Model().slope(2.0), second(1.0, 2.0)
Model.slope(Model(), 2.0)
value, tangent = srcad.jvp(loss, (1.0, 2.0), (1.0, None))
out, pull = srcad.vjp(loss, 1.0)
(cotangent,) = pull(1.0)
products: tuple[object, ...] = srcad.hvp(loss, (1.0,), (1.0,))
text: str = srcad.source(loss, types={"x": "float"}) + df.source + str(srcad.ir(loss))
counts: dict[str, int] = df.cache_info()
signatures: list[str] = df.signatures
try:
    df(2.0)
except srcad.SrcadError as error:
    advice: str = error.advice
'''
MISTAKES = '''\
df("text")  # arg-type
df(1.0, 2.0, 3.0)  # call-arg
df(1.0, nothing=2.0)  # call-arg
both(1.0, 2.0)  # call-arg
Model().slope()  # call-arg
second(k=1.0)  # call-arg
srcad.grad(3.0)  # call-overload
srcad.grad(argnums=1.5)  # call-overload
df.nothing  # attr-defined
'''


def test_types_of_a_program(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    file = tmp_path / "user.py"
    file.write_text(USER + MISTAKES)
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", str(file)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    shown = re.findall(r"user\.py:(\d+): error: .*\[([\w-]+)\]", found.stdout)
    start = USER.count("\n") + 1
    wanted = {
        (str(start + k), line.split("# ")[1]) for k, line in enumerate(MISTAKES.splitlines())
    }
    assert set(shown) == wanted, found.stdout + found.stderr
