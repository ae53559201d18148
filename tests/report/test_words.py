import json
from dataclasses import replace
from pathlib import Path

import pytest

from deepenough.report import words


def said(made_up, **changes) -> str:
    return words.headline(made_up.verdict(**changes))


def test_headline_says_small_is_enough_with_gain_interval_and_margin(made_up):
    assert said(made_up) == (
        "ResNet-50 is enough: at 96 px ResNet-101 gains 0.08 points (95 % interval -0.12 to 0.28), "
        "less than your margin of 0.5."
    )


def test_headline_says_small_is_enough_though_big_is_better_by_less_than_the_margin(made_up):
    assert said(made_up, difference=0.3, interval=(0.11, 0.44)) == (
        "ResNet-50 is enough: at 96 px ResNet-101 is better, by 0.30 points (95 % interval 0.11 to 0.44), "
        "but by less than your margin of 0.5."
    )


def test_headline_says_behind_when_small_is_enough_and_big_is_behind(made_up):
    assert said(made_up, difference=-0.08, interval=(-0.28, 0.12)) == (
        "ResNet-50 is enough: at 96 px ResNet-101 is 0.08 points behind (95 % interval of its gain -0.28 to 0.12), "
        "and a gain as large as your margin of 0.5 is ruled out."
    )


def test_headline_says_big_is_better_beyond_the_margin(made_up):
    verdict = {"answer": "big_is_better", "difference": 2.33, "interval": (1.9, 2.76), "beyond_margin": True}
    assert said(made_up, **verdict) == (
        "ResNet-101 is better: at 96 px it gains 2.33 points (95 % interval 1.90 to 2.76), "
        "more than your margin of 0.5."
    )


def test_headline_leaves_the_margin_open_when_the_interval_holds_it(made_up):
    verdict = {"answer": "big_is_better", "difference": 0.6, "interval": (0.2, 0.9), "beyond_margin": False}
    assert said(made_up, **verdict).endswith(
        "it gains 0.60 points (95 % interval 0.20 to 0.90); whether by more than your margin of 0.5 is open."
    )


def test_headline_says_undecided_and_what_is_still_possible(made_up):
    verdict = {"answer": "undecided", "difference": -0.03, "interval": (-0.79, 0.72), "standard_error": 0.35}
    assert said(made_up, **verdict) == (
        "Undecided: at 96 px ResNet-101 is 0.03 points behind (95 % interval of its gain -0.79 to 0.72); "
        "no gain at all and a gain of your margin of 0.5 are both still possible."
    )


def test_headline_says_small_is_better_when_the_whole_interval_is_below_zero(made_up):
    verdict = {"answer": "small_is_better", "difference": -1.2, "interval": (-2.0, -0.4)}
    assert said(made_up, **verdict) == (
        "ResNet-50 is better: at 96 px ResNet-101 is 1.20 points behind (95 % interval of its gain -2.00 to -0.40)."
    )


def test_headline_speaks_of_these_two_networks_when_each_was_trained_once(made_up):
    assert said(made_up, scope="checkpoint").startswith("This ResNet-50 is enough: at 96 px this ResNet-101 gains")


def test_headline_never_rounds_a_bound_onto_the_margin_it_is_below(made_up):
    assert "-0.1200 to 0.4996)" in said(made_up, interval=(-0.12, 0.4996))


def test_headline_leaves_out_the_scale_when_predictions_from_elsewhere_name_none(made_up):
    assert " px" not in said(made_up, scale=0)


def test_headline_keeps_a_name_that_is_no_familys_as_it_is(made_up):
    assert said(made_up, small="my net").startswith("my net is enough")


def test_sentences_give_levels_scale_margin_free_bound_and_scope(made_up):
    text = " ".join(words.sentences(made_up.verdict()))
    assert "40,000 test images with 3 training runs of each network" in text
    assert "ResNet-50 reaches 90.02 %, ResNet-101 reaches 90.10 % accuracy" in text
    assert "chosen on the validation images" in text
    assert "ResNet-50 is enough for every margin above 0.28 points" in text
    assert "both architectures" in text


def test_sentences_say_the_scale_is_optimistic_when_it_was_picked_on_test(made_up):
    assert "too optimistic" in " ".join(words.sentences(made_up.verdict(scale_chosen_on="test")))


def test_sentences_say_for_which_margins_big_pays_when_it_is_beyond_the_margin(made_up):
    verdict = made_up.verdict(answer="big_is_better", difference=2.3, interval=(1.9, 2.8), beyond_margin=True)
    assert "ResNet-101 pays for every margin below 1.90 points" in " ".join(words.sentences(verdict))


def test_sentences_say_whatever_the_margin_when_no_gain_is_compatible(made_up):
    verdict = made_up.verdict(answer="small_is_better", difference=-1.0, interval=(-1.5, -0.5))
    assert "enough whatever the margin" in " ".join(words.sentences(verdict))


def test_sentences_name_designs_that_would_settle_an_undecided_question(made_up):
    undecided = made_up.verdict(answer="undecided", interval=(-0.8, 0.7), samples=3000, needed=made_up.needed())
    text = " ".join(words.sentences(undecided))
    assert "With 3 seeds no number of images is sure to settle it: the seeds alone leave ±0.45 points." in text
    assert (
        "Sure to settle it, where the interval comes out as wide as foretold: 8 seeds each on 74,000 test images, or "
        "10 seeds each on 30,000 test images." in text
    )
    assert (
        "if the truth is as measured): 5 seeds each on 18,000 test images, or 8 seeds each on 8,700 test images."
        in text
    )


