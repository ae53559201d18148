import base64
import dataclasses
import hashlib
import html.parser
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from deepenough import records, report
from deepenough.comparison import slice_table
from deepenough.errors import RecordError
from deepenough.report import page
from deepenough.report.evidence import THUMBNAILS

LOADS = {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}


class Reader(html.parser.HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text = ""
        self.script = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.script = tag == "script"

    def handle_endtag(self, tag):
        self.script = False

    def handle_data(self, data):
        self.text += "" if self.script else data


@pytest.fixture(scope="module")
def written(study) -> tuple[str, str]:
    html_path, markdown_path = report.write(study)
    assert (html_path, markdown_path) == (study / "report.html", study / "report.md")
    return html_path.read_text(encoding="utf-8"), markdown_path.read_text(encoding="utf-8")


def test_page_gives_the_verdict_first_and_then_every_section(written):
    ids = [attrs["id"] for tag, attrs in Reader(written[0]).elements if tag in {"section", "header"} and "id" in attrs]
    assert ids == [
        "verdict",
        "ask",
        "noise",
        "scale",
        "cost",
        "slices",
        "confusion",
        "disagreements",
        "sure",
        "training",
        "data",
        "forecast",
        "protocol",
    ]


def test_page_loads_nothing_from_anywhere(written):
    for tag, attrs in Reader(written[0]).elements:
        for name in LOADS & attrs.keys():
            assert attrs[name].startswith(("#", "data:image/")), f"<{tag} {name}={attrs[name][:60]}>"
        assert tag not in {"link", "iframe", "object", "embed"}
    assert not re.search(r"@import|https?://|fetch\(|XMLHttpRequest|WebSocket|import\(", written[0])


def test_page_runs_one_script_and_names_it_in_its_policy(written):
    elements = Reader(written[0]).elements
    scripts = [attrs for tag, attrs in elements if tag == "script"]
    assert [attrs.get("id") for attrs in scripts if "type" not in attrs] == [None]  # the rest is data
    source = re.search(r"<script>(.*?)</script>", written[0], re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(source[1].encode()).digest()).decode()
    policy = next(attrs["content"] for tag, attrs in elements if attrs.get("http-equiv") == "Content-Security-Policy")
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_page_has_unique_ids_and_answers_its_own_links(written):
    elements = Reader(written[0]).elements
    ids = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = {attrs["href"][1:] for _, attrs in elements if attrs.get("href", "").startswith("#")}
    wanted |= {name for _, attrs in elements for name in (attrs.get("aria-labelledby") or "").split()}
    assert wanted <= set(ids)


def test_page_and_text_say_the_headline_and_every_caveat(written, study):
    verdict = records.verdict_from_json(records.read_json(study / "verdict.json"))
    said = Reader(written[0]).text.replace("\N{NO-BREAK SPACE}", " ")
    for sentence in [*report.sentences(verdict), *verdict.caveats]:
        assert sentence in said
        assert sentence in written[1]
    assert report.headline(verdict) in written[1]
    assert verdict.caveats


def test_page_is_the_same_to_the_byte_when_written_again_in_another_process(written, study, tmp_path, monkeypatch):
    copy = tmp_path / "photos"
    shutil.copytree(study, copy, ignore=shutil.ignore_patterns("report.*"))
    command = "import sys, pathlib; from deepenough import report; report.write(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-W", "error", "-c", command, "photos"], check=True, cwd=tmp_path)
    first = [(copy / name).read_bytes() for name in ("report.html", "report.md")]
    monkeypatch.chdir(tmp_path)
    assert [path.read_bytes() for path in report.write(Path("photos"))] == first
    assert first[1].decode() == written[1].replace(str(study), "photos")


def test_page_escapes_hostile_labels_and_names(made_up, tmp_path):
    labels = (made_up.HOSTILE, "</svg><script>alert(2)</script>", "a|b `c` $x$", "two\nlines")
    made_up.write_study(tmp_path, images=60, classes=labels, contenders=("resnet50", '"><b onclick=alert(3)>'))
    for path in report.write(tmp_path):
        text = path.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b onclick" not in text
    reader = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert made_up.HOSTILE in reader.text
    assert not [attrs for _, attrs in reader.elements if any(name.startswith("on") for name in attrs)]


def test_text_keeps_one_table_row_a_line_when_labels_hold_bars_and_newlines(made_up, tmp_path):
    made_up.write_study(tmp_path, images=60, scales=(64,), classes=("a|b", "two\nlines", "c"))
    lines = report.write(tmp_path)[1].read_text(encoding="utf-8").splitlines()
    for above, line in itertools.pairwise(lines):
        if above.startswith("| ") and line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", above)) == len(re.findall(r"(?<!\\)\|", line))


