import json
import runpy
from pathlib import Path

import pytest

from deepenough.cli import main

MADE_UP = Path(__file__).parents[1] / "report" / "made_up.py"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "photos"
    runpy.run_path(str(MADE_UP))["write_study"](folder, images=40)
    return folder


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def test_report_writes_both_files_and_says_where(study, capsys):
    assert run("report", study) == 0
    said = capsys.readouterr().out
    assert "ResNet-101" in said
    assert str(study / "report.html") in said
    assert (study / "report.md").is_file()


def test_report_answers_in_json(study, capsys):
    assert run("report", study, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["html"] == str(study / "report.html")
    assert answer["html_bytes"] == (study / "report.html").stat().st_size


def test_report_exits_with_two_and_one_line_when_there_is_no_verdict(tmp_path, capsys):
    assert run("report", tmp_path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "verdict.json" in captured.err
