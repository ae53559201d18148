"""What is written for a paper: LaTeX that parses whatever things are called, captions, sources, figures."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zlib

import polars as pl
import pytest
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexWalker

from deepenough import records
from deepenough.errors import RecordError, StudyError
from deepenough.report.evidence import load
from deepenough.report.figures.canvas import NARROW
from deepenough.report.paper import latex, methods, sources, write
from deepenough.report.tables.model import table
from deepenough.report.tables.paper import RULED_OUT, main_results, stars

HOSTILE = r"50% of $x_1$ & {y}^2~#\end{table}\input{/etc/passwd} [1] *2 a|b <c> `d' \"e\""


def parsed(text):
    """The nodes of LaTeX, by a parser that refuses what does not balance."""
    return LatexWalker(text, tolerant_parsing=False).get_latex_nodes()[0]


def as_text(text):
    return " ".join(LatexNodes2Text().latex_to_text(text).split())


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    out = tmp_path_factory.mktemp("paper")
    return out, write(study, out)


@pytest.mark.parametrize("letter", [*"\\{}$&%#_~<>|`[]*", "\N{MULTIPLICATION SIGN}", "\N{PLUS-MINUS SIGN}"])
def test_escaped_letter_is_set_as_it_was(letter):
    assert as_text(f"a{latex.escape(letter)}b") == f"a{letter}b"


def test_escaped_text_is_one_line_without_control_characters():
    assert latex.escape("a\nb\x07").startswith("a b")
    assert "\x07" not in latex.escape("a\nb\x07")


def test_table_of_hostile_names_has_its_own_environments_and_no_others():
    hostile = table("k", HOSTILE, [HOSTILE, HOSTILE], [[HOSTILE, "-1"], [HOSTILE, "2"]], note=HOSTILE, strong_rows=[1])
    text = latex.tabular(hostile)
    (floating,) = [node for node in parsed(text) if isinstance(node, LatexEnvironmentNode)]
    assert floating.environmentname == "table"
    assert re.findall(r"\\(?:begin|end)\{[^}]*\}", text) == [
        r"\begin{table}",
        r"\begin{tabular}",
        r"\end{tabular}",
        r"\end{table}",
    ]
    assert r"\input" not in text
    assert text.count(r" \\") == 3


def test_every_file_of_latex_parses(written):
    out, paths = written
    assert {path.name for path in paths} >= {"paper.tex", "tables.tex", "methods.tex", "figures.tex", "sources.bib"}
    for path in paths:
        if path.suffix == ".tex":
            assert parsed(path.read_text(encoding="utf-8"))
    rows = re.findall(r"^(.*?) \\\\$", (out / "tables.tex").read_text(), re.MULTILINE)
    assert len({row.count(" & ") for row in rows[:3]}) == 1


def test_captions_state_images_seeds_and_test(written, study):
    out, _ = written
    verdict = load(study).verdict
    captions = re.findall(r"\\caption\{(.*)\}", (out / "tables.tex").read_text())
    assert len(captions) == 4
    for caption in captions[:3]:
        assert f"n = {verdict.samples} test images" in caption
        assert "3 training seeds of each network" in caption
        assert "Obuchowski-Rockette" in caption


def test_every_work_cited_is_in_the_sources_and_no_other(written):
    out, _ = written
    cited = set(",".join(re.findall(r"\\cite\{([^}]*)\}", (out / "methods.tex").read_text())).split(","))
    listed = set(re.findall(r"^@\w+\{(\w+),", (out / "sources.bib").read_text(), re.MULTILINE))
    assert cited == listed
    assert {"he2016", "obuchowski1995", "hillis2007"} <= cited
    assert "gao2021" not in cited


def test_every_source_has_what_its_kind_asks():
    venue = {"article": "journal", "inproceedings": "booktitle", "misc": "eprint"}
    for key, entry in sources.works().items():
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", entry, re.MULTILINE))
        assert {"author", "title", "year", venue[re.match(r"@(\w+)", entry)[1]]} <= fields.keys(), key
        assert key.endswith(fields["year"])
        assert parsed(entry.partition("\n")[2].rpartition("}")[0])


def test_networks_name_known_works():
    plain = "resnet50d seresnet50 resnetrs50 resnetblur50 resnext50 wide_resnet50"
    levers = "res2net50@mixed blresnet101-fpn resnet50-concat+pooling=gem@fixres=96"
    used = sources.of_networks([*plain.split(), *levers.split()])
    assert len(used) == 14
    assert set(used) <= sources.works().keys()
    assert sources.of_networks(["resnet50", "resnet101"]) == ["he2016"]


@pytest.mark.parametrize(
    ("recipe", "augmentation", "works"),
    [
        ({"optimizer": "sgd", "label_smoothing": 0.0}, {}, {"loshchilov2017"}),
        (
            {"optimizer": "lamb"},
            {"mixup": 0.2, "cutmix": 0.0},
            {"you2020", "loshchilov2017", "szegedy2016", "zhang2018"},
        ),
        ({"optimizer": "adamw", "train": "head"}, {"mixup": 0.2}, set()),
    ],
)
def test_training_names_the_works_that_it_used(recipe, augmentation, works):
    assert set(sources.of_training({"recipe": recipe, "augmentation": augmentation})) == works


def test_dagger_marks_a_gain_as_large_as_the_margin_as_ruled_out(made_up):
    enough = main_results(made_up.verdict(), None)
    assert enough.rows[1][3].text.endswith(RULED_OUT)
    open_ = main_results(made_up.verdict(margin=0.2), None)
    assert RULED_OUT not in "".join(cell.text for row in open_.rows for cell in row)


def test_stars_follow_the_level_of_a_look():
    assert [stars(p, 0.95) for p in (0.06, 0.05, 0.049, 0.009, 0.0009)] == ["", "", "*", "**", "***"]
    assert [stars(p, 0.9875) for p in (0.02, 0.0124, 0.00001)] == ["", "*", "*"]


def test_margin_changed_afterwards_is_called_so(study, tmp_path):
    shutil.copytree(study, tmp_path / "s")
    text = (tmp_path / "s" / "study.yaml").read_text()
    (tmp_path / "s" / "study.yaml").write_text(text.replace("margin: 2.0", "margin: 0.5"))
    said = " ".join(each.text for each in methods.sentences(load(tmp_path / "s")))
    assert "chosen after training in place of the 0.5 declared before" in said


def test_files_that_were_never_samples_are_not_counted_as_left_out(study, tmp_path):
    shutil.copytree(study, tmp_path / "s")
    kept = pl.read_parquet(study / "quarantine.parquet")
    beside = kept.head(1).with_columns(path=pl.lit("notes.json"), reason=pl.lit("outside_class_folder"))
    for rows, said in ((kept, "; 3 files left out of all networks alike"), (kept.head(0), "")):
        records.write_table(tmp_path / "s" / "quarantine.parquet", pl.concat([rows, beside]), records.QUARANTINE)
        (sentence,) = (one.text for one in methods.sentences(load(tmp_path / "s")) if one.text.startswith("The images"))
        assert re.findall("; [^;]*left out[^;]*", sentence) == ([said] if said else [])


def test_methods_say_nothing_that_the_folder_does_not_show(study, tmp_path):
    (tmp_path / "s").mkdir()
    shutil.copy(study / "verdict.json", tmp_path / "s")
    said = " ".join(each.text for each in methods.sentences(load(tmp_path / "s")))
    assert "We compared ResNet-50 and ResNet-101" in said
    assert not re.search("augment|optimiser|Latency|PyTorch|px in batches", said)


def test_figures_are_one_column_wide(written):
    _, paths = written
    drawn = [path for path in paths if path.suffix == ".svg"]
    assert len(drawn) >= 5
    for path in drawn:
        assert ET.parse(path).getroot().attrib["width"] == "8.5cm"
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def contents(pdf):
    """What each packed stream of a PDF holds."""
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with contextlib.suppress(zlib.error):
            yield zlib.decompress(packed)


def stroked(pdf):
    """How far to the right any line of a PDF's pages goes, in the units that are then scaled to the column."""
    farthest, path = 0.0, []
    for content in contents(pdf):
        words = content.split()
        for place, word in enumerate(words):
            if word in (b"m", b"l"):
                path.append(float(words[place - 2]))
            elif word == b"S":
                farthest, path = max([farthest, *path]), []
            elif word in (b"f", b"B", b"n", b"b"):
                path = []
    return farthest


