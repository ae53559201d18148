import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deepenough import records
from deepenough.comparison import align, confusion, disagreements
from deepenough.errors import RecordError
from deepenough.report import bundle, evidence
from deepenough.report.bundle import answers, blocks, outcomes
from deepenough.report.bundle.blocks import Block


def unpacked(folder: Path, **options):
    seen = evidence.load(folder, **options)
    packed = bundle.pack(seen)
    header = json.loads(json.dumps(packed.header))
    return seen, bundle.unpack(header, {block.name: block for block in packed.blocks}, bundle.pictures(seen))


def test_outcomes_come_back_bit_for_bit_when_samples_do_not_fill_a_byte():
    rng = np.random.default_rng(3)
    rows = [("a", seed, scale, f"s{place}", float(rng.random() < 0.8)) for seed in (0, 4) for scale in (32, 64)
            for place in range(13)]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["contender", "seed", "scale", "sample_id", "score"], orient="row")
    aligned = align(frame)
    block, header = outcomes.pack(aligned, 64)
    assert len(blocks.unplain(block)) == 4 * 2  # bytes: 13 bits take two, for each of four runs
    again = outcomes.unpack(block, header, aligned.sample_ids)
    assert again.cells.keys() == aligned.cells.keys()
    for key, cell in aligned.cells.items():
        assert again.cells[key].seeds == cell.seeds
        assert np.array_equal(again.cells[key].scores, cell.scores)


def test_outcomes_that_are_no_zeros_and_ones_come_back_to_the_last_bit():
    scores = np.random.default_rng(5).normal(30, 4, 24)
    frame = pl.DataFrame({"contender": ["a"] * 12 + ["b"] * 12, "seed": 0, "scale": 64,
                          "sample_id": [f"s{place}" for place in range(12)] * 2, "score": scores})  # fmt: skip
    block, header = outcomes.pack(align(frame), 64)
    again = outcomes.unpack(block, header, pl.Series([f"s{place}" for place in range(12)]))
    assert np.array_equal(again.cells["b", 64].scores[0], scores[12:])


def test_outcomes_keep_the_deciding_scale_alone_when_all_would_be_too_much(monkeypatch):
    monkeypatch.setattr(outcomes, "MOST_FLOATS", 200)
    ids = [f"s{place}" for place in range(20)] * 2
    scales = [32] * 20 + [64] * 20
    frame = pl.DataFrame({"contender": "a", "seed": 0, "scale": scales, "sample_id": ids, "score": np.arange(40) / 7})
    assert [cell["scale"] for cell in outcomes.pack(align(frame), 64)[1]["cells"]] == [64]


def test_outcomes_refuse_a_block_of_another_length():
    header = {"kind": "bits", "samples": 9, "cells": [{"contender": "a", "scale": 64, "seeds": [0, 1]}]}
    with pytest.raises(RecordError, match="2 runs of 9 outcomes in 4 bytes; got 3 bytes"):
        outcomes.unpack(blocks.plain("outcomes", b"abc"), header, pl.Series(range(9)))


def test_answers_come_back_with_wrong_missing_and_unsure_ones():
    frame = pl.DataFrame(
        {
            "contender": "a",
            "seed": 0,
            "scale": 64,
            "sample_id": list("wxyz"),
            "target": ["cat", "dog", "cat", "owl"],
            "prediction": ["cat", "cat", None, "owl"],
            "score": [1.0, 0.0, 0.0, 1.0],
            "confidence": [1.0, 0.5, None, 0.0],
        }
    )
    aligned = align(frame)
    block, header = answers.pack(answers.gather(frame, ["a"], aligned.sample_ids))
    again = answers.as_scores(answers.unpack(block, header, 4), aligned, 64)
    for column in ("target", "prediction", "score"):
        assert again[column].to_list() == frame[column].to_list()
    assert again["confidence"].to_list() == pytest.approx([1.0, 0.5, None, 0.0], abs=0.5 / answers.STEPS)


def test_everything_that_the_page_speaks_of_comes_back_from_its_blocks(study):
    seen, again = unpacked(study)
    assert again.verdict == seen.verdict
    assert (again.audit, again.study, again.name) == (seen.audit, seen.study, seen.name)
    assert again.plan == seen.plan
    assert again.costs.equals(seen.costs)
    assert again.quarantine.equals(seen.quarantine)
    scale = seen.verdict.scale
    for name in ("resnet50", "resnet101"):
        ours, theirs = (confusion(each.scores, contender=name, scale=scale) for each in (seen, again))
        assert ours.equals(theirs)
    ours, theirs = (
        disagreements(each.scores, small="resnet50", big="resnet101", scale=scale) for each in (seen, again)
    )
    shown = [column for column in ours.columns if column != "sample_id" and "confidence" not in column]
    assert ours.select(shown).equals(theirs.select(shown))  # in the same order: the page's ids sort as the study's do


def test_paths_leave_the_study_only_for_images_on_which_a_run_erred_and_groups_only_as_numbers(study, tmp_path):
    samples = pl.read_parquet(study / "samples.parquet").with_columns(group=pl.lit("patient ") + pl.col("target"))
    for file in study.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    records.write_table(tmp_path / "samples.parquet", samples, records.SAMPLES)
    seen, again = unpacked(tmp_path)
    right = seen.scores.group_by("sample_id").agg(pl.col("score").min()).filter(pl.col("score") == 1)
    assert again.samples["path"].null_count() == right.height > 0
    assert set(again.samples["group"]) == {str(code) for code in range(10)}
    assert np.array_equal(np.unique(again.clusters(), return_inverse=True)[1].argsort(kind="stable").shape, (372,))


def test_both_groups_of_a_pair_come_along_under_numbers_that_they_share(study, tmp_path):
    for file in study.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    samples = pl.read_parquet(study / "samples.parquet").with_row_index("place")
    people = [pl.format("person {}", (pl.col("place") * factor + 1) % 7) for factor in (1, 3)]
    both = samples.with_columns(people[0].alias("group"), people[1].alias(records.OTHER_GROUP)).drop("place")
    records.write_table(tmp_path / "samples.parquet", both, records.SAMPLES)
    seen, again = unpacked(tmp_path)
    assert set(again.samples["group"]) == set(again.samples[records.OTHER_GROUP]) == {str(code) for code in range(7)}

    def together(clusters):
        return clusters.reshape(-1, 1) == clusters.reshape(1, -1)

    assert np.array_equal(together(seen.clusters()), together(again.clusters()))


def test_no_pictures_come_along_when_they_may_not_be_shown(study):
    assert unpacked(study, images=False)[1].thumbnails is None
    assert unpacked(study)[1].thumbnails.height > 0


def test_page_seal_breaks_with_any_letter():
    page = blocks.seal(f"<p>one</p><!-- sha256 of this page: {blocks.BLANK} -->")
    assert blocks.is_whole(page)
    assert not any(
        blocks.is_whole(page[:place] + chr(ord(page[place]) ^ 1) + page[place + 1 :]) for place in range(len(page))
    )


def test_a_record_cannot_end_the_element_that_holds_it():
    block = blocks.as_json("index", {"name": "</script><script>alert(1)</script>"})
    assert "<" not in block.text
    assert blocks.parsed(block)["name"] == "</script><script>alert(1)</script>"


@pytest.mark.parametrize("text", ["AAAA", "not base64", "eJwDAAAAAAE"])
def test_inflated_refuses_what_was_not_deflated(text):
    with pytest.raises(RecordError, match="block records"):
        blocks.inflated(Block(name="records", text=text))
