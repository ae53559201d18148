import xml.etree.ElementTree as ET

import polars as pl

from deepenough import records
from deepenough.report import evidence, sections
from deepenough.report.slices import lead


def test_the_lead_names_the_metric_of_the_slices_where_the_verdict_is_by_another(made_up):
    row = {"column": "class", "level": "cat", "scale": 64, "samples": 20, "difference": 1.0, "q_value": 0.5}
    frame = pl.DataFrame([{**dict.fromkeys(records.SLICES), **row}], schema=records.SLICES)
    own = lead(frame, made_up.verdict())
    other = lead(frame, made_up.verdict(metric="macro_f1"))
    assert other == (
        "These gains are in accuracy, as the scores were recorded; the verdict is by macro_f1.",
        *own,
    )


def test_figure_table_and_pictures_of_slices_are_in_one_order_the_largest_gain_first(study):
    whole = evidence.load(study)
    section = next(each for each in sections.document(whole).sections if each.key == "slices")
    rows = [(row[0].text, float(row[2].text.replace("−", "-"))) for row in section.blocks[0].twin.rows]
    gains = [gain for _, gain in rows]
    assert gains == sorted(gains, reverse=True)
    assert len(set(gains)) > 3
    named = [name for name, _ in rows]
    folded = [gallery.title.split(": ResNet")[0].split(": ")[-1] for gallery in section.aside]
    assert len(folded) > 3
    assert folded == [name for name in named if name in folded]
    drawn = ET.fromstring(section.blocks[0].wide).itertext()
    assert [text for text in (text.split(": ")[-1] for text in drawn) if text in named] == named[::-1]