def test_page_needs_no_more_than_a_verdict_and_says_what_is_missing(made_up, tmp_path):
    records.write_json(tmp_path / "verdict.json", made_up.verdict())
    html_path, markdown_path = report.write(tmp_path)
    said = Reader(html_path.read_text(encoding="utf-8")).text
    for name in ("costs.parquet", "scores.parquet", "plan.json", "audit.json", "environment.json"):
        assert name in said
        assert name in markdown_path.read_text(encoding="utf-8")


def test_page_lists_paths_when_the_study_kept_no_thumbnails(study, tmp_path):
    shutil.copytree(study, tmp_path / "copy", ignore=shutil.ignore_patterns("thumbnails.parquet"))
    text = report.write(tmp_path / "copy")[0].read_text(encoding="utf-8")
    assert "<img" not in text
    assert "test/shirt/" in text


def test_page_shows_where_both_contenders_found_their_answers_beside_a_picture(written, study, tmp_path):
    text = written[0]
    maps = re.findall(r'<div class="cams">(.*?)</div>', text, flags=re.DOTALL)
    assert maps
    shown = [(name, scale) for scale in ("64", "96", "128") for name in ("ResNet-50", "ResNet-101")]
    said = re.compile(r'alt="Where (ResNet-\d+) found [^"]* at (\d+) px"')
    assert all(said.findall(each) == shown for each in maps)
    assert all(re.findall(r"<p>(\d+) px</p>", each) == ["64", "96", "128"] for each in maps)
    assert text.count("Grad-CAM, Selvaraju") == 1
    assert text.index("Grad-CAM, Selvaraju") < text.index('<div class="cams">')  # explained before it is met

    cams = records.read_table(study / "cams.parquet", records.CAMS)
    shutil.copytree(study, tmp_path / "asked")  # as `explain --method layercam` leaves it
    (tmp_path / "asked" / "explanations").mkdir()
    layered = cams.filter(pl.col("scale") == 96).with_columns(method=pl.lit("layercam"))
    records.write_table(tmp_path / "asked" / "explanations" / "cams.parquet", layered, records.CAMS)
    asked = report.write(tmp_path / "asked")[0].read_text(encoding="utf-8")
    assert ("LayerCAM, Jiang" in asked, "Grad-CAM, Selvaraju" in asked) == (True, False)
    assert said.findall(asked)[:2] == [("ResNet-50", "96"), ("ResNet-101", "96")]
    assert "96 px</p>" not in asked  # one scale needs no name

    earlier = cams.filter(pl.col("scale") == 96).drop("scale", "method")  # as earlier versions wrote it
    kinds = {name: kind for name, kind in records.CAMS.items() if name in earlier.columns}
    records.write_table(tmp_path / "asked" / "cams.parquet", earlier, kinds)
    (tmp_path / "asked" / "explanations" / "cams.parquet").unlink()
    assert "Grad-CAM, Selvaraju" in report.write(tmp_path / "asked")[0].read_text(encoding="utf-8")

    shutil.copytree(study, tmp_path / "copy", ignore=shutil.ignore_patterns("cams.parquet"))
    without = report.write(tmp_path / "copy")[0].read_text(encoding="utf-8")
    assert "<img" in without
    assert 'class="cams"' not in without
    assert "Grad-CAM" not in without


