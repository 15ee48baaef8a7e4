"""The documents say what srcad does: their code runs, and what they show is what it prints.

A block marked ``python`` is a file (its name is in a first line ``# model.py``) or, if it has
prompts, a session whose output is compared: it sees the names of the files before it. In a block
marked ``console``, lines after ``$ srcad`` are the output of that command.
"""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import srcad
from srcad.cli import main
from srcad.rules.registry import TABLE

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# (\w+\.py)\n")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
HEADING = re.compile(r"^### (\w+)$", re.MULTILINE)


class Block(NamedTuple):
    language: str
    text: str
    line: int


class Checker(doctest.OutputChecker):
    """A document need not show the empty line that `print(source)` ends with."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        got = got.rstrip("\n") + "\n" if got else got
        return super().check_output(want, got, optionflags)


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in BLOCK.finditer(text)
    ]


def run_file(block: Block, namespace: dict[str, Any]) -> None:
    """Import a block as a file of the working directory; what follows sees its names."""
    named = FILE_NAME.match(block.text)
    path = Path.cwd() / (named[1] if named else f"example_{block.line}.py")
    assert not path.exists(), f"two blocks are called {path.name}"
    path.write_text(block.text, encoding="utf-8")
    importlib.invalidate_caches()
    module = importlib.import_module(path.stem)
    namespace.update({k: v for k, v in vars(module).items() if not k.startswith("__")})


def run_session(block: Block, namespace: dict[str, Any], document: Path) -> None:
    test = doctest.DocTestParser().get_doctest(
        block.text, namespace, document.name, str(document), block.line
    )
    report: list[str] = []
    doctest.DocTestRunner(Checker()).run(test, out=report.append, clear_globs=False)
    assert not report, "".join(report)
    namespace.update(test.globs)  # the session has a copy


def run_console(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    commands = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    assert commands, "a console block shows commands after `$ `"
    for command in commands:
        line, _, expected = command.partition("\n")
        program, *arguments = shlex.split(line)
        assert program == "srcad"
        capsys.readouterr()
        main(arguments)
        shown = capsys.readouterr()
        assert (shown.out + shown.err).rstrip() == expected.rstrip()


@pytest.fixture(autouse=True)
def own_modules(tmp_path: Path) -> Iterator[None]:
    """Modules that a document makes are not seen by other tests."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def own_rules() -> Iterator[None]:
    """Rules that a document declares are gone afterwards."""
    before = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(before)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_examples_run_and_print_what_is_shown(
    document: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_rules: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("SRCAD_CACHE_DIR", raising=False)
    np.set_printoptions(legacy=False)  # some library that another test imports changes it
    namespace: dict[str, Any] = {"__name__": "example"}
    for block in blocks(document):
        if block.language == "console":
            run_console(block, capsys)
        elif block.language == "python" and ">>> " in block.text:
            run_session(block, namespace, document)
        elif block.language == "python":
            run_file(block, namespace)


def test_the_readme_shows_a_printed_gradient() -> None:
    sessions = [b.text for b in blocks(ROOT / "README.md") if ">>> " in b.text]
    assert any("srcad.source(" in text and "# reverse sweep" in text for text in sessions)


def test_the_readme_names_the_two_commands() -> None:
    text = "".join(b.text for b in blocks(ROOT / "README.md") if not b.language)
    assert re.findall(r"python3 develop\.py \w+", text) == [
        "python3 develop.py autoencoder",
        "python3 develop.py test",
    ]


def test_every_error_class_is_described() -> None:
    described = HEADING.findall((ROOT / "docs" / "errors.md").read_text(encoding="utf-8"))
    classes = [
        name
        for name in srcad.__all__
        if isinstance(getattr(srcad, name), type) and issubclass(getattr(srcad, name), Exception)
        and not issubclass(getattr(srcad, name), Warning) and name != "SrcadError"
    ]  # fmt: skip
    assert sorted(described) == sorted(classes)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target
