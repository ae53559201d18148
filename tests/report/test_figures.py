import itertools
import re
import xml.etree.ElementTree as ET

import polars as pl
import pytest

from deepenough import records
from deepenough.report import evidence, sections
from deepenough.report.figures.canvas import CONTENDERS, Picture, printable
from deepenough.report.figures.scale import accuracy_over_scale, gain_over_scale
from deepenough.report.figures.slices import gain_per_slice
from deepenough.report.figures.training import training_curves
from deepenough.report.figures.verdict import verdict_picture


@pytest.fixture(scope="module")
def pictures(study) -> dict[str, Picture]:
    document = sections.document(evidence.load(study))
    blocks = [block for section in document.sections for block in section.blocks if isinstance(block, Picture)]
    return {picture.key: picture for picture in [document.picture, *blocks]}


def test_every_figure_of_the_report_is_there(pictures):
    assert set(pictures) == {"verdict", "noise", "scale", "gain", "frontier", "slices", "calibration", "training"}


def test_every_figure_has_two_forms_with_a_name_and_a_description(pictures):
    for picture in pictures.values():
        for form, svg in (("wide", picture.wide), ("narrow", picture.narrow)):
            root = ET.fromstring(svg)
            assert root.attrib["role"] == "img"
            named = {element.attrib["id"]: element.text for element in root if element.tag in {"title", "desc"}}
            assert root.attrib["aria-labelledby"].split() == list(named)
            assert list(named.values()) == [picture.title, picture.description]
            assert root.attrib["class"] == form


def test_figures_leave_colours_and_type_to_the_page(pictures):
    for picture in pictures.values():
        drawn = picture.wide + picture.narrow
        assert "currentColor" in drawn
        assert not [colour for colour in CONTENDERS if colour in drawn]
        assert "DejaVu" not in drawn
        assert "<style" not in drawn
        assert "http" not in drawn


def test_no_two_figures_share_an_id(pictures):
    ids = [
        name
        for picture in pictures.values()
        for svg in (picture.wide, picture.narrow)
        for name in re.findall(r' id="([^"]+)"', svg)
    ]
    assert len(ids) == len(set(ids))


def test_every_reference_within_a_figure_is_answered(pictures):
    for picture in pictures.values():
        for svg in (picture.wide, picture.narrow):
            wanted = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
            assert wanted <= set(re.findall(r' id="([^"]+)"', svg))


def test_every_figure_has_a_data_twin_with_rows(pictures):
    for picture in pictures.values():
        assert picture.twin.rows


def test_verdict_figure_shows_the_numbers_of_the_headline(made_up):
    drawn = verdict_picture(made_up.verdict()).wide
    for text in ("+0.08", "−0.12", "0.28", "your margin, 0.5", "no gain", "ResNet-50 ahead", "ResNet-101 pays"):
        assert f">{text}<" in drawn


def test_verdict_figure_spans_interval_zero_and_margin_when_these_lie_far_apart(made_up):
    for interval, margin in (((-30.0, 25.0), 0.1), ((4.0, 4.01), 0.5), ((-9.0, -8.0), 3.0)):
        middle = sum(interval) / 2
        drawn = verdict_picture(made_up.verdict(difference=middle, interval=interval, margin=margin)).narrow
        assert ">no gain<" in drawn


def test_scale_figure_draws_a_seed_dot_for_every_run(made_up, study):
    verdict = evidence.load(study).verdict
    twin = accuracy_over_scale(verdict).twin
    assert len(twin.rows) == 4
    uses = accuracy_over_scale(verdict).wide.count("<use ")
    assert uses >= sum(len(entry.per_seed) + 1 for entry in verdict.contenders)


def test_gain_figure_is_left_out_when_there_is_one_scale(made_up):
    verdict = made_up.verdict()
    assert gain_over_scale(verdict) is not None
    assert gain_over_scale(made_up.verdict(pairs=verdict.pairs[:1])) is None


def test_training_figure_is_left_out_when_no_cell_has_a_history(made_up):
    assert training_curves([], made_up.verdict()) is None


