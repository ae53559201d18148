import ast
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import deepenough.report
from deepenough.report import evidence
from deepenough.report.tables import data, machine, numbers, rates, results
from deepenough.report.tables.model import table

REPORT = Path(deepenough.report.__file__).parent


def rounding_calls(source: str) -> list[str]:
    """Calls of round and format specifications with a precision or type, which turn numbers into shortened text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "format":
            found.append(ast.unparse(node))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "round":
            found.append(ast.unparse(node))
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            found.append(ast.unparse(node.format_spec))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
            found += [str(node.left.value)] * isinstance(node.left.value, str)
    return found


def test_rounding_is_found_by_the_search_for_it():
    assert len(rounding_calls("round(x); f'{x:.2f}'; '%.1f' % x; '{:.1f}'.format(x)")) == 4


@pytest.mark.parametrize("path", sorted(REPORT.rglob("*.py")), ids=lambda path: path.relative_to(REPORT).as_posix())
def test_only_tables_round(path):
    if "tables" not in path.relative_to(REPORT).parts:
        assert rounding_calls(path.read_text(encoding="utf-8")) == []


def test_files_left_out_and_files_ignored_stand_in_tables_of_their_own():
    rows = [
        ("b.jpg", "truncated"),
        ("dataset.json", "outside_class_folder"),
        (".x", "hidden"),
        ("a.jpg", "not_known_here"),
    ]
    frame = pl.DataFrame([{"path": path, "reason": reason, "detail": "", "split": None} for path, reason in rows])
    first, second = data.quarantine(frame)
    assert "left out" in first.caption
    assert [row[0].text for row in first.rows] == ["a.jpg", "b.jpg"]
    assert "ignored" in second.caption
    assert [row[0].text for row in second.rows] == [".x", "dataset.json"]
    assert [alone.caption for alone in data.quarantine(frame[1:3])] == [second.caption]
    assert data.quarantine(frame.head(0)) == ()


def test_templates_round_nothing():
    for path in REPORT.glob("templates/*.j2"):
        assert not re.search(r"\|\s*round|\.format\(", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(0.284, 2, "0.28"), (-0.004, 2, "0.00"), (float("nan"), 2, "–"), (None, 2, "–"), (-1.25, 1, "-1.2")],
)
def test_fixed_shows_no_negative_zero_and_no_nan(value, decimals, text):
    assert numbers.fixed(value, decimals) == text


@pytest.mark.parametrize("value", [0.49999, 0.5000001, -0.0000004, 0.0049])
def test_decimals_keep_a_bound_on_its_side_of_a_landmark(value):
    decimals = numbers.decimals_for(0.1, [value], [0.0, 0.5])
    shown = float(numbers.fixed(value, decimals))
    assert decimals == numbers.MOST_DECIMALS or all((shown > mark) == (value > mark) for mark in (0.0, 0.5))


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1"), (372, "380"), (29950, "30,000"), (999, "1,000"), (17900.2, "18,000")]
)
def test_at_least_never_rounds_down(value, text):
    assert numbers.at_least(value) == text
    assert int(text.replace(",", "")) >= value


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0000123, "0.01 ms"),
        (0.9996, "1.00 s"),
        (59.99, "1 min 0 s"),
        (60, "1 min 0 s"),
        (3599.7, "1 h 0 min"),
        (None, "–"),
    ],
)
def test_duration_takes_a_fitting_unit(seconds, text):
    assert numbers.duration(seconds) == text


def test_table_refuses_a_row_that_does_not_fit_its_columns():
    with pytest.raises(ValueError, match="a row of 1 cells under 2 columns"):
        table("key", "caption", ["a", "b"], [["only one"]])


def test_scales_table_has_a_row_a_scale_and_marks_the_one_that_decided(made_up, study):
    verdict = evidence.load(study).verdict
    made = results.scales(verdict)
    assert [str(row[0]) for row in made.rows] == ["48", "64", "96", "128"]
    assert made.strong_rows == {[48, 64, 96, 128].index(verdict.scale)}
    deciding = made.rows[next(iter(made.strong_rows))]
    assert deciding[3].text == numbers.signed(verdict.difference, 1)


def test_cells_table_keeps_a_diverged_cell_that_has_no_score(made_up):
    diverged = evidence.CellRecord(contender="resnet101", seed=9, status="diverged", steps=12, history=None)
    made = results.cells(made_up.verdict(), [diverged])
    assert [cell.text for cell in made.rows[-1]] == ["ResNet-101", "9", "–", "–", "diverged", "12", "–"]
    assert len(made.rows) == 7


def test_protocol_says_how_many_predictions_differ_from_fp32_where_that_was_counted(made_up, study):
    loaded = evidence.load(study)
    assert not [row for row in machine.protocol(loaded).rows if "fp32" in row[0].text]
    counted = {"precision": "bf16", "compared": 32, "flips": {"48": 1, "64": 2}}
    cells = [replace(cell, against_fp32=counted if cell.seed == 0 else None) for cell in loaded.cells]
    (row,) = (row for row in machine.protocol(replace(loaded, cells=tuple(cells))).rows if "fp32" in row[0].text)
    assert row[1].text == (
        "ResNet-101: 3 of 64; ResNet-50: 3 of 64 (on 32 test images at 2 scales, tested in bf16 and in fp32)"
    )


def test_designs_table_pairs_likely_and_sure_sizes_by_seeds(made_up):
    made = results.designs(made_up.verdict(needed=made_up.needed()))
    assert made is not None
    assert [[cell.text for cell in row] for row in made.rows] == [
        ["5", "18,000", "–"],
        ["8", "8,700", "74,000"],
        ["10", "–", "30,000"],
    ]


def test_confusion_table_shows_shares_of_the_row_and_marks_right_answers():
    frame = pl.DataFrame(
        {"target": ["a", "a", "b"], "prediction": ["a", "b", "b"], "count": [3, 1, 4], "share": [0.75, 0.25, 1.0]}
    )
    made = data.confusion(frame, "resnet50", ["a", "b"])
    assert [[cell.text for cell in row] for row in made.rows] == [["a", "75", "25"], ["b", "·", "100"]]
    assert [cell.strong for cell in made.rows[0]] == [False, True, False]


def test_confused_table_ranks_mistakes_over_both_contenders():
    schema = ["target", "prediction", "count", "share"]
    small = pl.DataFrame([("a", "b", 1, 0.1), ("b", "a", 5, 0.5), ("a", "a", 9, 0.9)], schema=schema, orient="row")
    big = pl.DataFrame([("a", "b", 2, 0.2)], schema=schema, orient="row")
    made = data.confused({"resnet50": small, "resnet101": big})
    assert [[cell.text for cell in row] for row in made.rows] == [
        ["b", "a", "50.0 %", "0.0 %"],
        ["a", "b", "10.0 %", "20.0 %"],
    ]


def test_forecast_table_is_silent_about_parts_that_the_study_did_not_have():
    plan = {"forecast": {"training_s": 10.0, "noise_s": 0.0}, "took": {"training_s": 9.0, "noise_s": 0.0}}
    assert [str(row[0]) for row in machine.forecast(plan, []).rows] == ["training"]


def test_forecast_table_holds_what_was_foretold_against_what_it_took():
    made = machine.forecast({"forecast": {"total_s": 100.0, "peak_bytes": 2**30}, "took": {"total_s": 150.0}}, [])
    assert made is not None
    rows = [[cell.text for cell in row] for row in made.rows]
    assert rows == [["whole study", "1 min 40 s", "2 min 30 s", "1.50×"], ["peak", "1.00 GiB", "–", "–"]]


def test_costs_table_says_where_it_was_measured(study):
    loaded = evidence.load(study)
    assert loaded.costs is not None
    made = machine.costs(loaded.costs, loaded.verdict)
    assert made.caption == "Cost, measured on cpu, 2 threads, fp32"
    assert [cell.text for cell in made.rows[0]][:5] == ["ResNet-50", "48", "1", "25.56", "0.188"]


def test_pairs_table_shows_the_intervals_that_hold_together_where_there_are_any(made_up):
    verdict = made_up.verdict()
    plain = results.pairs(verdict)
    assert len(plain.columns) == 7
    other, deciding = verdict.pairs
    made = results.pairs(replace(verdict, pairs=[replace(other, simultaneous_interval=(-0.2, 0.36)), deciding]))
    assert made.columns[6].title == "95 % for all together"
    assert [row[6].text for row in made.rows] == [numbers.interval((-0.2, 0.36), 2), numbers.ABSENT]


def test_short_trainings_stand_in_their_order_and_a_lost_one_says_so():
    tried = [{"rate": 0.012, "loss": 0.98765}, {"rate": 0.0379, "loss": None}]
    found = rates.tried_rates({"resnet50": {"tried": tried}, "resnet101": {}})  # one of an older program
    assert [tuple(str(cell) for cell in row) for row in found.rows] == [
        ("ResNet-50", "0.012", "0.988"),
        ("ResNet-50", "0.038", "no number"),
    ]
