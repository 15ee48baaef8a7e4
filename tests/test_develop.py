"""develop.py makes its environment once, anew when it must, and says in one line why it cannot."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

import develop


class Machine:
    """Stands for the commands that develop.py runs: records them, and fails one if told to."""

    def __init__(self, environment: Path) -> None:
        self.python = environment / "bin" / "python"
        self.commands: list[str] = []
        self.failing = "nothing"

    def run(self, command: list[str], check: bool) -> SimpleNamespace:
        text = " ".join(command[1:])
        self.commands.append(text)
        if text.startswith("-m venv"):
            self.python.parent.mkdir(parents=True, exist_ok=True)
            self.python.touch()
        return SimpleNamespace(returncode=1 if self.failing in text else 0)

    def did(self) -> list[str]:
        """Words for what was run since the last call."""
        words = {"-m venv --clear": "clear", "-m venv": "venv", "-m pip": "pip", "-m": "check"}
        done = [
            next((word for start, word in words.items() if text.startswith(start)), "script")
            for text in self.commands
        ]
        self.commands.clear()
        return done


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    (tmp_path / "pyproject.toml").write_text("[project]")
    machine = Machine(tmp_path / ".venv")
    monkeypatch.setattr(develop, "ROOT", tmp_path)
    monkeypatch.setattr(develop, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(develop, "PYTHON", machine.python)
    monkeypatch.setattr(subprocess, "run", machine.run)
    monkeypatch.chdir(tmp_path)
    return machine


def test_the_environment_is_made_once(machine: Machine) -> None:
    assert develop.main(["autoencoder", "--epochs", "1"]) == 0
    assert machine.commands[-1].endswith("examples/autoencoder.py --epochs 1")
    assert machine.did() == ["venv", "pip", "pip", "pip", "script"]
    assert develop.main(["autoencoder"]) == 0
    assert machine.did() == ["script"]


def test_each_command_installs_what_it_needs(machine: Machine) -> None:
    develop.main(["benchmark"])
    machine.did()
    assert develop.main(["test", "-k", "printer"]) == 0
    assert machine.commands[-1] == "-m pytest -n auto -k printer"
    assert machine.did() == ["pip", "pip", "check", "check", "check"]


def test_a_changed_pyproject_installs_anew(machine: Machine) -> None:
    develop.main(["benchmark"])
    machine.did()
    (develop.ROOT / "pyproject.toml").write_text("[project] # changed")
    develop.main(["benchmark"])
    assert machine.did() == ["pip", "script"]


def test_another_python_makes_the_environment_anew(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    develop.main(["benchmark"])
    machine.did()
    monkeypatch.setattr(develop.sys, "version", "3.99")
    develop.main(["benchmark"])
    assert machine.did() == ["clear", "pip", "pip", "script"]


def test_an_environment_of_someone_else_is_not_cleared(machine: Machine) -> None:
    machine.python.parent.mkdir(parents=True)
    machine.python.touch()
    develop.main(["benchmark"])
    assert machine.did() == ["venv", "pip", "pip", "script"]


def test_a_failed_installation_is_tried_again(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.failing = "--no-deps mlxtend"
    assert develop.main(["autoencoder"]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message == "develop.py: pip could not install --no-deps mlxtend; its message is above"
    assert machine.did() == ["venv", "pip", "pip", "pip"]
    machine.failing = "nothing"
    assert develop.main(["autoencoder"]) == 0
    assert machine.did() == ["pip", "pip", "script"]


def test_a_python_that_cannot_make_environments_is_one_line(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(develop.importlib.util, "find_spec", lambda name: None)
    assert develop.main(["test"]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("develop.py: this Python cannot make virtual environments")
    assert "python3-venv" in message
    assert machine.commands == []


def test_every_check_runs_and_one_that_fails_is_named(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.failing = "-m ruff"
    assert develop.main(["test"]) == 1
    assert machine.did()[-3:] == ["check", "check", "check"]
    assert "failed: ruff" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["tests"], 2), (["--help"], 0)])
def test_usage(
    machine: Machine, arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert develop.main(arguments) == status
    printed = capsys.readouterr()
    assert "develop.py autoencoder" in (printed.err if status else printed.out)
    assert machine.commands == []
