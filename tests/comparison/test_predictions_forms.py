"""The same runs written down in every form must give the same verdict, and what cannot be read is said in one line."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from deepenough.comparison import decide_study
from deepenough.comparison.predictions import Reading, gather, read_predictions
from deepenough.comparison.predictions.names import Run, parse_run
from deepenough.comparison.predictions.probabilities import predicted
from deepenough.errors import RecordError

CLASSES = ("cat", "dog", "owl")
RUNS = [("resnet50", 0), ("resnet50", 1), ("resnet101", 0), ("resnet101", 1)]


class Runs:
    """Four runs on 60 images, written in whatever form is asked for."""

    def __init__(self, folder):
        rng = np.random.default_rng(5)
        self.folder, self.target = folder, rng.integers(0, 3, 60)
        self.names = [CLASSES[place] for place in self.target]
        self.ids = [f"{name}/{i:03d}.jpg" for i, name in enumerate(self.names)]
        self.places, self.probabilities = {}, {}
        for run in RUNS:
            places = np.where(rng.random(60) < 0.8, self.target, rng.integers(0, 3, 60))
            raw = rng.uniform(0.0, 0.2, (60, 3))
            raw[np.arange(60), places] += 1.0
            self.places[run], self.probabilities[run] = places, raw / raw.sum(1, keepdims=True)

    def labels(self, run):
        return [CLASSES[place] for place in self.places[run]]

    def confidence(self, run):
        return self.probabilities[run].max(1)

    def frame(self, run, **columns):
        return pl.DataFrame({"sample_id": self.ids, "target": self.names, **columns})

    def each(self, make, suffix=".csv"):
        """One file a run, named for its run."""
        paths = []
        for contender, seed in RUNS:
            path = self.folder / f"{contender}_s{seed}{suffix}"
            make((contender, seed), path)
            paths.append(path)
        return paths

    def long(self, **more):
        parts = []
        for run in RUNS:
            own = {name: make(run) for name, make in more.items()} or {"prediction": self.labels(run)}
            named = self.frame(run, **own).with_columns(contender=pl.lit(run[0]), seed=pl.lit(run[1]))
            parts.append(named)
        return pl.concat(parts)

    def save(self, frame, name):
        path = self.folder / name
        frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
        return [path]


def timm(runs, *, to="csv", **columns):
    """What inference.py writes with --fullname; to_json and to_csv as pandas write them."""

    def make(run, path):
        own = {name: list(give(run)) for name, give in columns.items()}
        rows = [dict(zip(own, values, strict=True)) for values in zip(*own.values(), strict=True)]
        if to == "json":
            path.write_text(json.dumps(dict(zip(runs.ids, rows, strict=True)), indent=4))
        elif to == "split":
            data = [[name, *row.values()] for name, row in zip(runs.ids, rows, strict=True)]
            path.write_text(json.dumps({"columns": ["filename", *own], "data": data}))
        elif to == "parquet":  # the index comes last
            pl.DataFrame({**own, "filename": runs.ids}).write_parquet(path)
        else:
            pl.DataFrame({"filename": runs.ids, **own}).write_csv(path)

    return runs.each(make, {"split": ".json"}.get(to, f".{to}"))


def top3(runs, run):
    return np.argsort(-runs.probabilities[run], axis=1)


def as_printed(rows):
    """Arrays in CSV cells as numpy prints them."""
    return [str(np.array(row, dtype=object if isinstance(row[0], str) else None)) for row in rows]


def wide(runs, separator):
    columns = {separator.format(contender, seed): runs.labels((contender, seed)) for contender, seed in RUNS}
    return runs.save(runs.frame(RUNS[0], **columns), "wide.csv")


def samples_json(runs):
    samples = []
    for i, path in enumerate(runs.ids):
        sample = {
            "_id": {"$oid": f"{i:024x}"},
            "filepath": path,
            "tags": [],
            "ground_truth": {"_cls": "Classification", "label": runs.names[i], "confidence": None},
        }
        for run in RUNS:
            found = {"_cls": "Classification", "label": runs.labels(run)[i], "confidence": runs.confidence(run)[i]}
            sample[f"{run[0]}_seed{run[1]}"] = found
        samples.append(sample)
    path = runs.folder / "samples.json"
    path.write_text(json.dumps({"samples": samples}))
    return [path]


def labels_json(runs, *, entries="place"):
    def entry(place):
        if entries == "object":
            return {"label": int(place), "confidence": 0.5, "attributes": {}}
        return CLASSES[place] if entries == "name" else int(place)

    def make(run, path):
        labels = {name: entry(place) for name, place in zip(runs.ids, runs.places[run], strict=True)}
        path.write_text(json.dumps({"classes": None if entries == "name" else CLASSES, "labels": labels}))

    return runs.each(make, ".json")


def targets(runs):
    path = runs.folder / "truth.csv"
    pl.DataFrame({"filename": runs.ids, "label": runs.names}).write_csv(path)
    return path


def class_file(runs):
    path = runs.folder / "classes.txt"
    path.write_text("\n".join(CLASSES) + "\n")
    return path


def first_only(runs):
    """One file a run, of which only the first has the targets."""

    def make(run, path):
        frame = runs.frame(run, prediction=runs.labels(run))
        (frame if run == RUNS[0] else frame.drop("target")).write_csv(path)

    return runs.each(make)


FORMS = {
    "long": lambda r: r.save(r.long(), "p.csv"),
    "long in Parquet": lambda r: r.save(r.long(), "p.parquet"),
    "long with probabilities": lambda r: r.save(
        r.long(**{f"prob_{name}": lambda run, k=k: r.probabilities[run][:, k] for k, name in enumerate(CLASSES)}),
        "p.csv",
    ),
    "long with p_": lambda r: r.save(
        r.long(**{f"p_{name}": lambda run, k=k: r.probabilities[run][:, k] for k, name in enumerate(CLASSES)}),
        "p.parquet",
    ),
    "long rows in JSON": lambda r: _rows(r, lines=False),
    "long lines of JSON": lambda r: _rows(r, lines=True),
    "wide /": lambda r: wide(r, "{}/{}"),
    "wide /seed": lambda r: wide(r, "{}/seed{}"),
    "wide -seed": lambda r: wide(r, "{}-seed{}"),
    "wide _s": lambda r: wide(r, "{}_s{}"),
    "a file a run": lambda r: r.each(lambda run, path: r.frame(run, prediction=r.labels(run)).write_csv(path)),
    "a file a run, targets in one": first_only,
    "timm label": lambda r: timm(r, label=r.labels, prob=r.confidence),
    "timm json": lambda r: timm(r, to="json", index=lambda run: r.places[run].tolist(), label=r.labels),
    "timm split": lambda r: timm(r, to="split", label=r.labels, prob=lambda run: r.confidence(run).tolist()),
    "timm parquet": lambda r: timm(r, to="parquet", label=r.labels, prob=r.confidence),
    "timm top 3": lambda r: timm(
        r,
        index=lambda run: as_printed(top3(r, run)),
        label=lambda run: as_printed([[CLASSES[k] for k in row] for row in top3(r, run)]),
        prob=lambda run: as_printed(-np.sort(-r.probabilities[run], axis=1)),
    ),
    "timm top 3 parquet": lambda r: timm(
        r,
        to="parquet",
        label=lambda run: [[CLASSES[k] for k in row] for row in top3(r, run)],
        prob=lambda run: (-np.sort(-r.probabilities[run], axis=1)).tolist(),
    ),
    "timm separate": lambda r: timm(
        r,
        label_0=r.labels,
        label_1=lambda run: [CLASSES[row[1]] for row in top3(r, run)],
        prob_0=r.confidence,
        prob_1=lambda run: np.sort(r.probabilities[run], axis=1)[:, 1],
    ),
    "FiftyOne samples": samples_json,
}
WITH_MORE = {
    "timm index": (lambda r: timm(r, index=lambda run: r.places[run], prob=r.confidence), {"classes": class_file}),
    "timm top 0": (
        lambda r: timm(r, prob=lambda run: as_printed(r.probabilities[run])),
        {"classes": class_file, "targets": targets},
    ),
    "timm top 0 separate": (
        lambda r: timm(r, **{f"logit_{k}": lambda run, k=k: 9 * r.probabilities[run][:, k] for k in range(3)}),
        {"classes": class_file},
    ),
    "labels.json": (labels_json, {"targets": targets}),
    "labels.json objects": (lambda r: labels_json(r, entries="object"), {"targets": targets}),
    "labels.json names": (lambda r: labels_json(r, entries="name"), {"targets": targets}),
    "no targets in the file": (
        lambda r: r.save(r.long().drop("target"), "p.csv"),
        {"targets": targets},
    ),
}


def _rows(runs, *, lines):
    rows = [json.dumps(row) for row in runs.long().to_dicts()]
    path = runs.folder / ("p.jsonl" if lines else "p.json")
    path.write_text("\n".join(rows) if lines else f"[{','.join(rows)}]")
    return [path]


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def verdict_of(frame):
    return replace(decide_study(frame, margin=2.0, small="resnet50", big="resnet101"), caveats=[])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_verdict(runs, form):
    expected = verdict_of(read_predictions(runs.save(runs.long(), "expected.csv")))
    assert expected.samples == 60
    assert verdict_of(read_predictions(FORMS[form](runs))) == expected


def test_rows_may_come_in_any_order_in_each_file(runs):
    expected = verdict_of(read_predictions(runs.save(runs.long(), "expected.csv")))
    paths = first_only(runs)
    for seed, path in enumerate(paths):
        pl.read_csv(path).sample(fraction=1.0, shuffle=True, seed=seed).write_csv(path)
    found = verdict_of(read_predictions(paths))
    assert (found.difference, *found.interval) == pytest.approx((expected.difference, *expected.interval), abs=1e-9)


@pytest.mark.parametrize("form", WITH_MORE)
def test_every_form_that_needs_a_file_beside_it_gives_the_same_verdict(runs, form):
    expected = verdict_of(read_predictions(runs.save(runs.long(), "expected.csv")))
    write, beside = WITH_MORE[form]
    reading = Reading(**{name: make(runs) for name, make in beside.items()})
    assert verdict_of(read_predictions(write(runs), reading)) == expected


def test_confidence_is_the_probability_of_the_prediction(runs):
    for form in ("long with probabilities", "timm top 3", "timm separate", "FiftyOne samples"):
        frame = read_predictions(FORMS[form](runs)).sort("contender", "seed", "sample_id")
        expected = np.concatenate([runs.confidence(run)[np.argsort(runs.ids)] for run in sorted(RUNS)])
        np.testing.assert_allclose(frame["confidence"].to_numpy(), expected, atol=1e-6, err_msg=form)


def test_forms_are_said_aloud_with_the_runs_they_hold(runs):
    gathered = gather(wide(runs, "{}@96/seed{}"), Reading())
    assert gathered.read_as == (
        "wide.csv read as: wide, one column a run: resnet50 at 96 px (seeds 0, 1); resnet101 at 96 px (seeds 0, 1)",
    )
    assert gathered.scores["scale"].unique().to_list() == [96]


def test_runs_are_named_by_option_where_files_are_not(runs):
    paths = runs.each(lambda run, path: runs.frame(run, prediction=runs.labels(run)).write_csv(path))
    frame = read_predictions(paths[:2], Reading(runs={paths[0]: "small:3", paths[1]: "big@64:4"}))
    assert frame.select("contender", "seed", "scale").unique().sort("seed").rows() == [("small", 3, 0), ("big", 4, 64)]


def test_scores_in_a_wide_table_need_no_targets(tmp_path):
    path = tmp_path / "psnr.csv"
    path.write_text("sample_id,a_s0,b_s0\nx,31.5,30\ny,29,\n")
    frame = read_predictions(path, Reading(values="scores"))
    assert frame["score"].to_list() == [31.5, 29.0, 30.0]  # the empty cell is a sample that run b lacks


def test_groups_come_from_any_column_and_are_no_run(runs):
    frame = pl.read_csv(wide(runs, "{}_s{}")[0]).with_columns(patient=pl.int_range(60) // 3)
    read = read_predictions(runs.save(frame, "grouped.csv"), Reading(group_column="patient"))
    assert read["group"].n_unique() == 20
    assert sorted(read["contender"].unique()) == ["resnet101", "resnet50"]
    with pytest.raises(RecordError, match="--group-column: expected a column of the predictions or of the targets"):
        read_predictions(wide(runs, "{}_s{}"), Reading(group_column="patient"))


def test_numbers_stored_as_floats_name_the_same_classes_as_whole_ones(tmp_path):
    table = {"sample_id": ["x", "y"], "target": [1, 2], "contender": "a", "prediction": [1.0, 1.0]}
    pl.DataFrame(table).write_parquet(tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet")["score"].to_list() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("resnet50", Run("resnet50")),
        ("resnet50/3", Run("resnet50", 0, 3)),
        ("resnet50:3", Run("resnet50", 0, 3)),
        ("resnet50-seed12", Run("resnet50", 0, 12)),
        ("resnet50_s3", Run("resnet50", 0, 3)),
        ("resnet50@96/seed0", Run("resnet50", 96, 0)),
        ("resnet50@96px_s1", Run("resnet50", 96, 1)),
        ("resnet50-224", Run("resnet50-224")),
        ("a/b/2", Run("a/b", 0, 2)),
    ],
)
def test_run_names_follow_the_grammar(name, run):
    assert parse_run(name, "x") == run


@pytest.mark.parametrize("name", ["", "resnet50@", "resnet50@big", "@96", "resnet50/", "a@96/seed", "a/99999999999"])
def test_run_names_outside_the_grammar_are_refused(name):
    with pytest.raises(RecordError, match="expected a run named"):
        parse_run(name, "x")


LONG = "sample_id,target,contender,prediction\n"
REFUSED = {
    "no form": ("a,b\n1,2\n", {}, "expected one of the forms fiftyone"),
    "aggregates": (
        "model,top1,top1_err\nresnet50,80.1,19.9\n",
        {},
        "totals only .top1 80.1.*deepenough audit",
    ),
    "same run twice": ("sample_id,target,a,a_s0\n1,x,x,x\n", {}, "got a and a_s0, the same run; rename one"),
    "bad name": ("sample_id,target,a@b\n1,x,x\n", {}, r"column a@b: expected a run named .* got 'a@b'; rename"),
    "ties": ("sample_id,target,contender,prob_x,prob_y\n1,x,a,0.5,0.5\n", {}, "a tie in 1 rows, first row 1"),
    "no probability": (
        "sample_id,target,contender,prob_x,prob_y\n1,x,a,7,-2\n",
        {},
        "1 rows that are not, first",
    ),
    "half a row": ("sample_id,target,contender,prob_x,prob_y\n1,x,a,0.7,\n", {}, r"1 rows .* \(0.7, nan\)"),
    "indices": (LONG + "1,cat,a,0\n2,dog,a,1\n", {}, "targets: cat, dog; predictions: 0, 1.; give the class names"),
    "one index": (LONG + "1,cat,a,0\n", {}, "no name in common for a, seed 0"),
    "other words": (LONG + "1,cat,a,Cat\n2,dog,a,Dog\n", {}, "write both in the same words"),
    "no target": ("sample_id,prediction\n1,x\n", {}, "expected the target of each sample; got none; add a column"),
    "no class": ("filename,prob\na.jpg,0.9\n", {}, "expected a column label or index"),
    "top-k without class": (
        "filename,prob_0,prob_1\na,0.9,0.1\nb,0.8,0.1\n",
        {},
        "largest outputs without their",
    ),
    "basenames": ("filename,label\na.jpg,x\na.jpg,y\n", {}, "2 rows that share theirs, first a.jpg; .*--fullname"),
    "timm no folder": ("filename,label\na.jpg,x\n", {}, "--targets FILE, or run inference.py with --fullname"),
    "forced": ("sample_id,target,a\n1,x,x\n", {"form": "long"}, r"read as long.: expected the columns sample_id"),
    "forced document": ("sample_id,target,a\n1,x,x\n", {"form": "labels"}, "FiftyOne's .*got another form"),
    "letters as scores": ("sample_id,a\n1,x\n", {"values": "scores"}, "expected numbers in column score; got 'x'"),
    "missing target": ("sample_id,target,a\n1,x,x\n2,,x\n", {}, "column target; got 1 empty .* first in row 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, case):
    text, options, said = REFUSED[case]
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(RecordError, match=said) as caught:
        read_predictions(path, Reading(**options))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in caught.value.where or caught.value.where.startswith("--")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{]", "torn or foreign file"),
        ("[]", "expected JSON with rows of predictions"),
        ("3", "expected one of the forms"),
        ('{"samples": []}', "no field that is a Classification"),
        ('{"samples": [{"filepath": "a", "p": {"_cls": "Detections"}}]}', "no field that is a Classification"),
        ('{"samples": [{"filepath": "a", "ground_truth": {"_cls": "Classification", "label": "x"}}]}', "ground_truth"),
        ('{"samples": [{"p": {"_cls": "Classification", "label": "x"}}]}', "a filepath in every sample; got None"),
        ('{"classes": ["x"], "labels": {"a": 1}}', "a place in the 1 classes; got 1 for a"),
        ('{"classes": ["x"], "labels": {"a": [0, 0]}}', "one label for each sample"),
        ('{"classes": ["x"], "labels": {"a": null}}', "at least one prediction; got none"),
        ('{"model": "resnet50", "top1": 80.1, "top5": 95}', "totals only"),
        ('[{"model": "resnet50", "top1": 80.1}]', "totals only"),
        ('{"columns": ["filename", "label"], "data": [["a"]]}', "torn or foreign"),
    ],
)
def test_json_of_another_form_is_refused(tmp_path, document, said):
    path = tmp_path / "p.json"
    path.write_text(document)
    with pytest.raises(RecordError, match=said):
        read_predictions(path)


def test_samples_of_fiftyone_without_a_target_are_named(runs):
    path = samples_json(runs)[0]
    document = json.loads(path.read_text())
    del document["samples"][7]["ground_truth"]
    path.write_text(json.dumps(document))
    assert gather([path], Reading()).targetless.to_list() == [runs.ids[7]]
    with pytest.raises(RecordError, match=f"a target for each sample; got none for {runs.ids[7]}"):
        read_predictions(path)


def test_targets_that_contradict_the_file_are_refused(runs):
    path = runs.folder / "truth.csv"
    pl.DataFrame({"sample_id": runs.ids, "target": [*runs.names[:-1], "ant"]}).write_csv(path)
    with pytest.raises(RecordError, match="one target for each sample; got several for"):
        read_predictions(runs.save(runs.long(), "p.csv"), Reading(targets=path))


def test_targets_under_other_ids_are_shown_beside_those_of_the_runs(runs):
    path = runs.folder / "truth.csv"
    pl.DataFrame({"sample_id": [name.split("/")[1] for name in runs.ids], "target": runs.names}).write_csv(path)
    with pytest.raises(RecordError, match=r"none shared: \w+/000.jpg, .* there, 000.jpg, .* among the targets"):
        read_predictions(runs.save(runs.long().drop("target"), "p.csv"), Reading(targets=path))


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("cat\ndog\n", "c.txt", r"a name for every class index \(2 names\); got the prediction 2"),
        ("", "c.txt", "got another form"),
        ("cat\ncat\n", "c.txt", "the name 'cat' twice"),
        ("cat\n\ndog\n", "c.txt", "an empty name"),
        ("{", "c.json", "torn or foreign"),
        ('{"cat": 5}', "c.json", "another form"),
    ],
)
def test_class_names_that_do_not_fit_are_refused(runs, text, name, said):
    path = runs.folder / name
    path.write_text(text)
    predictions = timm(runs, index=lambda run: runs.places[run])
    with pytest.raises(RecordError, match=said):
        read_predictions(predictions, Reading(classes=path))


def test_class_names_may_be_an_object_from_name_to_index(runs):
    path = runs.folder / "c.json"
    path.write_text(json.dumps({"owl": 2, "cat": 0, "dog": 1}))
    frame = read_predictions(timm(runs, index=lambda run: runs.places[run]), Reading(classes=path))
    assert frame["prediction"].to_list()[:60] == runs.labels(RUNS[0])


def test_a_name_for_a_file_of_many_runs_is_refused(runs):
    path = runs.save(runs.long(), "p.csv")[0]
    with pytest.raises(RecordError, match=r"--run: expected a file with one run; got .*read as long"):
        read_predictions(path, Reading(runs={path: "a:0"}))


@pytest.mark.parametrize("options", [{"form": "narrow"}, {"values": "words"}])
def test_unknown_options_are_refused(options):
    with pytest.raises(RecordError, match=r"expected (one of long|labels or scores)"):
        Reading(**options)


def test_a_given_prediction_is_kept_beside_probabilities():
    frame = pl.DataFrame({"prediction": ["y", "z"], "prob_x": [0.7, 0.6], "prob_y": [0.3, 0.4]})
    read = predicted(frame, "x")
    assert read["prediction"].to_list() == ["y", "z"]
    assert read["confidence"].to_list() == [0.3, None]


def test_a_panic_of_the_parquet_reader_is_a_line(tmp_path, monkeypatch):
    """Found by `make fuzz`: a flipped bit in a foreign table can make polars panic, which is no `Exception`."""

    def panic(*_):
        raise pl.exceptions.PanicException("assertion failed: offset + length <= self.length")

    pl.DataFrame({"sample_id": ["a"]}).write_parquet(tmp_path / "p.parquet")
    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(RecordError, match="got a torn or foreign file"):
        read_predictions([tmp_path / "p.parquet"])
