"""The program from Python: one path with the command line, and results that display themselves."""

from __future__ import annotations

import json
import subprocess
import sys
import typing
import xml.etree.ElementTree as ET
from dataclasses import asdict
from html.parser import HTMLParser
from types import SimpleNamespace

import polars as pl
import pytest
import yaml

import deepenough as de
from deepenough import cli
from deepenough.api.comparing import Settings
from deepenough.records import SCORES
from deepenough.report import gathering
from deepenough.studies.study import Study

QUICK = {
    "seeds": 2,
    "margin": 5,
    "train_scale": 32,
    "scales": [32, 48],
    "epochs": 1,
    "batch": 16,
    "workers": 0,
    "threads": 1,
    "precision": "fp32",
    "weights": "none",
}
OPTIONS = (
    "--seeds 2 --margin 5 --train-scale 32 --scales 32,48 --epochs 1 --batch 16 --workers 0 --threads 1 "
    "--precision fp32 --weights none"
)


@pytest.fixture
def photos(folder_of):
    return folder_of({"cat": 20, "dog": 20})


def what_was_decided(folder):
    record = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    return {key: record[key] for key in ("answer", "difference", "interval", "samples", "contenders", "pairs")}


@pytest.mark.slow
def test_study_is_the_same_from_python_and_from_the_command_line(photos, tmp_path, tiny_networks, capsys):
    study = de.compare(photos, out=tmp_path / "python", quiet=True, **QUICK)
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit) as left:
        cli.main(["compare", str(photos), "--out", str(tmp_path / "shell"), *OPTIONS.split()])
    assert left.value.code == 0
    asked = [json.loads((tmp_path / name / "request.json").read_text()) for name in ("python", "shell")]
    assert asked[0] == asked[1]
    assert what_was_decided(tmp_path / "python") == what_was_decided(tmp_path / "shell")
    assert study.report.is_file()
    assert study.scores.columns == list(SCORES)
    assert study.scores.height == 2 * 2 * 2 * study.verdict.samples


@pytest.mark.slow
def test_compare_prints_stages_when_not_quiet(photos, tmp_path, tiny_networks, capsys):
    de.compare(photos, out=tmp_path / "s", **{**QUICK, "seeds": 1})
    said = capsys.readouterr().out
    assert "checking the pictures" in said
    assert "resnet50 against resnet101: 2 trainings at 32 px" in said


def test_settings_override_those_of_a_study_file_entry_by_entry(tmp_path):
    from deepenough.studies.asking import request_of

    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump({"source": "digits", "seeds": 3, "recipe": {"momentum": 0.5, "optimizer": "sgd"}}))
    request = request_of(file, {"looks": [3, 5], "recipe": {"optimizer": "lamb"}}, where="compare()")
    assert (request.seeds, request.looks) == (None, (3, 5))
    assert (request.recipe.optimizer, request.recipe.momentum) == ("lamb", 0.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 3}, r"compare\(\): seed: expected one of source, task, .*; got an unknown key"),
        ({"recipe": {"optimiser": "sgd"}}, r"compare\(\): recipe.optimiser: expected one of optimizer, "),
        ({"recipe": "sgd"}, r"compare\(\): recipe: expected "),
        ({"margin": "1"}, r"compare\(\): margin: expected a valid number; got '1'"),
    ],
)
def test_compare_refuses_a_setting_that_is_wrong(settings, message):
    with pytest.raises(de.InputError, match=message):
        de.compare(**settings)


def test_compare_says_first_that_its_source_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(de.InputError, match=r"nope: expected .*; got no such file or folder"):
        de.compare("nope", margin=1)
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_settings_are_the_entries_of_the_study_file():
    assert {*typing.get_type_hints(Settings), "source"} == set(Study.model_fields)


def test_open_study_refuses_a_folder_without_a_verdict(tmp_path):
    with pytest.raises(de.InputError, match=r"expected a study's folder with verdict.json"):
        de.open_study(tmp_path)


class Opened(HTMLParser):
    """Every element that is opened and closed, in order; a void element would be one too many."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def study(made_up, tmp_path):
    made_up.write_study(tmp_path / "photos", images=120)
    return de.open_study(tmp_path / "photos")


def test_study_displays_its_verdict_as_html_markdown_and_text(study):
    said = study.verdict
    page = Opened()
    page.feed(study._repr_html_())
    assert page.open == []
    assert "svg" in page.seen
    headline = repr(said).splitlines()[0]
    assert headline.startswith(("ResNet", "Undecided"))
    assert headline.split(":")[0] in study._repr_markdown_()
    assert max(map(len, repr(study).splitlines())) <= 80 + len(str(study.folder))
    assert asdict(said)["difference"] == pytest.approx(what_was_decided(study.folder)["difference"])


def test_study_displays_no_markup_that_a_contender_brings(made_up):
    from deepenough.api.shown import shown_verdict

    hostile = made_up.HOSTILE
    said = shown_verdict(made_up.verdict(big=hostile, caveats=[f"beware {hostile}"]))
    assert "<img" not in said._repr_html_()
    assert "<img" not in said._repr_markdown_()


def test_figures_display_and_save_in_a_single_column(study, tmp_path):
    figures = study.figures
    assert {"verdict", "scale", "gain", "frontier"} <= figures.keys()
    for figure in figures.values():
        ET.fromstring(figure._repr_html_())
        assert figure.title in repr(figure).replace("\n", " ")
        assert figure._repr_markdown_().count("|") > 8
    drawn = ET.parse(figures["verdict"].save(tmp_path / "v.svg")).getroot()
    assert drawn.attrib["width"] == "8.5cm"
    content = figures["scale"].save(tmp_path / "s.pdf").read_bytes()
    box = content.split(b"/MediaBox [")[1].split(b"]")[0].split()
    assert float(box[2]) == pytest.approx(8.5 / 2.54 * 72, abs=0.01)
    assert content == figures["scale"].save(tmp_path / "again.pdf").read_bytes()
    with pytest.raises(de.InputError, match=r"a name that ends in .svg or .pdf"):
        figures["scale"].save(tmp_path / "s.png")


def test_a_figure_that_is_not_there_is_refused_with_the_names_of_those_that_are(study, monkeypatch):
    drawn = [SimpleNamespace(key=key) for key in ("verdict", "scale")]
    monkeypatch.setattr(gathering, "pictures", lambda folder: drawn)
    with pytest.raises(de.InputError) as refused:
        study.figures["nope"]
    assert isinstance(refused.value, KeyError)  # the protocol of a mapping
    assert str(refused.value) == "figures: expected one of verdict, scale; got 'nope'"
    assert study.figures.get("nope") is None
    assert "nope" not in study.figures


def test_tables_are_polars_frames(study):
    assert all(isinstance(each, pl.DataFrame) for each in (study.scores, study.costs, study.samples, study.quarantine))


def test_opening_a_study_imports_no_torch():
    script = "import sys\nfrom deepenough import open_study\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
