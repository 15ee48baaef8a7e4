"""docs/python.md against the tests: what it calls supported runs in the corpus, what it calls
refused is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_bad_input import REFUSED
from test_corpus import CASES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "python.md"
ROW = re.compile(r"^\| (?P<construct>.+?) \| (?P<status>\w+) \| (?P<tests>.+?) \|$", re.M)
STATUS = {"supported", "recorded", "decided", "refused"}

ROWS = [m.groupdict() for m in ROW.finditer(PAGE.read_text(encoding="utf-8"))]
ROWS = [r for r in ROWS if r["construct"] not in ("Construct", "---")]
CORPUS = {str(cases[0]).rsplit("-", 1)[0]: cases[0] for cases in CASES}


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 60
    assert {r["status"] for r in ROWS} == STATUS


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["construct"][:60])
def test_row(row: dict[str, str]) -> None:
    names = re.findall(r"`([\w.]+)`", row["tests"])
    assert names
    for name in names:
        if row["status"] == "refused":
            known = name in REFUSED or (name in CORPUS and CORPUS[name].settings.error)
            assert known or (name in CORPUS and CORPUS[name].settings.not_yet), name
        else:
            settings = CORPUS[name].settings
            assert not settings.error and not settings.not_yet, name
