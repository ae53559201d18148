"""What every task keeps, whatever it asks: from a source to a verdict and a report, with no special case."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from deepenough import report
from deepenough.data import open_source, prepare
from deepenough.data.augment import Augmentation
from deepenough.errors import InputError
from deepenough.records import SCORES, measures_from_json, read_json, read_table, samples_of
from deepenough.report import proof
from deepenough.studies.assembling import assemble
from deepenough.tasks import Given, Run, make_task
from deepenough.tasks.registry import entry

SIDE, BATCH = 32, 8


@pytest.fixture(scope="module")
def prepared(name, source_of):
    return prepare(open_source(str(source_of(name)), reads=entry(name).reads))


@pytest.fixture(scope="module")
def task(name, prepared):
    return make_task(name, Given(classes=prepared.classes, samples=prepared.samples))


@pytest.fixture
def network(task, tiny_networks):
    return assemble(task, "resnet50", seed=3)


@pytest.fixture
def images():
    drawn = torch.randint(0, 256, (BATCH, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return drawn, drawn.float() / 255 - 0.5


def answered(task, network, prepared, order=None):
    """The rows of the test pictures, their content made up."""
    rows = prepared.samples.filter(pl.col("split") == "test")
    rows = rows if order is None else rows[order]
    drawn = [
        np.random.default_rng(int(i[:8], 16)).integers(0, 256, (SIDE, SIDE, 3), np.uint8) for i in rows["sample_id"]
    ]
    squares = np.stack(drawn)
    shown = task.inputs(squares, rows["sample_id"].to_list())
    assert (shown.shape, shown.dtype) == (squares.shape, np.uint8)
    with torch.inference_mode():
        outputs = network.eval()(torch.from_numpy(np.array(shown)).permute(0, 3, 1, 2).float() / 255 - 0.5).float()
    targets = task.targets(rows)
    return rows, Run(task.outcomes(outputs, targets, squares), targets, task.units(rows)), outputs


def test_task_is_a_frozen_value_with_words_for_people(task, name):
    assert pickle.loads(pickle.dumps(task)) == task
    with pytest.raises(AttributeError):
        task.name = "other"
    assert task.name == name
    assert task.sample
    assert entry(name).summary
    assert task.metric.name
    assert task.metric.lowest < task.metric.highest
    assert task.metric.multiplier == (100.0 if task.metric.unit == "points" else 1.0)
    assert task.outputs >= 1
    assert all(kind.itemsize for kind, _ in (task.row.fields or {}).values())


def test_unknown_task_and_option_are_refused_with_the_known_ones(task, name, prepared):
    with pytest.raises(InputError, match="one of"):
        entry(f"{name}x")
    given = Given(classes=prepared.classes, samples=prepared.samples, options={"colour": "red"})
    with pytest.raises(InputError, match="task_options: colour"):
        make_task(name, given)


def test_loss_falls_when_followed_downhill_and_teaches_every_weight(task, network, images):
    pixels, floats = images
    targets = task.example(pixels)

    def loss():
        return task.loss(task.forward(network, floats, targets), targets)

    value = loss()
    value.backward()
    assert value.shape == ()
    assert torch.isfinite(value)
    weights = dict(network.named_parameters())
    assert all(weight.grad is not None for weight in weights.values() if weight.requires_grad)
    before = value.item()
    with torch.no_grad():
        for weight in weights.values():
            weight -= 1e-3 * weight.grad
    assert loss().item() < before


def test_task_teaches_what_its_network_says_or_says_that_it_has_no_teachers(task, network, images, tiny_networks):
    teacher = assemble(task, "resnet101", seed=4).eval()
    with torch.no_grad():
        taught = teacher(images[1])
    if not task.teaches:
        with pytest.raises(NotImplementedError, match=f"{task.name} has no teachers"):
            task.apart(taught, taught, 4.0)
        return
    assert task.apart(taught, taught, 4.0).item() == pytest.approx(0.0, abs=1e-6)
    outputs = task.forward(network.train(), images[1], task.example(images[0])).detach().requires_grad_()
    before = task.apart(outputs, taught, 4.0)
    before.backward()
    assert before.item() > task.apart(outputs.detach() - 0.1 * outputs.grad, taught, 4.0).item() >= 0.0


def test_augmented_pictures_and_their_targets_make_a_batch(task, network, prepared):
    rows = prepared.samples.filter(pl.col("split") == "train")[:BATCH]
    view, pairs = task.view(Augmentation(), SIDE), []
    for target in task.targets(rows):
        picture = torch.randint(0, 256, (3, 24, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
        square = picture[:, :, :24].repeat(1, 2, 2)[:, :SIDE, :SIDE]
        pairs.append((square, target) if view is None else pickle.loads(pickle.dumps(view))(picture, target))
    images = torch.stack([image for image, _ in pairs])
    assert (images.shape, images.dtype) == ((BATCH, 3, SIDE, SIDE), torch.uint8)
    targets = task.collate([target for _, target in pairs])
    assert len(targets) == BATCH
    outputs = task.forward(network, images.float() / 255, targets)
    assert torch.isfinite(task.loss(outputs, targets))
    hits = task.hits(outputs, targets)
    assert hits is None or 0 <= hits <= BATCH


def test_weights_depend_on_the_seed_alone(task, tiny_networks):
    one, same, other = (assemble(task, "resnet50", seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, same[key]) for key, value in one.items())
    assert any(not torch.equal(value, other[key]) for key, value in one.items())


def test_network_in_evaluation_gives_one_tensor_a_batch_of_none_too(network, images):
    with torch.inference_mode():
        some, none = (network.eval()(images[1][:count]) for count in (3, 0))
    assert some.is_floating_point()
    assert len(some) == 3
    assert none.shape == (0, *some.shape[1:])


def test_outcomes_judge_each_picture_alone_and_in_order(task, network, prepared):
    rows, run, outputs = answered(task, network, prepared)
    order = np.random.default_rng(0).permutation(len(rows))
    _, shuffled, _ = answered(task, network, prepared, order)
    assert run.rows.dtype == task.row
    for field in task.row.names:
        np.testing.assert_allclose(
            shuffled.rows[field].astype(float), run.rows[field][order].astype(float), rtol=1e-4, atol=1e-5
        )
    decisions = task.decisions(outputs)
    assert decisions is None or len(decisions) == len(rows)


def test_scores_average_to_the_metric_within_its_range(task, network, prepared):
    rows, run, _ = answered(task, network, prepared)
    judged = task.judged(run, run)
    units = task.units(rows)
    assert set(judged.columns) == {"target", "prediction", "score", "confidence"}
    assert len(judged) == len(rows if units is None else units)
    assert judged["score"].is_finite().all()
    assert task.metric.lowest <= judged["score"].mean() <= task.metric.highest
    if task.confidence_is_probability:
        assert judged["confidence"].is_between(0.0, 1.0).all()
    if task.one_class:
        assert judged["prediction"].null_count() == 0
        assert "|" not in "".join([*judged["target"], *judged["prediction"]])


def test_outputs_that_are_not_finite_score_no_better_than_any(task, network, prepared):
    rows, run, outputs = answered(task, network, prepared)
    broken = task.outcomes(
        torch.full_like(outputs, float("nan")), run.targets, np.zeros((len(rows), SIDE, SIDE, 3), np.uint8)
    )
    found = task.judged(replace(run, rows=broken), run)
    assert found["score"].is_finite().all()
    assert found["score"].mean() <= max(0.5, task.judged(run, run)["score"].mean())


def test_baselines_are_judged_like_networks_and_bear_the_same_names_for_any_pictures(task, prepared):
    rows = prepared.samples.filter(pl.col("split") == "test")
    ids, targets = rows["sample_id"].to_list(), task.targets(rows)
    squares = np.random.default_rng(0).integers(0, 256, (len(rows), SIDE, SIDE, 3), np.uint8)
    said = task.baselines(squares, targets, ids)
    assert list(task.baselines(squares[:0], targets[:0], [])) == list(said)
    for name, values in said.items():
        apart = [task.baselines(squares[i : i + 1], targets[i : i + 1], ids[i : i + 1])[name] for i in range(len(rows))]
        np.testing.assert_array_equal(np.concatenate(apart), values)
        for each in (task, *task.also()):
            units = each.units(rows)  # a further metric may ask about other samples
            run = Run(values, targets, units)
            judged = each.judged(run, run)
            assert len(judged) == len(rows if units is None else units)
            assert judged["score"].is_finite().all()
            assert each.metric.lowest <= judged["score"].mean() <= each.metric.highest


@pytest.mark.slow
def test_a_study_ends_in_a_verdict_whose_means_are_those_of_the_scores(finished, task):
    folder, verdict = finished
    scores = read_table(folder / "scores.parquet", SCORES)
    units = pl.read_parquet(samples_of(folder))
    assert set(scores["sample_id"]) <= set(units["sample_id"])
    assert verdict.metric == task.metric.name
    assert verdict.unit == task.metric.unit
    means = dict(scores.group_by("contender").agg(pl.col("score").mean()).iter_rows())
    factor = task.metric.multiplier
    assert verdict.difference == pytest.approx(factor * (means["resnet101"] - means["resnet50"]), abs=1e-9 * factor)
    assert verdict.interval[0] <= verdict.difference <= verdict.interval[1]


@pytest.mark.slow
def test_the_folder_alone_gives_the_verdict_again(finished):
    from deepenough.cli._redecide import Wish, in_folder

    folder, verdict = finished
    again = in_folder(folder, Wish())
    assert (again.answer, again.metric, again.unit) == (verdict.answer, verdict.metric, verdict.unit)
    assert again.difference == pytest.approx(verdict.difference)
    assert again.interval == pytest.approx(verdict.interval)


@pytest.mark.slow
def test_a_study_ends_in_a_report_that_names_the_metric_and_shows_what_has_a_meaning(finished, task):
    folder, verdict = finished
    page, text = report.write(folder)
    assert verdict.metric in text.read_text(encoding="utf-8")
    assert page.stat().st_size > 10_000
    assert ("How sure, and how right" in text.read_text(encoding="utf-8")) == task.confidence_is_probability
    assert ("What is taken for what" in text.read_text(encoding="utf-8")) == task.one_class
    assert [fault for look in proof.looks(page) for fault in look.wrong] == []


@pytest.mark.slow
def test_a_study_reports_its_further_metrics_with_their_intervals(finished, task):
    folder, verdict = finished
    asked = [task.metric.name, *(other.metric.name for other in task.also())] if task.also() else []
    path = folder / "measures.json"
    found = measures_from_json(read_json(path)).measures if path.is_file() else []
    assert [one.metric for one in found] == asked
    assert all(one.interval[0] <= one.difference <= one.interval[1] for one in found)
    assert all(one.difference == pytest.approx(verdict.difference) for one in found[:1])
