"""What people are shown of a few samples, in each task: held against what was scored, and against the pictures."""

from __future__ import annotations

import io
import re
import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from deepenough import report
from deepenough.records import EXHIBITS, OUTCOMES, SCORES, read_table, write_table
from deepenough.report import proof
from deepenough.studies import run_study
from deepenough.studies.exhibits import MOST, MOST_BYTES
from deepenough.studies.study import make_study
from deepenough.tasks import detection

pytestmark = pytest.mark.slow

SOURCES = runpy.run_path(str(Path(__file__).parents[1] / "contracts" / "conftest.py"))["SOURCES"]
PAIR = ("resnet50", "resnet101")
OPTIONS = {
    "denoise": {"task_options": {"views": 2}},
    "detection": {"task_options": {"channels": 64}, "epochs": 2},
    "verification": {},
}


@pytest.fixture(scope="module")
def study_of(tmp_path_factory, shrink):
    """The folder of a tiny study of a task, made once."""
    made = {}

    def run(task, **changes):
        key = (task, *sorted(changes))
        if key not in made:
            root = tmp_path_factory.mktemp(task)
            values = {"source": str(SOURCES[task](root / "source")), "task": task, "seeds": 1, "train_scale": 32}
            values |= {"scales": [32], "epochs": 1, "batch": 8, "workers": 0, "threads": 1, "precision": "fp32"}
            with pytest.MonkeyPatch.context() as patch:
                shrink(patch)
                patch.setattr(detection, "SURE", 0.1)  # what was hardly trained is sure of little
                run_study(make_study({**values, "margin": 1.0, **changes}), root / "study")
            made[key] = root / "study"
        return made[key]

    return run


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))


def kept(folder):
    return read_table(folder / "exhibits.parquet", EXHIBITS)


def faults(page):
    """Where a page is not what its own data give again."""
    return [fault for look in proof.looks(page) for fault in look.wrong]


def whole(folder):
    """The page of a study, which must hold what its own data give again, and its text."""
    page, text = report.write(folder)
    assert faults(page) == []
    return page.read_text(encoding="utf-8"), text.read_text(encoding="utf-8")


