import dataclasses
import xml.etree.ElementTree as ET

import numpy as np
import polars as pl
import pytest

from deepenough import records, report
from deepenough.comparison import decide_study
from deepenough.report import noise as said_of
from deepenough.report import sections
from deepenough.report.evidence import load
from deepenough.report.figures.noise import noise_parts
from deepenough.report.tables import noise as tables


def account(**changes):
    """Of the made-up verdict; its shares are 40, 22, 30 and 8 %."""
    shares = [("seeds", "resnet101", 0.40), ("seeds", "resnet50", 0.22), ("samples", None, 0.30)]
    shares.append(("seed_by_sample", None, 0.08))
    spread = {"runs": 3, "sd": 0.2, "interval": [0.1, 1.26], "own_sd": 0.1, "own_interval": [0.0, 1.2]}
    plain = {
        "gap": 0.851,
        "parts": [
            {"source": s, "contender": c, "share": share, "variance": share * 0.094**2, "clipped": False}
            for s, c, share in shares
        ],
        "seeds": [{"contender": name, "clipped": False, **spread} for name in ("resnet101", "resnet50")],
        "single_run_sd": 0.31,
        "luck": 0.797,
        "superiority": 0.714,
        "units": 40_000,
        "sources": [],
    }
    return {**plain, **changes}


def source(name, contender="resnet50", **changes):
    plain = {"source": name, "contender": contender, "scale": 96, "runs": 3, "sd": 0.05, "interval": [0.03, 0.31]}
    rest = {"own_sd": 0.0, "own_interval": [0.0, 0.3], "clipped": True, "share_of_seeds": 0.0625, "identical": False}
    return {**plain, **rest, **changes}


def test_one_sentence_says_how_the_gap_stands_to_its_noise_and_where_that_comes_from(made_up):
    verdict = made_up.verdict(noise=account())
    sentence = (
        "The gap is 0.9 times its standard error; of that variance an estimated 62 % comes from the training seeds, "
        "30 % from the test images and 8 % from single images on which the trainings of one network differ."
    )
    assert said_of.gap_in_words(verdict) == [sentence]
    assert sentence in report.sentences(verdict)


def test_single_runs_are_said_to_know_nothing_of_training_anew(made_up):
    parts = [{"source": "samples", "contender": None, "share": 1.0, "variance": 0.01, "clipped": False}]
    found = account(parts=parts, seeds=[], single_run_sd=None, luck=None, superiority=None)
    verdict = made_up.verdict(scope="checkpoint", noise=found)
    [sentence] = said_of.gap_in_words(verdict)
    assert sentence.endswith("due to the test images alone: what training anew would add is not known.")
    assert said_of.account_in_words(verdict, "A", "B") == []
    assert noise_parts(verdict, found) is None
    assert tables.seeds(verdict, found) is None


def test_luck_and_superiority_are_said_with_their_numbers(made_up):
    luck, superiority = said_of.account_in_words(made_up.verdict(noise=account()), "ResNet-50", "ResNet-101")
    assert "standard deviation of 0.31 points" in luck
    assert "a gap of 0.08 or more would come by luck with probability 0.797" in luck
    assert "a freshly trained ResNet-101 beats a freshly trained ResNet-50 with probability 0.714" in superiority
    assert superiority.endswith("does not decide.")


def test_superiority_that_cannot_be_told_is_not_told(made_up):
    said = said_of.account_in_words(made_up.verdict(noise=account(superiority=None)), "ResNet-50", "ResNet-101")
    assert "cannot be told" in said[1]


def test_nothing_is_said_where_nothing_varies_or_no_account_was_kept(made_up):
    still = account(gap=None, luck=None, superiority=None, single_run_sd=0.0)
    for part in still["parts"]:
        part.update(share=None, variance=0.0)
    assert said_of.gap_in_words(made_up.verdict(noise=still)) == []
    assert noise_parts(made_up.verdict(noise=still), still) is None
    assert tables.parts(made_up.verdict(noise=still), still).rows[0][1].text == "–"
    assert said_of.gap_in_words(made_up.verdict()) == said_of.account_in_words(made_up.verdict(), "A", "B") == []