def test_page_leaves_out_a_thumbnail_that_is_no_png_or_jpeg(study, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(study, copy)
    thumbnails = pl.read_parquet(copy / "thumbnails.parquet").with_columns(image=pl.lit(b"<svg onload=alert(1)>"))
    thumbnails.write_parquet(copy / "thumbnails.parquet")
    assert "<img" not in report.write(copy)[0].read_text(encoding="utf-8")


def test_page_links_every_listed_slice_to_its_own_images(written, study):
    elements = Reader(written[0]).elements
    links = [attrs["href"][1:] for tag, attrs in elements if tag == "a" and attrs["href"].startswith("#slice-")]
    galleries = [attrs["id"] for tag, attrs in elements if tag == "figure" and attrs.get("id", "").startswith("slice-")]
    assert sorted(links) == sorted(galleries)
    assert len(links) == 10
    folded = written[0].split(f'id="{galleries[0]}"')
    assert len(folded) == 2
    title = re.findall(r"<summary>(.*?): ", folded[0])[-1]
    shown = re.findall(r'alt="(.*?): (test/.*?)"', folded[1].split("</figure>")[0])
    assert {target for target, _ in shown} <= {title}
    assert all(path.startswith(f"test/{title}/") for _, path in shown)


def test_page_marks_slices_by_the_record_and_makes_them_from_scores_without_one(study, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(study, copy)
    said = Reader(report.write(copy)[0].read_text(encoding="utf-8")).text
    assert "is better in shirt" not in said
    verdict = records.verdict_from_json(records.read_json(copy / "verdict.json"))
    scores = pl.read_parquet(copy / "scores.parquet")
    table = slice_table(scores, small=verdict.small, big=verdict.big)
    marked = table.with_columns(
        q_value=pl.when(pl.col("level") == "shirt").then(0.01).otherwise(0.5), difference=pl.lit(5.0)
    )
    records.write_table(copy / "slices.parquet", marked, records.SLICES)
    assert "ResNet-101 is better in shirt." in Reader(report.write(copy)[0].read_text(encoding="utf-8")).text
    other = marked.with_columns(big=pl.lit("resnet152"))  # of another pair than the verdict's
    records.write_table(copy / "slices.parquet", other, records.SLICES)
    assert Reader(report.write(copy)[0].read_text(encoding="utf-8")).text == said


def test_page_of_ten_thousand_images_and_large_thumbnails_stays_below_five_megabytes(made_up, tmp_path):
    made_up.write_study(tmp_path, images=10_000, scales=(64,), seeds=3)
    thumbnails = pl.read_parquet(tmp_path / "thumbnails.parquet")
    ids = pl.read_parquet(tmp_path / "scores.parquet")["sample_id"].unique().sort().head(1000)
    heavy = thumbnails["image"][0] + bytes(12_000)
    frame = pl.DataFrame({"sample_id": ids, "image": [heavy] * len(ids), "width": 160, "height": 120})
    records.write_table(tmp_path / "thumbnails.parquet", frame, THUMBNAILS)
    assert report.write(tmp_path)[0].stat().st_size < 5_000_000


def test_page_names_a_diverged_run(made_up, tmp_path):
    made_up.write_study(tmp_path, images=40, scales=(64,))
    cell = {"contender": "resnet101", "seed": 2, "status": "diverged", "steps": 96}
    records.write_json(tmp_path / "cells" / "resnet101-seed2" / "cell.json", cell)
    assert "ResNet-101, seed 2: diverged." in Reader(report.write(tmp_path)[0].read_text(encoding="utf-8")).text


def test_page_lists_mistakes_instead_of_a_matrix_when_there_are_many_classes(made_up, tmp_path):
    made_up.write_study(tmp_path, images=120, scales=(64,), classes=tuple(f"kind {index}" for index in range(40)))
    text = report.write(tmp_path)[0].read_text(encoding="utf-8")
    assert 'class="confused"' in text
    assert 'class="confusion"' not in text


@pytest.mark.parametrize(("field", "section"), [("confidence_is_probability", "sure"), ("one_class", "confusion")])
def test_page_shows_no_reliability_and_no_confusion_where_the_task_gives_them_no_meaning(
    made_up, tmp_path, field, section
):
    made_up.write_study(tmp_path, images=60, scales=(64,))
    kept = records.verdict_from_json(records.read_json(tmp_path / "verdict.json"))
    before = report.write(tmp_path)[0].read_text(encoding="utf-8")
    records.write_json(tmp_path / "verdict.json", dataclasses.replace(kept, **{field: False}))
    after = report.write(tmp_path)[0].read_text(encoding="utf-8")
    assert f'id="{section}"' in before
    assert f'id="{section}"' not in after


def test_page_of_one_seed_and_one_scale_is_written(made_up, tmp_path):
    made_up.write_study(tmp_path, images=60, seeds=1, scales=(64,))
    assert "these two trained networks only" in report.write(tmp_path)[1].read_text(encoding="utf-8")


def test_page_of_three_contenders_shows_each_in_the_scale_table(made_up, tmp_path):
    made_up.write_study(tmp_path, images=60, contenders=("resnet50", "resnet101", "resnet152"))
    assert "ResNet-152, %" in report.write(tmp_path)[1].read_text(encoding="utf-8")


def test_write_refuses_a_folder_without_a_verdict(tmp_path):
    with pytest.raises(RecordError, match=r"expected a study's folder with verdict\.json; got none there"):
        report.write(tmp_path)


def test_write_refuses_a_torn_record_by_its_name(made_up, tmp_path):
    records.write_json(tmp_path / "verdict.json", made_up.verdict())
    Path(tmp_path / "scores.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(RecordError, match=r"scores\.parquet"):
        report.write(tmp_path)


def test_typeset_sets_minus_signs_only_before_numbers():
    assert str(page.typeset("-0.12 to 0.28, t-shirt, 3-1")) == "−0.12 to 0.28, t-shirt, 3-1"


def test_report_imports_no_torch():
    command = "import sys; import deepenough.report.page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