@pytest.mark.parametrize(("sample", "noun"), [("pair", "pairs"), ("image", "images"), ("cell", "samples")])
def test_sentences_speak_of_the_task_s_own_samples(made_up, sample, noun):
    undecided = made_up.verdict(answer="undecided", interval=(-0.8, 0.7), needed=made_up.needed(), sample=sample)
    text = " ".join(words.sentences(undecided))
    assert f"40,000 test {noun} with" in text
    assert f"8 seeds each on 74,000 test {noun}" in text


def test_sentences_name_no_designs_when_the_question_is_settled(made_up):
    assert "settle" not in " ".join(words.sentences(made_up.verdict(needed=made_up.needed())))


def test_sentences_say_that_images_cannot_settle_it_when_their_floor_is_too_high(made_up):
    verdict = made_up.verdict(answer="undecided", interval=(-1, 1), needed=made_up.needed(sample_floor=0.9))
    assert "no number of seeds is sure to settle it: they alone leave ±0.90" in " ".join(words.sentences(verdict))


def test_sentences_admit_that_nothing_affordable_settles_it_when_no_design_is_known(made_up):
    verdict = made_up.verdict(answer="undecided", interval=(-1, 1), needed=made_up.needed(guaranteed=[], likely=[]))
    assert "No affordable number" in " ".join(words.sentences(verdict))


@pytest.mark.parametrize(
    ("sd", "phrase"), [(0.65, "standard deviation of 0.65 points"), (0.0, "leave the sign"), (None, "")]
)
def test_sentences_give_the_tipping_sd_when_each_was_trained_once(made_up, sd, phrase):
    verdict = made_up.verdict(scope="checkpoint", needed=made_up.needed(tipping_seed_sd=sd))
    text = " ".join(words.sentences(verdict))
    assert "these two trained networks only" in text
    assert phrase in text
    assert ("standard deviation" in text) == bool(sd)


def test_next_steps_quote_the_folder_and_ask_for_more_seeds_when_undecided(made_up):
    verdict = made_up.verdict(answer="undecided", interval=(-0.8, 0.72), samples=30000, needed=made_up.needed())
    first, second = words.next_steps(verdict, Path("my runs/photos"))
    assert first.startswith(
        "deepenough compare 'my runs/photos/study.yaml' --seeds 10 --out 'my runs/photos-10seeds'  # "
    )
    assert second.startswith("deepenough verdict 'my runs/photos' --margin 1  # ")


def test_seeds_that_alone_leave_more_than_was_measured_are_told_without_that_figure(made_up):
    needed = replace(made_up.needed(), seed_floor=34.3)
    undecided = made_up.verdict(answer="undecided", interval=(-0.8, 0.7), samples=3000, needed=needed)
    text = " ".join(words.sentences(undecided))
    assert "With 3 seeds no number of images is sure to settle it; more seeds could." in text
    assert "34.3" not in text
    neither = made_up.verdict(
        answer="undecided", interval=(-0.8, 0.7), samples=3000, needed=replace(needed, sample_floor=0.9)
    )
    text = " ".join(words.sentences(neither))
    assert "With 3 seeds no number of images is sure to settle it." in text
    assert "no number of seeds is sure to settle it" in text
    assert "more seeds could" not in text


def test_next_steps_foretell_the_time_of_more_seeds_from_what_these_took(made_up, tmp_path):
    verdict = made_up.verdict(answer="undecided", interval=(-0.8, 0.72), samples=30000, needed=made_up.needed())
    took = {"training_s": 5000.0, "evaluation_s": 400.0, "cost_s": 60.0, "total_s": 5460.0}
    (tmp_path / "plan.json").write_text(json.dumps({"took": took}))
    first, _ = words.next_steps(verdict, tmp_path)  # 10/3 of the seeds' 1.5 h, and the costs once
    assert first.endswith("  # what would make the answer surer, about 5 h 1 min of computing as here")


def test_next_steps_after_looks_plan_the_next_study_and_do_not_look_once_more(made_up):
    verdict = made_up.verdict(answer="undecided", interval=(-0.8, 0.7), needed=made_up.needed(), looks=[{"seeds": 3}])
    first, _ = words.next_steps(verdict, "runs/photos")
    assert first.startswith("deepenough plan --pilot runs/photos --margin 0.5")


def test_next_steps_propose_own_images_when_settled(made_up):
    first, second = words.next_steps(made_up.verdict(), "runs/demo")
    assert first.startswith("deepenough compare my_photos/")
    assert second.startswith("deepenough verdict runs/demo --margin 0.25")


@pytest.mark.parametrize(
    ("source", "expected"), [("digits", "deepenough compare my_photos/"), ("pets", "deepenough slices ")]
)
def test_next_steps_of_a_settled_study_of_own_images_ask_where_it_was_won(made_up, tmp_path, source, expected):
    (tmp_path / "study.yaml").write_text(f"source: {source}\nseeds: 3\n")
    first, _ = words.next_steps(made_up.verdict(), tmp_path)
    assert first.startswith(expected)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("resnet50", "ResNet-50"), ("resnet101", "ResNet-101"), ("wide_resnet50_2", "Wide ResNet-50 2"), ("mine", "mine")],
)
def test_display_name_gives_families_their_public_spelling(name, shown):
    assert words.display_name(name) == shown
