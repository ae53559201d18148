"""The bill of the panel says what the metric counts."""

import pytest

from deepenough.comparison.price import Prices, bill
from deepenough.report import billing

LATENCIES = {"latency_s": {"resnet50": {"96": 0.010}, "resnet101": {"96": 0.017}}}
ASKED = bill(
    (0.010, 0.017), (0.9002, 0.9010), (-0.0012, 0.0028), Prices(millisecond=1e-6, error=0.01, images_a_day=1e6)
)


def test_what_is_missing_is_called_wrong_answers_when_the_metric_is_accuracy(made_up):
    verdict = made_up.verdict()
    assert billing.at_stake(verdict) == "Cost of an error"
    assert billing.table_of(verdict, LATENCIES, ASKED).columns[3].title == "wrong answers, %"
    assert "share of wrong answers" in billing.in_words(verdict, ["a"])


@pytest.mark.parametrize("metric", ["AUROC", "mAP", "balanced accuracy"])
def test_what_is_missing_is_called_by_the_metric_when_it_is_no_share_of_images(made_up, metric):
    verdict = made_up.verdict(metric=metric)
    table = billing.table_of(verdict, LATENCIES, ASKED)
    assert table.columns[3].title == f"short of 100 points of {metric}"
    assert [row[3].text for row in table.rows[:2]] == ["9.98", "9.90"]  # of 90.02 and 90.10
    said = " ".join([billing.at_stake(verdict), billing.in_words(verdict, ["a", "b"])])
    assert metric in said
    assert "wrong" not in said
    assert "error" not in said
