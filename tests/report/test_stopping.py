"""What the page says of looks, and that no interval is called a 95 % one that is none."""

from __future__ import annotations

import shutil

from deepenough import records, report
from deepenough.report import stopping, words

PLAN = {"forecast": {"total_s": 7200.0}, "took": {"total_s": 1800.0}}


def look(seeds, alpha, **found):
    empty = {"answer": None, "beyond_margin": None, "difference": None, "interval": None, "scale": None}
    return {"seeds": seeds, "alpha": alpha, "level": 1 - alpha, **empty, **found}


def looks(taken):
    undecided = {"answer": "undecided", "difference": 0.1, "interval": [-0.7, 0.9], "scale": 96}
    shares = zip((3, 5, 8, 12), (0.02, 0.01, 0.01, 0.01), strict=True)
    return [look(k, share, **(undecided if i < taken else {})) for i, (k, share) in enumerate(shares)]


def test_a_stopped_study_says_at_which_look_and_what_it_spent(made_up):
    verdict = made_up.verdict(looks=looks(2), level=0.99)
    first, second = stopping.in_words(verdict)
    assert first == (
        "Stopped at look 2 of 4, as declared: 5 of 12 seeds of each network were trained, 7 were not needed."
    )
    assert second == (
        "Looking repeatedly is paid for: the intervals are at 99 %, so that all looks together err at most 5 % of the "
        "time, of which 3 % are spent."
    )
    assert {first, second} <= set(words.sentences(verdict))


def test_a_study_that_took_all_looks_says_so_and_saved_nothing(made_up):
    verdict = made_up.verdict(looks=looks(4), level=0.99)
    first, second = stopping.in_words(verdict)
    assert first == "All 4 declared looks were taken, the last after 12 seeds of each network."
    assert second.endswith("of which 5 % are spent.")
    assert stopping.time_saved(verdict, PLAN) == ""


def test_a_study_without_looks_says_nothing_of_them(made_up):
    verdict = made_up.verdict()
    assert stopping.in_words(verdict) == []
    assert stopping.time_saved(verdict, PLAN) == ""


def test_time_saved_is_held_against_the_forecast_for_all(made_up):
    verdict = made_up.verdict(looks=looks(1), level=0.98)
    assert stopping.time_saved(verdict, PLAN) == (
        "It took 30 min 0 s; all 12 seeds were forecast at 2 h 0 min, 1 h 30 min more."
    )
    slower = {**PLAN, "took": {"total_s": 9000.0}}
    assert stopping.time_saved(verdict, slower) == "It took 2 h 30 min; all 12 seeds were forecast at 2 h 0 min."
    assert stopping.time_saved(verdict, {}) == stopping.time_saved(verdict, None) == ""


def test_table_lists_every_declared_look_taken_or_not(made_up):
    taken = looks(1)
    taken[1] |= {"answer": "big_is_better", "beyond_margin": False, "difference": 0.4, "interval": [0.1, 0.7]}
    taken[2] |= {"answer": "big_is_better", "beyond_margin": True, "difference": 0.9, "interval": [0.6, 1.2]}
    table = stopping.looks_table(made_up.verdict(looks=taken, level=0.99))
    rows = [[str(cell) for cell in row] for row in table.rows]
    assert rows[0] == ["1", "3", "2 %", "98 %", "96", "+0.10", "-0.70 to 0.90", "undecided"]
    assert [row[-1] for row in rows[1:]] == [
        "big is better; by more than the margin is open",
        "big is better",
        "not taken",
    ]
    assert rows[3][:4] == ["4", "12", "1 %", "99 %"]


def test_page_of_a_study_in_looks_names_the_level_everywhere(made_up, study, tmp_path):
    folder = tmp_path / "s"
    shutil.copytree(study, folder)
    plain = records.read_json(folder / "verdict.json")
    records.write_json(folder / "verdict.json", {**plain, "level": 0.98, "looks": looks(1)})
    page, text = (path.read_text(encoding="utf-8") for path in report.write(folder))
    assert "Stopped at look 1 of 4" in page
    assert "## Looks" in text
    for said in (page, text):
        assert "95 % interval" not in said
        assert "98 % interval" in said
    assert "95 % interval" in report.write(study)[1].read_text(encoding="utf-8")
