"""A table that ends the process which reads it is one line; one of our own costs nothing more."""

from __future__ import annotations

import base64
import subprocess
import zlib

import polars as pl
import pytest

from deepenough import cli
from deepenough.comparison import read_predictions
from deepenough.comparison.pairing import read_scores
from deepenough.data import open_source
from deepenough.errors import RecordError
from deepenough.records import foreign, require_whole_table, write_table

# Sixteen predictions, one bit flipped: in the first page's header it claims 2 EiB (found by flipping each bit in turn).
ABORTS = zlib.decompress(
    base64.b64decode(
        "eNqtVkFsG0UUnd1sjWPcJJUyo13JQgtSVimN2vWGNHaFQLttGpyG1AnCbqxKaO3dTV07dmQ7tVNxgEtOVcSBA4ccOABCOXFBQogDSBx6Rjmi"
        "qoKo554qFAnR/2fX622bCBoxsmf+/P/nvbfzZ9bOmytpKlGdWos0Tgkhk99f+FuVfyFEhElV532a9wbvpymhMn1zir5Ox2iMxlIXyaRYnZbF"
        "qt5fnbT91aognjqARpPKDImNKfJw217fqLsfVR2aZCrbFdjPguZo8WcwQM041RZh6OMllgkRYGJjVwZ+iE9RdcAvlGXBjmb77MKpvb2QO9ax"
        "W2tuhxP3gFo7ELWvxMhqIHyN6lHe0S1ChmDSmtElHNJ6+gjyIQjLEgaPUkD+GTx9pdnouA3HbXER9wT2naA9kLTPpedhQINKjaiUsU9J2IRg"
        "PEJLvB+T44P8F0U9fkylQJTUdl2/Gl8K7FdBexLT9o6H+j9rUyqFO5PYaLlOtdKpNhuD+uwOa7/Ho/Uh9J5ILyE4CZ/Xl/XwXTm0+lTbXxOS"
        "97nQO0SaE4L6p3iVJpQJEgNOqIZXddxGxeWcD0W2I2j7ibePg1XOiAqeUOzgEigscAk2fMsRBy+iImNBI95wF8EcVPB4lJA5YgbhFHOowwi3"
        "DkR6MzAfSNQLzCcx2gvM3eEwYT9BdwS0qah8/J7UajbhOhCanBAjN3OCLKYwBb3BnYm6Boe475XAy0+RnxCpZT8jge7BdhOmKimljrfv5d4M"
        "7NEIHWf7SaoR7RMp9d+vNjscoYwdJukbRNuJpU5wI9lno4Cwe5pOEe3HeOqE14d9gyj3T9N3iPZDIvVy55/9hIu3R/Ah/ng1deJzzH4bpTL7"
        "dgREsC/iTNXi7PCVcTwgctJcWblevNSu3HLXbfmvoQvYpnOWaZpz8DUzd2DeWzb9OXddM822eZmPy+a5PMS7XfTnTHMtyFv1R1hm8BXot9po"
        "5rEzOZ6JVDk0LDNYj6H3Tb9duYhxgJxHPIvzgWVkN0vr9VqpOHO7BDBLyN9bC0Ev87VzHwYgfrzbRJJuZb1Qs4tLul3MbsJ8DfGvvcCf6/Pr"
        "GPeVzgXxGqbmfCrrbqlYqPHwwm3IzKyGmf4+WFf7Ivz4Ql+/M1/YLM0XtnDe+xf9PN5FaEtfvbHQKN2AtOt3Ea8dirYGfMD/AULBuBLoCDb0"
        "Sgafx+IpNa5/tZjulucLnl1cNom8lG/W7VZbndzY6txqNs6qd9xWG46napxPn9fVyfJmte6os15WN8rOtOc5xqznZQwn/ZYxm7H1rG1kZzzP"
        "8GZt18kaZ5U6vAie+5Bt+FHNw9+Pp6vzp5g="
    )
)
LINE = r"expected a Parquet table; got a torn or foreign file \(it ended the process that read it: .+\); write it again"


@pytest.fixture
def deadly(tmp_path):
    (tmp_path / "p.parquet").write_bytes(ABORTS)
    return tmp_path / "p.parquet"


@pytest.fixture
def children(monkeypatch):
    """The children that were started."""
    started, run = [], subprocess.run

    def note(*arguments, **options):
        started.append(arguments)
        return run(*arguments, **options)

    monkeypatch.setattr(foreign.subprocess, "run", note)
    return started


@pytest.mark.parametrize(
    "read",
    [lambda path: read_predictions([path]), lambda path: open_source(str(path)), read_scores, require_whole_table],
)
def test_a_table_that_ends_its_reader_is_a_line_wherever_it_is_read(read, deadly):
    with pytest.raises(RecordError, match=LINE) as raised:
        read(deadly)
    assert str(raised.value).startswith(f"{deadly}: ")
    assert "\n" not in str(raised.value)


def test_a_foreign_table_is_tried_once_and_again_when_it_is_another(tmp_path, children):
    path = tmp_path / "p.parquet"
    for number in range(2):
        pl.DataFrame({"a": ["x"] * (number + 1)}).write_parquet(path)
        require_whole_table(path)
        require_whole_table(path)
    assert len(children) == 2


def test_a_table_of_our_own_is_read_without_a_child(tmp_path, children):
    write_table(tmp_path / "t.parquet", pl.DataFrame({"a": ["x"]}), {"a": pl.String})
    require_whole_table(tmp_path / "t.parquet")
    assert children == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os.abort()", "it ended the process that read it: -6"),
        ("import sys; sys.exit('no room')", "it ended the process that read it: no room"),
        ("import time; time.sleep(60)", "not read in 1 s"),
    ],
)
def test_however_the_child_ends_it_is_said(code, said, tmp_path, monkeypatch):
    pl.DataFrame({"a": ["x"]}).write_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(foreign, "_READ", code)
    monkeypatch.setattr(foreign, "LONGEST_S", 1.0)
    with pytest.raises(RecordError, match=said):
        require_whole_table(tmp_path / "t.parquet")


def test_a_program_beside_a_foreign_table_is_not_run(tmp_path, monkeypatch):
    pl.DataFrame({"a": ["x"]}).write_parquet(tmp_path / "t.parquet")
    (tmp_path / "polars.py").write_text("raise SystemExit('ran')")
    monkeypatch.chdir(tmp_path)
    require_whole_table(tmp_path / "t.parquet")


def test_what_polars_refuses_by_itself_keeps_its_own_words(tmp_path):
    (tmp_path / "p.parquet").write_bytes(b"PAR1" + bytes(200) + b"PAR1")
    with pytest.raises(RecordError, match="expected a table of predictions; got a torn or foreign file"):
        read_predictions([tmp_path / "p.parquet"])


@pytest.mark.parametrize("command", ["verdict", "check", "slices"])
def test_a_command_says_in_one_line_that_a_table_ends_who_reads_it(command, deadly, capfd):
    with pytest.raises(SystemExit) as left:
        cli.main([command, str(deadly)])
    said = capfd.readouterr()  # of the child as well
    assert left.value.code == 2
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "p.parquet: expected a Parquet table; got a torn or foreign file (it ended the process" in said.err
