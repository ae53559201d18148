import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deepenough import records, report
from deepenough.comparison import slice_table
from deepenough.errors import RecordError
from deepenough.report import proof
from deepenough.report.bundle import blocks
from deepenough.report.bundle.blocks import Block


@pytest.fixture(scope="module")
def page(made_up, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("proofs") / "photos"
    made_up.write_study(folder, images=60, scales=(48, 64), classes=("hat", "shirt", "shoes"))
    return report.write(folder)[0].read_text(encoding="utf-8")


def wrong(page: str | bytes, folder: Path) -> list[str]:
    path = folder / "report.html"
    path.write_bytes(page if isinstance(page, bytes) else page.encode())
    return [fault for look in proof.looks(path) for fault in look.wrong]


def resealed(page: str) -> str:
    """The page sealed anew, as somebody would who wants to hide a change."""
    for name, (block, seal) in blocks.blocks_of(page).items():
        if name != "index":
            page = page.replace(seal, block.sha256)
    index, seal = blocks.blocks_of(page)["index"]
    page = page.replace(seal, index.sha256)
    return blocks.seal(re.sub(r"(sha256 of this page: )\w{64}", rf"\g<1>{blocks.BLANK}", page))


def with_block(page: str, block: Block) -> str:
    old = blocks.blocks_of(page)[block.name][0]
    return resealed(page.replace(old.text, block.text))


def test_page_agrees_with_its_data(page, tmp_path):
    assert wrong(page, tmp_path) == []


def test_each_of_a_hundred_flipped_bytes_in_the_data_is_noticed(page, given_study, tmp_path):
    content = (given_study / "report.html").read_bytes() if given_study else page.encode()
    assert wrong(content, tmp_path) == []
    starts = [
        (match.start(1), match.end(1)) for match in re.finditer(rb'<script type="[^>]*>([^<]*)</script>', content)
    ]
    places = np.concatenate([np.arange(*ends) for ends in starts])
    rng = np.random.default_rng(11)
    for place in rng.choice(places, 100, replace=False):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        assert wrong(bytes(flipped), tmp_path), f"byte {place}"


def test_flipped_block_is_named(page, tmp_path):
    block = blocks.blocks_of(page)["outcomes"][0]
    torn = page.replace(block.text, ("B" if block.text[0] == "A" else "A") + block.text[1:])
    assert "block outcomes: its text is not the one that was sealed" in wrong(torn, tmp_path)


def test_changed_outcome_is_noticed_though_sealed_again(page, tmp_path):
    block = blocks.blocks_of(page)["outcomes"][0]
    bits = bytearray(blocks.unplain(block))
    bits[0] ^= 0x80
    faults = wrong(with_block(page, blocks.plain("outcomes", bytes(bits))), tmp_path)
    assert any("per_seed: on record" in fault for fault in faults)


def test_changed_verdict_is_noticed_though_sealed_again(page, tmp_path):
    plain = json.loads(blocks.inflated(blocks.blocks_of(page)["records"][0]))
    plain["verdict"]["difference"] += 1e-7
    block = blocks.deflated("records", blocks.as_json("records", plain).text.encode())
    faults = wrong(with_block(page, block), tmp_path)
    assert any(fault.startswith("difference: on record") for fault in faults)


@pytest.mark.parametrize(
    ("table", "column", "said"),
    [("slices", "difference", "slice class hat, difference: on record"), ("noise", "gap", "noise, gap: on record")],
)
def test_changed_record_is_noticed_though_sealed_again(made_up, tmp_path, table, column, said):
    made_up.write_study(tmp_path, images=60, scales=(64,), classes=("hat", "shirt", "shoes"))
    scores, samples = (pl.read_parquet(tmp_path / f"{name}.parquet") for name in ("scores", "samples"))
    slices = slice_table(scores, samples, small="resnet50", big="resnet101")
    records.write_table(tmp_path / "slices.parquet", slices, records.SLICES)
    page = report.write(tmp_path)[0].read_text(encoding="utf-8")
    assert wrong(page, tmp_path) == []
    plain = json.loads(blocks.inflated(blocks.blocks_of(page)["records"][0]))
    if table == "slices":
        plain["slices"][column][plain["slices"]["level"].index("hat")] += 1e-6
    else:
        plain["verdict"]["noise"][column] += 1e-6
    block = blocks.deflated("records", blocks.as_json("records", plain).text.encode())
    assert any(fault.startswith(said) for fault in wrong(with_block(page, block), tmp_path))


@pytest.mark.parametrize(
    ("pattern", "heading"),
    [(r'(?<=<td class="n">)\d+\.\d', ""), (r"(?<=<p>They differ on )\d+", "Where the two differ")],
)
def test_changed_text_is_noticed_and_placed_though_sealed_again(page, tmp_path, pattern, heading):
    faults = wrong(resealed(re.sub(pattern, "77", page, count=1)), tmp_path)
    assert len(faults) == 1
    assert '"77' in faults[0] or " 77" in faults[0]
    assert heading in faults[0]


def test_changed_curve_is_noticed_though_sealed_again(page, tmp_path):
    changed = re.sub(r'(<path d="M \d+\.)\d', r"\g<1>777", page, count=1)
    assert changed != page
    # of a drawing there is no text to hold against: another version of the drawing program may draw otherwise
    path = tmp_path / "report.html"
    path.write_text(resealed(changed), encoding="utf-8")
    assert "figures are drawn otherwise here" in proof.looks(path)[-1].what


def test_changed_picture_is_noticed_though_sealed_again(page, tmp_path):
    changed = re.sub(
        r'(<img src="data:image/png;base64,[^"]{40})(.)', lambda m: m[1] + ("A" if m[2] != "A" else "B"), page, count=1
    )
    assert any("a picture that the index does not list" in fault for fault in wrong(resealed(changed), tmp_path))


@pytest.mark.parametrize("own", [{"written_by": "0.0.9"}, {"source": "0123456789abcdef"}])
def test_page_of_another_version_or_source_is_not_held_to_this_ones_words(page, tmp_path, own):
    index = blocks.parsed(blocks.blocks_of(page)["index"][0])
    path = tmp_path / "report.html"
    path.write_text(with_block(page, blocks.as_json("index", {**index, **own})), encoding="utf-8")
    found = proof.looks(path)
    assert not any(look.wrong for look in found)
    assert re.match(r"written by deepenough .*(0\.0\.9|0123456789abcdef)", found[-1].what)


@pytest.mark.parametrize("seeds", [1, 2])
def test_page_of_few_seeds_agrees_with_its_data(made_up, tmp_path, seeds):
    made_up.write_study(tmp_path, images=50, seeds=seeds, scales=(64,))
    assert wrong(report.write(tmp_path)[0].read_bytes(), tmp_path) == []


def test_page_of_a_bare_verdict_says_that_there_are_no_outcomes(made_up, tmp_path):
    records.write_json(tmp_path / "verdict.json", made_up.verdict())
    found = proof.looks(report.write(tmp_path)[0])
    assert not any(look.wrong for look in found)
    assert any("no outcomes" in look.what for look in found)


def test_looks_refuse_a_page_that_is_no_report(tmp_path):
    (tmp_path / "other.html").write_text("<p>hello</p>", encoding="utf-8")
    with pytest.raises(RecordError, match=r"other\.html: expected a report\.html of this program"):
        proof.looks(tmp_path / "other.html")
    with pytest.raises(RecordError, match=r"none\.html: expected a report; got No such file"):
        proof.looks(tmp_path / "none.html")


@pytest.mark.parametrize(
    "change",
    [
        {"outcomes": []},
        {"outcomes": {"kind": "bits", "samples": 10**12, "cells": []}},
        {"answers": {"classes": [], "runs": [["resnet50", "one"]]}},
        {"pictures": [{"sample_id": 7}]},
        {"form": 2},
    ],
)
def test_page_whose_index_is_of_another_form_is_refused_in_words(page, tmp_path, change):
    index = blocks.parsed(blocks.blocks_of(page)["index"][0])
    assert wrong(with_block(page, blocks.as_json("index", {**index, **change})), tmp_path)


@pytest.mark.parametrize("plain", [[], {}, {"verdict": 7}, {"verdict": {}, "ids": ["x"]}])
def test_page_whose_records_are_of_another_form_is_refused_in_words(page, tmp_path, plain):
    block = blocks.deflated("records", json.dumps(plain).encode())
    faults = wrong(with_block(page, block), tmp_path)
    assert any("cannot" in fault or "block" in fault for fault in faults)