def test_mended_cut_outs_have_the_psnr_that_is_shown_and_are_cut_from_the_picture_itself(study_of):
    folder = study_of("denoise", **OPTIONS["denoise"])
    rows = kept(folder)
    scores = read_table(folder / "scores.parquet", SCORES).pivot("contender", index="sample_id", values="score")
    apart = scores.with_columns(apart=(pl.col(PAIR[1]) - pl.col(PAIR[0])).abs().round(9))
    most = apart.sort("apart", "sample_id", descending=[True, False]).head(MOST)
    assert rows["sample_id"].unique(maintain_order=True).to_list() == most["sample_id"].to_list()

    sizes = read_table(folder / "samples.parquet", {}).select("sample_id", "path", "width", "height")
    page, text = whole(folder)
    for sample, group in rows.group_by("sample_id", maintain_order=True):
        assert group.select("what", "contender").rows() == [
            ("harmed", None),
            ("mended", PAIR[0]),
            ("mended", PAIR[1]),
            ("clean", None),
        ]
        *others, clean = map(pixels, group["image"])
        _, path, width, height = sizes.row(by_predicate=pl.col("sample_id") == sample[0])
        square = np.asarray(Image.open(folder.parent / "source" / path).convert("RGB"))
        top, left = max(0, (height - 32) // 2), max(0, (width - 32) // 2)
        assert (clean == square[top : top + 32, left : left + 32]).all()  # smaller than a cut-out: all of it
        for shown, value in zip(others, group["value"], strict=False):
            assert value == pytest.approx(peak_signal_noise_ratio(clean, shown, data_range=255), abs=1e-9)
            assert f">{value:.2f} dB<" in page
            assert f"{value:.2f} dB" in text
        for name, value in zip(PAIR, group["value"][1:3], strict=True):
            assert value == pytest.approx(scores.row(by_predicate=pl.col("sample_id") == sample[0], named=True)[name])
        assert group["value"][3] is None


def test_cut_out_is_where_the_two_mended_pictures_differ_most():
    from deepenough.tasks.cut_outs import CUT_OUT, most_differing

    one = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    other = one.copy()
    other[110:150, 190:260] ^= 64
    other[:, 280:] ^= 255  # beyond the picture
    rows, columns = most_differing([one, other], (270, 200))
    assert (rows.stop - rows.start, columns.stop - columns.start) == (CUT_OUT, CUT_OUT)
    assert rows.start <= 110 < 150 <= rows.stop
    assert columns.start <= 190 < 260 <= columns.stop


def test_boxes_are_drawn_where_the_outcomes_have_them_above_the_stated_score(study_of):
    folder = study_of("detection", **OPTIONS["detection"])
    rows, outcomes = kept(folder), read_table(folder / "outcomes.parquet", OUTCOMES)
    page, _ = whole(folder)
    drawn = [re.findall(r"<rect [^>]*>", svg) for svg in re.findall(r"<svg viewBox.*?</svg>", page, flags=re.DOTALL)]
    drawn = [found for found in drawn if found and "class=" in found[0]]
    assert rows.height == len(drawn) > 0
    assert rows["contender"].to_list() == list(PAIR) * (rows.height // 2)
    some = 0
    for row, rects in zip(rows.iter_rows(named=True), drawn, strict=True):
        assert row["threshold"] == 0.1
        said = outcomes.row(
            by_predicate=(pl.col("sample_id") == row["sample_id"]) & (pl.col("contender") == row["contender"]),
            named=True,
        )
        sure = [(b, s) for b, s in zip(said["boxes"], said["scores"], strict=True) if s > 0.1]
        found = [box for box in row["boxes"] if box["score"] is not None]
        assert [box["score"] for box in found] == pytest.approx([score for _, score in sure])
        truth = [box for box in row["boxes"] if box["score"] is None]
        sides = [[box[side] for side in ("left", "top", "right", "bottom")] for box in (*truth, *found)]
        for box, (wanted, _) in zip(sides[len(truth) :], sure, strict=True):
            assert box == pytest.approx(wanted, abs=1e-4)  # the square is as large as the picture: 32 px
        # on the page: 320 units across, the true ones first, the surest of the others first
        order = np.argsort([-score for _, score in sure], kind="stable") + len(truth)
        for rect, place in zip(rects, [*range(len(truth)), *order], strict=True):
            left, top, right, bottom = (10 * side for side in sides[place])
            at = [float(number) for number in re.findall(r'(?:x|y|width|height)="([^"]+)"', rect)]
            assert at == pytest.approx([left, top, right - left, bottom - top], abs=1e-2)
            assert ('class="true"' in rect) == (place < len(truth))
        some += len(found)
    assert some
    assert "bright" in page


def test_pair_is_shown_by_both_pictures_with_the_similarity_of_each_network(study_of):
    folder = study_of("verification")
    rows, outcomes = kept(folder), read_table(folder / "outcomes.parquet", OUTCOMES)
    scores = read_table(folder / "scores.parquet", SCORES)
    page, text = whole(folder)
    for sample, group in rows.group_by("sample_id", maintain_order=True):
        assert group["what"].to_list() == ["one of the pair"] * 2 + ["similarity"] * 2
        assert group["image"].is_null().to_list() == [False, False, True, True]
        for row in group.filter(what="similarity").iter_rows(named=True):
            own = outcomes.filter(contender=row["contender"])
            vectors = [own.filter(sample_id=each)["embedding"][0].to_numpy() for each in sample[0].split("-")]
            cosine = np.dot(*vectors) / np.prod([np.linalg.norm(each) for each in vectors])
            assert row["value"] == pytest.approx(cosine, abs=1e-6)
            said = scores.filter(sample_id=sample[0], contender=row["contender"])["prediction"].item()
            assert said == ("same" if row["value"] > row["threshold"] else "different")
            line = f"{said}: similarity {row['value']:.3f}, threshold {row['threshold']:.3f}"
            assert line in text
            assert line.replace(" -", " −") in page
        truth = scores.filter(sample_id=sample[0])["target"][0]
        assert f"truth: {truth}" in page


@pytest.mark.parametrize("task", ["denoise", "detection", "verification"])
def test_pictures_are_bounded_and_absent_where_they_are_not_wanted(study_of, task):
    folder = study_of(task, **OPTIONS[task])
    rows = kept(folder)
    assert 0 < rows["sample_id"].n_unique() <= MOST
    assert sum(len(image or b"") for image in rows["image"]) <= MOST_BYTES
    page = report.write(folder, images=False)[0]
    assert "<img " not in page.read_text(encoding="utf-8")
    assert faults(page) == []

    kept_aside = (folder / "exhibits.parquet").read_bytes()
    (folder / "exhibits.parquet").unlink()  # as an older study has it
    try:
        assert "gallery exhibits" not in whole(folder)[0]
    finally:
        (folder / "exhibits.parquet").write_bytes(kept_aside)


def test_study_without_images_keeps_none(study_of):
    assert not (study_of("verification", images=False) / "exhibits.parquet").exists()


def test_page_says_the_same_in_chinese_and_shows_no_picture_that_is_none(study_of):
    folder = study_of("denoise", **OPTIONS["denoise"])
    page = report.write(folder, language="zh")[0].read_text(encoding="utf-8")
    assert "受损" in page
    rows = kept(folder)
    try:
        hostile = rows.with_columns(image=pl.lit(b"<svg onload=alert(1)>"))
        write_table(folder / "exhibits.parquet", hostile, EXHIBITS)
        page = whole(folder)[0]
        assert "gallery exhibits" not in page
        assert "onload" not in page
    finally:
        write_table(folder / "exhibits.parquet", rows, EXHIBITS)
