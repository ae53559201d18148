"""The documentation as a site: what mkdocs does besides. `make check` builds it, and fails on any warning."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
hooks = runpy.run_path(str(ROOT / "scripts" / "site_hooks.py"))


def test_every_page_is_in_the_navigation_and_every_decision_in_its_list():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = re.findall(r"^ *- (?:[^:\n]+: )?(\S+\.md)$", nav, re.MULTILINE)
    docs = ROOT / "docs"
    assert sorted(listed) == sorted(page.relative_to(docs).as_posix() for page in docs.rglob("*.md"))
    decisions = re.findall(r"^\| \[\d+\]\((.*?)\)", (docs / "decisions" / "README.md").read_text("utf-8"), re.MULTILINE)
    assert decisions == sorted(page.name for page in (docs / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize(
    ("text", "page", "expected"),
    [
        ("[what is checked](../SECURITY.md) here", "export.md", "what is checked (`SECURITY.md`) here"),
        ("[`a.py`](../../src/a.py#L1)", "decisions/1.md", "`a.py` (`src/a.py`)"),
        ("[`src/a.py`](../src/a.py)", "data.md", "`src/a.py`"),
        ("[why](../log.md#x)", "decisions/1.md", "[why](../log.md#x)"),
        ("[how](data.md)", "export.md", "[how](data.md)"),
    ],
)
def test_link_is_a_name_when_it_leaves_the_docs(text, page, expected):
    assert hooks["named_outside"](text, page) == expected


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ('<script async src="https://cdn.example/x.js"></script>', ["https://cdn.example"]),
        ("<img alt=x src=//pictures.example/x.png>", ["//pictures.example"]),
        ('<link href="https://fonts.example/css?a" rel="stylesheet">', ["https://fonts.example"]),
        ('<link rel="preconnect" href="https://fonts.example" crossorigin>', ["https://fonts.example"]),
        ("a{background:url('https://pictures.example/x.png')}", ["https://pictures.example"]),
        ('<a href="https://elsewhere.example">x</a><script src="js/x.js"></script>', []),
        ('<link rel="canonical" href="https://elsewhere.example/">', []),
    ],
)
def test_host_is_named_when_a_page_would_load_from_it(text, hosts):
    assert hooks["fetched"](text) == hosts