def test_lines_of_a_pdf_reach_across_the_column(written):
    _, paths = written
    reached = {path.stem: stroked(path.read_bytes()) / NARROW for path in paths if path.suffix == ".pdf"}
    assert len(reached) >= 5
    wide = {"figure-gain", "figure-scale", "figure-frontier", "figure-verdict"}  # with a line to their right end
    assert {name for name in wide if reached[name] < 0.9} == set()


def test_labels_that_lines_cross_are_set_off_in_white_in_both_forms(written):
    svg, pdf = (next(path for path in written[1] if path.name == f"figure-frontier.{form}") for form in ("svg", "pdf"))
    labels = re.findall(r'<g stroke="#ffffff" stroke-width="7" paint-order="stroke">\s*<text', svg.read_text())
    assert len(labels) >= 8  # a label for each network at each scale
    words = [word for content in contents(pdf.read_bytes()) for word in content.split()]
    widths = {float(words[place - 1]) for place, word in enumerate(words) if word == b"w"}
    assert 7.0 in widths
    assert words.count(b"BT") >= len(labels)  # the letters themselves stay text


def test_paper_refuses_a_folder_without_a_verdict(tmp_path):
    with pytest.raises(RecordError, match=r"a study's folder with verdict.json"):
        write(tmp_path, tmp_path / "out")


def test_paper_names_the_file_that_is_in_the_way_and_what_to_do(tmp_path, made_up):
    made_up.write_study(tmp_path / "s", images=40)
    (tmp_path / "new.csv").write_text("a file")
    with pytest.raises(StudyError) as refused:
        write(tmp_path / "s", tmp_path / "new.csv")
    place = tmp_path / "new.csv"
    said = f"--out {place}: expected a folder that can be made; got the file {place}; choose another --out"
    assert str(refused.value) == said


def test_paper_says_what_makes_a_verdict_where_there_are_scores_without_one(tmp_path, made_up):
    made_up.write_study(tmp_path / "s", images=40)
    (tmp_path / "s" / "verdict.json").unlink()
    with pytest.raises(RecordError, match=r"decide first: deepenough verdict .*s$"):
        write(tmp_path / "s", tmp_path / "out")
    with pytest.raises(RecordError, match="got no such folder; name the folder that compare wrote"):
        write(tmp_path / "nope", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here: LaTeX was parsed, not compiled")
def test_paper_compiles(written):
    out, _ = written
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"]
    done = subprocess.run(command, cwd=out, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