def slice_row(**changes):
    plain = {
        "column": "class",
        "level": "cat",
        "scale": 96,
        "samples": 40,
        "difference": 10.0,
        "low": 1.0,
        "high": 19.0,
    }
    plain |= {"p_value": 0.01, "q_value": 0.2, "only_big": 6, "only_small": 2, "small": "resnet50", "big": "resnet101"}
    return {**plain, "small_mean": 50.0, "big_mean": 60.0, **changes}


def test_slice_figure_keeps_formulas_and_markup_in_names_as_text(made_up):
    frame = pl.DataFrame([slice_row(level="$\\frac{a}$ <b>&")], schema=records.SLICES)
    picture = gain_per_slice(frame, made_up.verdict(), {})
    assert picture is not None
    assert ">$\\frac{a}$ &lt;b&gt;&amp;<" in picture.wide


def test_slice_figure_fills_the_dots_of_marked_slices_only(made_up):
    def filled(q_value):
        frame = pl.DataFrame([slice_row(q_value=q_value)], schema=records.SLICES)
        picture = gain_per_slice(frame, made_up.verdict(), {})
        assert picture is not None
        return "fill:var(--paper)" not in picture.wide, picture.twin.strong_rows

    assert filled(0.05) == (True, frozenset({0}))
    assert filled(0.051) == (False, frozenset())
    assert filled(None) == (False, frozenset())


def test_slice_figure_is_left_out_when_there_is_no_slice(made_up):
    assert gain_per_slice(pl.DataFrame(schema=records.SLICES), made_up.verdict(), {}) is None


def test_printable_makes_control_characters_visible_and_cuts_the_middle():
    assert printable("a\x00b\nc") == "a�b�c"
    assert printable("abcdefghij", 5) == "ab…ij"


def test_map_draws_every_machine_and_where_depth_and_pixels_turn(study, tmp_path):
    costs = pl.read_parquet(study / "costs.parquet")
    faster = pl.when(pl.col("contender") == "resnet101").then(0.02).otherwise(0.05)
    seconds = pl.col("latency_s").struct.field("p50") * faster
    gpu = costs.with_columns(
        device=pl.lit("a GPU"), precision=pl.lit("bf16"), latency_s=pl.struct(p50=seconds, p95=seconds)
    )
    records.write_table(tmp_path / "gpu.parquet", gpu, records.COSTS)
    section = next(
        each
        for each in sections.document(evidence.load(study, costs=[tmp_path / "gpu.parquet"])).sections
        if each.key == "cost"
    )
    first, second, budgets = section.blocks
    assert "cpu, 2 threads, fp32" in first.title
    assert "a GPU, bf16" in second.title
    assert "from 22.4 ms<" in first.wide  # 0.013 s of ResNet-50 at 96 px, times 1.72
    assert [row[0].text for row in budgets.rows if row[0].text] == ["cpu, 2 threads, fp32", "a GPU, bf16"]
    starts = [place for place, row in enumerate(budgets.rows) if row[0].text]
    leaders = [
        [row[2].text for row in budgets.rows[start:end]] for start, end in zip(starts, [starts[1], None], strict=True)
    ]
    assert leaders[0][0] == "ResNet-50"
    assert leaders[0][-1] == "ResNet-101"
    assert leaders[1][0] == "ResNet-101"  # faster there, so that depth comes first
    for start, end in zip(starts, [starts[1], None], strict=True):  # every row buys more than the one above it
        reached = [float(row[4].text) for row in budgets.rows[start:end]]
        assert len(reached) > 1
        assert all(more >= less for less, more in itertools.pairwise(reached))
    assert any("turns with the machine" in sentence for sentence in section.lead)


def test_machines_of_one_kind_are_told_apart_by_their_files(study, tmp_path):
    costs = pl.read_parquet(study / "costs.parquet")
    for name in ("one", "two"):
        records.write_table(tmp_path / name / "costs.parquet", costs, records.COSTS)
    found = evidence.load(study, costs=[tmp_path / "one", tmp_path / "two"]).elsewhere
    assert [each.name.rpartition("/")[2] for each in found] == ["one)", "two)"]
