"""README.zh.md says what README.md says: the same commands, links and picture."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
OWN = {"README.md", "README.zh.md", "docs/README.md", "docs/first-study.md"}  # each to the other; where to begin
MAP = re.compile(r"^## Map of the house$.*?(?=^## )", re.MULTILINE | re.DOTALL)  # for who changes the code, in English


def commands(text):
    fenced = [line for block in FENCE.findall(text) for line in block.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    return sorted({line.strip() for line in fenced + inline if re.search(r"\b(deepenough [a-z]+|make \w+|pip )", line)})


def links(text):
    return sorted({(mark, place) for mark, place in LINK.findall(text) if place not in OWN})


@pytest.fixture(scope="module")
def both():
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))
    return MAP.sub("", english), chinese


def test_chinese_readme_has_the_same_commands(both):
    english, chinese = map(commands, both)
    assert len(english) > 25
    assert chinese == english


def test_chinese_readme_has_the_same_links_and_picture(both):
    english, chinese = map(links, both)
    assert ("!", "docs/images/verdict.svg") in english
    assert chinese == english


def test_each_readme_leads_to_the_other(both):
    english, chinese = both
    assert "](README.zh.md)" in english
    assert "](README.md)" in chinese
