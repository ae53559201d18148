"""docs/reference.md is what its script writes, and says what there is."""

import runpy
from pathlib import Path

import pytest

import deepenough
from deepenough import cli
from deepenough.studies.study import Study

ROOT = Path(__file__).resolve().parents[2]
reference = runpy.run_path(str(ROOT / "scripts" / "write_reference.py"))


def test_reference_is_what_the_script_writes():
    stored = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert stored == reference["written"](), "python scripts/write_reference.py"


def test_reference_names_every_command_function_and_entry():
    stored = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    named = [f"| `deepenough {name}` |" for name in cli.COMMANDS]
    named += [f"### `deepenough.{name}`" for name in deepenough.__all__ if name != "__version__"]
    named += [f"| `{name}` |" for name in Study.model_fields]
    assert [words for words in named if words not in stored] == []


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 100}, "integer, at least 1, at most 100"),
        ({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]}, "number, above 0; may be left open"),
        ({"enum": ["adamw", "sgd"]}, "`adamw`, `sgd`"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
    ],
)
def test_allowed_values_are_said_in_words(schema, said):
    assert reference["allowed"](schema) == said


def test_docstring_becomes_lists_and_code():
    said = reference["documented"](
        "Do it.\n\n    Args:\n        where: a place\n            far away.\n\n    >>> 1 + 1\n    2\n    "
    )
    assert "- `where`: a place\n" in said
    assert said.endswith("```python\n>>> 1 + 1\n2\n```\n")
