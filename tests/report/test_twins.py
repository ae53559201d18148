"""Nearly identical images, side by side in the report."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import polars as pl
import pytest

from deepenough import records, report
from deepenough.records import NearDuplicate
from deepenough.report import proof
from deepenough.report.evidence import THUMBNAILS


def near(rows: dict, other: dict, **changes) -> NearDuplicate:
    plain = {name: rows[name] for name in ("sample_id", "path", "target", "split")}
    plain |= {f"other_{name}": other[name] for name in plain}
    return NearDuplicate(**(plain | changes), agreement=0.974, mirrored=False)


@pytest.fixture(scope="module")
def folder(made_up, tmp_path_factory):
    """A study with 30 pairs of a test and a training image, of which the first bears a hostile class and name."""
    folder = tmp_path_factory.mktemp("twins") / "photos"
    made_up.write_study(folder, images=60, scales=(64,), classes=("hat", "shirt"))
    samples = records.read_table(folder / "samples.parquet", records.SAMPLES)
    tested = samples.filter(pl.col("split") == "test").head(30).to_dicts()
    trained = samples.filter(pl.col("split") == "train").head(30).to_dicts()
    pairs = [near(*rows, target="hat", other_target="hat") for rows in zip(tested, trained, strict=True)]
    pairs[0] = replace(pairs[0], other_path=f"train/{made_up.HOSTILE}.jpg", other_target=made_up.HOSTILE)
    audit = records.audit_from_json(records.read_json(folder / "audit.json"))
    records.write_json(folder / "audit.json", replace(audit, near_duplicates=pairs))
    kept = pl.read_parquet(folder / "thumbnails.parquet")
    image = kept["image"][0]
    there = [row["sample_id"] for row in (*tested, *trained) if row["sample_id"] not in set(kept["sample_id"])]
    more = pl.DataFrame([(sample, image, 64, 64) for sample in there], schema=THUMBNAILS, orient="row")
    records.write_table(folder / "thumbnails.parquet", pl.concat([kept, more]), THUMBNAILS)
    return folder


def shown(page: str) -> str:
    """The part of the page that shows pairs; empty where there is none."""
    return "".join(re.findall(r'<figure class="gallery twins">.*?</figure>', page, flags=re.DOTALL))


def test_page_shows_twelve_pairs_side_by_side_with_their_names_escaped(folder, made_up):
    page, text = report.write(folder)
    part = shown(page.read_text(encoding="utf-8"))
    assert part.count("<img ") == 24
    assert made_up.HOSTILE not in part
    assert html.escape(made_up.HOSTILE) in part
    assert part.count("Different splits, correlation 0.97") == 11
    assert part.count("Different classes, different splits, correlation 0.97") == 1
    said = text.read_text(encoding="utf-8")
    assert said.count("correlation 0.97") == 12
    assert made_up.HOSTILE not in said


def test_page_with_pairs_agrees_with_its_data_and_another_picture_in_it_is_noticed(folder, tmp_path):
    page = report.write(folder)[0]
    assert [fault for look in proof.looks(page) for fault in look.wrong] == []
    text = page.read_text(encoding="utf-8")
    part = shown(text)
    changed = re.sub(r"base64,....", "base64,iVBO" if "base64,/9j/" in part else "base64,/9j/", part, count=1)
    (tmp_path / "report.html").write_text(text.replace(part, changed), encoding="utf-8")
    assert [fault for look in proof.looks(tmp_path / "report.html") for fault in look.wrong] != []


def test_page_shows_no_pairs_when_pictures_are_not_wanted(folder):
    page = report.write(folder, images=False)[0].read_text(encoding="utf-8")
    assert shown(page) == ""
    assert "<img " not in page


def test_pairs_in_doubt_are_of_both_kinds_where_both_are_many(folder):
    audit = records.audit_from_json(records.read_json(folder / "audit.json"))
    pairs = audit.near_duplicates
    divided = [replace(pair, other_target="shirt") for pair in pairs[1:21]]
    harmless = replace(pairs[1], split="train")
    both = replace(audit, near_duplicates=[*pairs[1:], *divided, harmless])
    assert [pair.other_target for pair in both.pairs_in_doubt()] == ["shirt"] * 6 + ["hat"] * 6
    assert len(replace(audit, near_duplicates=divided).pairs_in_doubt()) == 12
    assert replace(audit, near_duplicates=[harmless]).pairs_in_doubt() == []
