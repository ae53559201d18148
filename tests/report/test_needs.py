from __future__ import annotations

from deepenough.report import words
from deepenough.report.tables import results

SURE = [{"seeds": 3, "samples": 2000, "more_samples": 1600}, {"seeds": 5, "samples": 900, "more_samples": 500}]
UPPER = [{"seeds": 8, "samples": 1900, "more_samples": 1500}]


def said(made_up, **needed) -> str:
    needs = made_up.needed(guaranteed=SURE, likely=[], seed_floor=None, sample_floor=None, **needed)
    return " ".join(words.needed_in_words(made_up.verdict(answer="undecided", interval=(-1, 1), needed=needs)))


def test_words_say_what_it_takes_if_seeds_vary_more(made_up):
    text = said(made_up, guaranteed_at_upper_sd=UPPER)
    assert "At the 80 % upper bound for each network, 2.1 times the standard deviation seen, sure are: 8 seeds" in text
    assert "no design on offer is sure" in said(made_up, guaranteed_at_upper_sd=[])


def test_words_do_not_speak_of_seeds_that_were_not_seen_or_change_nothing(made_up):
    assert "upper bound" not in said(made_up)
    assert "upper bound" not in said(made_up, guaranteed_at_upper_sd=SURE)


def test_words_say_how_few_new_images_need_a_label(made_up):
    assert "Only 12 % of the new images would need a label" in said(made_up, labels_share=0.12)
    assert "label" not in said(made_up)


def test_words_name_the_cheapest(made_up):
    assert "The cheapest that is sure, at the prices given: 5 seeds each on 900" in said(made_up, cheapest=SURE[1])


def test_designs_table_shows_the_upper_bound_and_the_labels_where_they_are_known(made_up):
    needs = made_up.needed(guaranteed=SURE, likely=[], guaranteed_at_upper_sd=UPPER, labels_share=0.12)
    made = results.designs(made_up.verdict(answer="undecided", needed=needs))
    assert made is not None
    assert [column.title for column in made.columns][3:] == ["sure, if seeds vary more", "new labels"]
    assert [[str(cell) for cell in row] for row in made.rows] == [
        ["3", "–", "2,000", "–", "200"],
        ["5", "–", "900", "–", "60"],
        ["8", "–", "–", "1,900", "–"],
    ]
