from __future__ import annotations

from dataclasses import replace

import pytest

from deepenough.report import published

DECLARED = {"figures": {"resnet50": "98.67", "resnet101": "96.86"}, "images": 10000, "source": "An article"}


def said(made_up, declared=DECLARED, **changes):
    return "\n".join(published.in_words(declared, made_up.verdict(**changes)))


def test_the_published_gain_is_of_the_bigger_network_however_they_are_ordered(made_up):
    backwards = {**DECLARED, "figures": {"resnet101": "96.86", "resnet50": "98.67"}}
    for declared in (DECLARED, backwards):
        text = said(made_up, declared)
        assert "Gain of ResNet-101: published -1.81 points, here +0.08 (-0.12 to 0.28)" in text
        assert "it does not hold for these images" in text
    assert "do not contradict it" in said(made_up, difference=-1.5, interval=(-2.0, -1.0))


def test_what_the_figures_allow_is_the_audits_and_stands_beside_the_spread_measured_here(made_up):
    text = said(made_up)
    assert "1.40 to 2.22 points at most" in text  # docs/audit.md
    assert "an SD of 0.65 points or more" in text
    assert "ResNet-50 0.10, ResNet-101 0.10 points" in text  # 89.92, 90.02, 90.12
    assert "deepenough audit 98.67 96.86 --images 10000 --names resnet50,resnet101" in text


def test_without_the_number_of_images_the_least_that_would_do_is_named(made_up):
    unknown = {key: value for key, value in DECLARED.items() if key != "images"}
    assert "if there were 590 test images or more" in said(made_up, unknown)


def test_another_metric_or_pair_is_not_held_against_them(made_up):
    assert "Gain of" not in said(made_up, metric="AUROC")
    other = {**DECLARED, "figures": {"resnet50": "98.67", "resnet152": "96.86"}}
    text = said(made_up, other)
    assert "Gain of" not in text
    assert "ResNet-152 96.86 %" in text


@pytest.mark.parametrize(
    "study",
    [None, "", "[]", "published: 3", "published: {figures: {a: '1'}}", "published: {figures: {a: x, b: y}}", "{",
     "a: *b", "published: {figures: {resnet50: '90.1', resnet101: '90.1'}}"],
)  # fmt: skip
def test_a_study_file_that_declares_nothing_sound_has_no_such_section(study):
    assert published.declared_in(study) is None


def test_the_report_shows_them_beside_the_means_of_this_study(made_up, tmp_path):
    from deepenough import report
    from deepenough.report.evidence import load

    folder = tmp_path / "study"
    made_up.write_study(folder)
    study = "published: {figures: {resnet50: '98.67', resnet101: '96.86'}, images: 10000}\n"
    (folder / "study.yaml").write_text(study, encoding="utf-8")
    evidence = load(folder)
    table = published.section(evidence).blocks[0]
    assert [row[1].text for row in table.rows] == ["98.67 %", "96.86 %"]
    means = {each.contender: each.mean for each in evidence.verdict.contenders if each.scale == evidence.verdict.scale}
    assert [float(row[2].text.rstrip(" %")) for row in table.rows] == pytest.approx(list(means.values()), abs=0.05)
    page, text = report.write(folder)
    assert "Published figures beside these" in text.read_text(encoding="utf-8")
    assert "Published figures beside these" in page.read_text(encoding="utf-8")
    assert published.section(replace(evidence, study="margin: 1\n")) is None