def test_table_of_parts_ends_with_the_whole_and_names_what_was_clipped(made_up):
    found = account()
    found["parts"][1].update(share=0.0, variance=0.0, clipped=True)
    shown = tables.parts(made_up.verdict(noise=found), found)
    assert [row[0].text for row in shown.rows] == [
        "seeds of ResNet-101",
        "seeds of ResNet-50",
        "test images",
        "seed by image",
        "all",
    ]
    assert [cell.text for cell in shown.rows[-1]] == ["all", "100 %", "0.09", ""]
    assert shown.note == "Estimated at or below zero and set to 0: seeds of ResNet-50."


def test_sources_are_a_row_each_with_their_interval_and_share(made_up):
    found = account(sources=[source("initialisation"), source("nondeterminism", sd=0.0, share_of_seeds=None)])
    shown = tables.sources(made_up.verdict(noise=found), found)
    assert [str(cell) for cell in shown.rows[0]] == [
        "the initial weights",
        "ResNet-50",
        "3",
        "0.05 (0.03 to 0.31)",
        "0.00 (0.00 to 0.30)",
        "6 %",
    ]
    assert shown.rows[1][-1].text == "–"
    assert "tested at 96 px" in shown.note
    assert tables.sources(made_up.verdict(noise=account()), account()) is None


@pytest.mark.parametrize(("identical", "said"), [(True, "the same answer to every"), (False, "gave other answers")])
def test_what_the_machine_repeats_is_said(identical, said, made_up):
    again = [source("nondeterminism", name, identical=identical) for name in ("resnet50", "resnet101")]
    lines = said_of.account_in_words(made_up.verdict(noise=account(sources=again)), "A", "B")
    assert "orders of magnitude and no more" in lines[-2]
    assert said in lines[-1]


def test_figure_has_a_bar_a_part_and_gives_the_contenders_their_colours(made_up):
    picture = noise_parts(made_up.verdict(noise=account()), account())
    for form in (picture.wide, picture.narrow):
        drawn = ET.fromstring(form)
        styles = [element.attrib.get("style", "").replace(" ", "") for element in drawn.iter("path")]
        assert [style.split(";")[0] for style in styles if style.startswith("fill:var")] == [
            "fill:var(--contender-2)",
            "fill:var(--contender-1)",
            "fill:var(--muted)",
            "fill:var(--muted)",
        ]
        for text in ("40 %", "22 %", "30 %", "8 %", "seeds of ResNet-101", "seed by image"):
            assert f">{text}<" in form


def test_section_stands_in_the_page_and_in_the_text_with_sources(made_up, tmp_path):
    made_up.write_study(tmp_path, images=60, scales=(64,))
    scores = records.read_table(tmp_path / "scores.parquet", records.SCORES)
    first = scores.filter((pl.col("seed") == 0) & (pl.col("scale") == 64))
    flipped = pl.Series(np.where(np.arange(first.height) % 9 == 0, 0.0, first["score"]))
    noise = pl.concat(
        [
            first.with_columns(score=score, source=pl.lit(source), run=pl.lit(1, pl.Int64))
            for source, score in (("order", flipped), ("nondeterminism", first["score"]))
        ]
    )
    verdict = decide_study(scores, margin=2.0, small="resnet50", big="resnet101", noise_runs=noise)
    records.write_json(tmp_path / "verdict.json", verdict)
    html, text = (path.read_text(encoding="utf-8") for path in report.write(tmp_path))
    assert '<section id="noise"' in html
    part = text.split("## Where the noise comes from")[1].split("\n## ")[0]
    assert "gave the same answer to every test image" in part
    assert "the order of the images" in part
    assert part.count("| ResNet-101 ") == 1 + 2  # among the seeds, and of each source
    assert "nothing: the same seeds again" in part


def test_section_is_left_out_where_the_verdict_is_of_an_earlier_version(made_up, tmp_path):
    made_up.write_study(tmp_path, images=60, scales=(64,))
    evidence = load(tmp_path)
    old = dataclasses.replace(evidence, verdict=dataclasses.replace(evidence.verdict, noise=None))
    keys = [[section.key for section in sections.document(each).sections] for each in (evidence, old)]
    assert keys[1] == [key for key in keys[0] if key != "noise"] != keys[0]
