"""Deciding anew from a study's folder, and from anybody's predictions."""

from __future__ import annotations

import json
import subprocess
import sys
import types

import numpy as np
import polars as pl
import pytest

from deepenough import cli, records
from deepenough.cli import _redecide, _tables
from deepenough.comparison import metrics
from deepenough.errors import InputError

SMALL, BIG = "resnet50", "resnet101"
ACCURACY = {(SMALL, 32): 0.80, (SMALL, 64): 0.86, (BIG, 32): 0.80, (BIG, 64): 0.88}
OWN = "The embedded digits prove the pipeline and say little about depth."


def frame(rng, samples, prefix):
    """Scores of two contenders, three seeds and two scales on the same samples."""
    parts = []
    for (contender, scale), accuracy in ACCURACY.items():
        for seed in range(3):
            score = (rng.random(samples) < accuracy).astype(float)
            parts.append(
                pl.DataFrame(
                    {
                        "contender": contender,
                        "seed": seed,
                        "scale": scale,
                        "sample_id": [f"{prefix}{i}" for i in range(samples)],
                        "target": "cat",
                        "prediction": np.where(score == 1, "cat", "dog"),
                        "score": score,
                        "confidence": 0.9,
                    },
                    schema=records.SCORES,
                )
            )
    return pl.concat(parts)


@pytest.fixture
def study(tmp_path):
    """A finished study that declared a margin of 2 points and chose its scale on validation."""
    rng = np.random.default_rng(7)
    records.write_table(tmp_path / "scores.parquet", frame(rng, 1500, "t"), records.SCORES)
    records.write_table(tmp_path / "validation.parquet", frame(rng, 1500, "v"), records.SCORES)
    verdict = _tables.read(tmp_path, _redecide.Wish()).decide(
        margin=2.0, small=SMALL, big=BIG, scale=None, caveats=[OWN]
    )
    assert verdict.scale == 64
    records.write_json(tmp_path / "verdict.json", verdict)
    return tmp_path


@pytest.fixture
def decide(capsys):
    """Run `deepenough verdict ... --json`; its output, parsed."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(["verdict", *map(str, arguments), "--json"])
        said = capsys.readouterr()
        assert left.value.code == 0, said.err
        return json.loads(said.out)

    return run


def looked(verdict):
    """The caveats that speak of a choice made after looking."""
    return [caveat for caveat in verdict["caveats"] if "after the results were known" in caveat]


def test_verdict_finds_the_difference_of_the_means_in_points(study, decide):
    verdict = decide(study)
    scores = pl.read_parquet(study / "scores.parquet").filter(pl.col("scale") == 64)
    means = dict(scores.group_by("contender").agg(pl.col("score").mean()).iter_rows())
    assert verdict["difference"] == pytest.approx(100 * (means[BIG] - means[SMALL]), abs=1e-9)
    assert (verdict["margin"], verdict["scale_chosen_on"]) == (2.0, "validation")
    assert looked(verdict) == []


def test_verdict_names_the_declared_margin_when_another_is_given(study, decide):
    verdict = decide(study, "--margin", "0.5")
    assert verdict["margin"] == 0.5
    assert looked(verdict) == [
        "The margin was set to 0.5 after the results were known; 2 points had been declared before."
    ]
    assert records.read_json(study / "verdict.json")["caveats"] == verdict["caveats"]


def test_verdict_remembers_the_declared_margin_when_decided_anew_twice(study, decide):
    decide(study, "--margin", "0.5")
    assert "2 points had been declared" in looked(decide(study, "--margin", "1"))[0]
    back = decide(study)
    assert back["margin"] == 2.0
    assert looked(back) == []


def test_verdict_keeps_the_caveats_that_only_the_study_knew(study, decide):
    for margin in ("0.5", "3", "2"):
        assert decide(study, "--margin", margin)["caveats"].count(OWN) == 1


def test_verdict_does_not_call_a_scale_declared_when_it_is_chosen_after_looking(study, decide):
    verdict = decide(study, "--scale", "32")
    assert (verdict["scale"], verdict["scale_chosen_on"]) == (32, "test")
    assert looked(verdict) == ["The scale of 32 px was chosen after the results were known."]
    assert decide(study)["scale"] == 64


def test_verdict_turns_the_sign_when_the_pair_is_swapped(study, decide):
    forward, backward = decide(study), decide(study, "--small", BIG, "--big", SMALL)
    assert backward["difference"] == pytest.approx(-forward["difference"], abs=1e-12)
    assert len(looked(backward)) == 1


def test_verdict_takes_groups_for_independent_when_samples_have_them(study, decide):
    ungrouped = decide(study)
    samples = pl.DataFrame(
        {
            "sample_id": [f"t{i}" for i in range(1500)],
            "path": "x",
            "target": "cat",
            "split": "test",
            "group": [f"g{i // 30}" for i in range(1500)],
            "width": 64,
            "height": 64,
        }
    )
    records.write_table(study / "samples.parquet", samples, records.SAMPLES)
    grouped = decide(study)
    assert grouped["difference"] == pytest.approx(ungrouped["difference"], abs=1e-9)
    assert grouped["degrees_of_freedom"] != ungrouped["degrees_of_freedom"]
    assert any("50 groups" in caveat for caveat in grouped["caveats"])


def test_verdict_declares_the_first_margin_when_scores_have_no_verdict_yet(study, decide):
    (study / "verdict.json").unlink()
    assert looked(decide(study, "--margin", "1")) == []
    assert "1 points had been declared" in looked(decide(study, "--margin", "3"))[0]


def test_verdict_speaks_in_lines_of_80_columns(study, capsys, monkeypatch):
    monkeypatch.chdir(study.parent)
    with pytest.raises(SystemExit):
        cli.main(["verdict", study.name])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(("ResNet", "Undecided"))
    assert max(map(len, lines)) <= 80


def test_verdict_reads_predictions_from_anywhere(study, tmp_path, decide):
    scores = pl.read_parquet(study / "scores.parquet").filter(pl.col("scale") == 64)
    table = tmp_path / "predictions.csv"
    scores.select("sample_id", "target", "contender", "seed", "prediction").write_csv(table)
    verdict = decide(table, "--margin", "2", "--small", SMALL, "--big", BIG)
    expected = decide(study)
    for key in ("answer", "difference", "interval", "p_value"):
        assert verdict[key] == pytest.approx(expected[key]) if key != "answer" else verdict[key] == expected[key]


def test_verdict_says_that_no_margin_was_declared_when_predictions_come_without(study, tmp_path, decide):
    scores = pl.read_parquet(study / "scores.parquet").filter(pl.col("scale") == 64)
    table = tmp_path / "predictions.parquet"
    scores.select("sample_id", "target", "contender", "seed", "prediction").write_parquet(table)
    verdict = decide(table, "--small", SMALL, "--big", BIG)
    assert verdict["margin"] == 0.5
    assert "No margin was declared" in verdict["caveats"][0]


def wide(folder, study):
    """The scores at 64 px as a wide table."""
    scores = pl.read_parquet(study / "scores.parquet").filter(pl.col("scale") == 64)
    named = scores.with_columns(run=pl.format("{}@64/seed{}", "contender", "seed"))
    path = folder / "wide.csv"
    named.pivot("run", index=["sample_id", "target"], values="prediction").write_csv(path)
    return path


def test_verdict_says_how_it_read_the_files(study, tmp_path, decide, capsys):
    verdict = decide(wide(tmp_path, study), "--margin", "2")
    assert verdict["read_as"] == [
        "wide.csv read as: wide, one column a run: resnet50 at 64 px (seeds 0, 1, 2); "
        "resnet101 at 64 px (seeds 0, 1, 2)"
    ]
    assert verdict["difference"] == pytest.approx(decide(study)["difference"], abs=1e-9)
    with pytest.raises(SystemExit):
        cli.main(["verdict", str(tmp_path / "wide.csv")])
    assert "wide.csv read as: wide, one column a run" in capsys.readouterr().out


def test_verdict_takes_a_file_a_run_with_names_and_targets_beside_them(study, tmp_path, decide):
    table = pl.read_csv(wide(tmp_path, study))
    table.select("sample_id", "target").write_csv(tmp_path / "truth.csv")
    options = []
    for number, column in enumerate(table.columns[2:]):
        path = tmp_path / f"{number}.csv"
        table.select("sample_id", pl.col(column).alias("prediction")).write_csv(path)
        options += ["--run", f"{column}={path}"]
    verdict = decide(*options, "--targets", tmp_path / "truth.csv", "--margin", "2")
    assert verdict["difference"] == pytest.approx(decide(study)["difference"], abs=1e-9)


def test_verdict_lists_what_does_not_match_and_decides_on_the_rest_if_told_to(study, tmp_path, decide, capsys):
    path, listing = wide(tmp_path, study), tmp_path / "unmatched.csv"
    table = pl.read_csv(path)
    last = table.columns[-1]
    table.with_columns(pl.when(pl.int_range(pl.len()) >= 9).then(last).alias(last)).write_csv(path)
    with pytest.raises(SystemExit) as left:
        cli.main(["verdict", str(path), "--list-unmatched", str(listing)])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "9 of 1500 that are not in every run (resnet101 seed 2 at 64 px lacks 9: t0, t1, t2, ...)" in said
    assert pl.read_csv(listing).height == 9
    before = listing.read_bytes()
    for there, said in ((listing, "a file that is not there yet"), (tmp_path / "no" / "u.csv", "no folder")):
        with pytest.raises(SystemExit) as left:
            cli.main(["verdict", str(path), "--list-unmatched", str(there)])
        assert left.value.code == 2
        assert said in capsys.readouterr().err
    assert listing.read_bytes() == before
    assert not (tmp_path / "no").exists()
    with pytest.raises(SystemExit):
        cli.main(["verdict", str(path), str(path)])
    assert "each file once" in capsys.readouterr().err
    verdict = decide(path, "--common", "--margin", "1")
    assert verdict["samples"] == 1491
    assert "9 of 1500 samples were left out" in verdict["caveats"][0]
    verdict = decide(path, "--missing", "allow", "--margin", "1")
    assert verdict["samples"] == 1500
    assert "9 of 1500 samples lack a score in some run (resnet101 seed 2 at 64 px lacks 9" in verdict["caveats"][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--missing", "drop"), "--missing: expected refuse or allow; got drop"),
        (("--missing", "allow", "--common"), "--common: expected one way to deal with what some run lacks"),
        (("--missing", "allow", "--metric", "macro_f1"), "--missing allow: expected accuracy or scores"),
    ],
)
def test_ways_to_deal_with_missing_scores_that_do_not_fit_are_refused(study, tmp_path, capsys, options, said):
    path = wide(tmp_path, study)
    with pytest.raises(SystemExit) as left:
        cli.main(["verdict", str(path), *options])
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_seeds_are_paired_or_independent_as_wished_and_a_change_is_named(study, decide):
    pairs = decide(study, "--paired-seeds")
    assert pairs["paired_seeds"]
    assert looked(pairs) == [
        "The seeds were taken as paired after the results were known; independent seeds had been declared before."
    ]
    assert pairs["degrees_of_freedom"] < decide(study)["degrees_of_freedom"]
    assert looked(decide(study, "--independent-seeds")) == []


def test_seeds_that_a_study_declared_as_paired_stay_so(study, decide):
    tables = _tables.read(study, _redecide.Wish())
    own = tables.decide(margin=2.0, small=SMALL, big=BIG, scale=None, caveats=[OWN], paired_seeds=True)
    records.write_json(study / "verdict.json", own)
    again = decide(study, "--margin", "1")
    assert again["paired_seeds"]
    assert again["interval"] == list(own.interval)
    assert decide(study)["caveats"] == own.caveats
    assert "independent after the results were known" in looked(decide(study, "--independent-seeds"))[0]


def test_predictions_are_decided_with_paired_seeds_where_that_is_declared(study, tmp_path, decide):
    verdict = decide(wide(tmp_path, study), "--paired-seeds", "--margin", "2")
    assert verdict["paired_seeds"]
    assert verdict["method"].startswith("paired-seed")


@pytest.fixture
def made_up_metric(monkeypatch):
    """A metric in the place of the real ones: every score twice, so that it can be told apart."""
    module = types.ModuleType("deepenough.comparison.metrics")

    def with_metric(scores, name, *, positive=None, where="scores"):
        if name != "macro_f1":
            raise InputError("metric", "one of macro_f1", name)
        assert {"target", "prediction", "confidence"} <= set(scores.columns)
        return scores.with_columns(pl.col("score") * 0.5)

    module.as_recorded = metrics.as_recorded
    module.METRICS, module.with_metric = ("accuracy", "macro_f1"), with_metric
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_verdict_names_the_metric_that_was_chosen_after_looking(study, decide, made_up_metric):
    before = decide(study)
    after = decide(study, "--metric", "macro_f1")
    assert (after["metric"], after["unit"]) == ("macro_f1", "points")
    assert after["difference"] == pytest.approx(before["difference"] / 2, abs=1e-9)
    assert looked(after) == [
        "The metric was set to macro_f1 after the results were known; accuracy had been declared before."
    ]
    again = decide(study)
    assert (again["metric"], looked(again)) == ("accuracy", [])
    assert again["difference"] == pytest.approx(before["difference"], abs=1e-9)


def test_verdict_takes_a_metric_for_predictions_too(study, tmp_path, decide, made_up_metric, capsys):
    path = wide(tmp_path, study)
    verdict = decide(path, "--metric", "macro_f1", "--margin", "1")
    assert (verdict["metric"], looked(verdict)) == ("macro_f1", [])
    with pytest.raises(SystemExit) as left:
        cli.main(["verdict", str(study), "--metric", "rmse"])
    assert left.value.code == 2
    assert "expected one of macro_f1; got rmse" in capsys.readouterr().err


def test_verdict_names_the_option_of_a_margin_that_is_none(study, capsys):
    before = (study / "verdict.json").read_bytes()
    with pytest.raises(SystemExit) as left:
        cli.main(["verdict", str(study), "--margin", "-1"])
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("error: --margin: expected a number above 0; got -1; declare the gain")
    assert (study / "verdict.json").read_bytes() == before


def test_verdict_takes_groups_from_any_column(study, tmp_path, decide):
    table = pl.read_csv(wide(tmp_path, study)).with_columns(patient=pl.int_range(pl.len()) // 30)
    table.write_csv(tmp_path / "grouped.csv")
    verdict = decide(tmp_path / "grouped.csv", "--group-column", "patient", "--margin", "2")
    assert any("50 groups" in caveat for caveat in verdict["caveats"])
    samples = {name: [None] * 1500 for name in records.SAMPLES} | {
        "sample_id": [f"t{i}" for i in range(1500)],
        "path": [f"p{i // 30}" for i in range(1500)],
    }
    records.write_table(study / "samples.parquet", pl.DataFrame(samples), records.SAMPLES)
    again = decide(study, "--group-column", "path")
    assert again["standard_error"] == pytest.approx(verdict["standard_error"], abs=1e-9)
    assert looked(again) == ["The groups were taken from the column path after the results were known."]


def test_verdict_speaks_of_scores_in_their_own_unit(tmp_path, decide, capsys):
    rng = np.random.default_rng(1)
    table = pl.DataFrame({"sample_id": range(40), **{f"{c}_s{s}": rng.normal(30, 1, 40) for c in "ab" for s in "012"}})
    table.write_csv(tmp_path / "psnr.csv")
    verdict = decide(tmp_path / "psnr.csv", "--values", "scores", "--margin", "0.2")
    means = [np.mean([table[f"{c}_s{s}"].mean() for s in "012"]) for c in "ab"]
    assert (verdict["metric"], verdict["unit"]) == ("score", "units")
    assert verdict["difference"] == pytest.approx(means[1] - means[0], abs=1e-9)
    with pytest.raises(SystemExit) as left:
        cli.main(["verdict", str(tmp_path / "psnr.csv"), "--values", "scores"])
    assert left.value.code == 2
    assert "--margin: expected the gain too small to pay for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "predictions: expected at least one file; got none"),
        (("STUDY", "--targets", "x.csv", "--common"), "--targets, --common: expected files of predictions"),
        (("STUDY", "--missing", "allow"), "--missing: expected files of predictions"),
        (("STUDY", "STUDY"), "got a folder"),
        (("STUDY", "--group-column", "age"), "--group-column: expected"),
        (("--run", "resnet50:0"), "--run: expected CONTENDER[@SCALE][:SEED]=FILE"),
        (("--run", "a=x.csv", "--run", "b=x.csv"), "one name for each file"),
        (("x.csv", "--form", "broad"), "--form: expected one of long, wide"),
    ],
)
def test_verdict_refuses_options_that_do_not_fit(study, capsys, arguments, said):
    with pytest.raises(SystemExit) as left:
        cli.main(["verdict", *(str(study) if word == "STUDY" else word for word in arguments)])
    err = capsys.readouterr().err
    assert left.value.code == 2
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "said"), [("empty", "expected a study's folder, with scores.parquet in it"), ("none.csv", "none.csv")]
)
def test_verdict_takes_one_line_and_exit_code_2_when_there_is_nothing_to_decide(tmp_path, capsys, name, said):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as left:
        cli.main(["verdict", str(tmp_path / name)])
    err = capsys.readouterr().err
    assert left.value.code == 2
    assert said in err
    assert err.count("\n") == 1


def test_verdict_imports_neither_torch_nor_matplotlib(study):
    script = (
        "import sys\nfrom deepenough.cli import main\n"
        "try:\n    main(['verdict', sys.argv[1], '--margin', '0.5'])\n"
        "except SystemExit as left:\n    assert not left.code, left.code\n"
        "assert not {'torch', 'timm', 'matplotlib', 'scipy.stats'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(study)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_extra_runs_stay_in_the_account_when_a_study_is_decided_anew(study, decide):
    scores = records.read_table(study / "scores.parquet", records.SCORES)
    extra = scores.filter((pl.col("seed") == 1) & (pl.col("scale") == 64))
    extra = extra.with_columns(seed=pl.lit(0), source=pl.lit("order"), run=pl.lit(1))
    records.write_table(study / "noise.parquet", extra, records.NOISE)
    said = decide(study, "--margin", "1")
    assert [(entry["source"], entry["contender"]) for entry in said["noise"]["sources"]] == [
        ("order", SMALL),
        ("order", BIG),
    ]
    assert records.read_json(study / "verdict.json")["noise"] == said["noise"]


def extra_runs(study, seed, **changes):
    """Write noise.parquet: one more training of both beside seed 0, with the answers of `seed` at 64 px."""
    scores = records.read_table(study / "scores.parquet", records.SCORES)
    extra = scores.filter((pl.col("seed") == seed) & (pl.col("scale") == 64))
    extra = extra.with_columns(seed=pl.lit(0), source=pl.lit("order"), run=pl.lit(1)).with_columns(**changes)
    records.write_table(study / "noise.parquet", extra, records.NOISE)


def with_real_classes(study):
    """Half the targets are dogs, so that a metric of classes has some to work with."""
    scores = records.read_table(study / "scores.parquet", records.SCORES)
    dog = pl.col("sample_id").str.slice(1).cast(pl.Int64) % 2 == 1
    right, other = pl.when(dog).then(pl.lit("dog")), pl.when(dog).then(pl.lit("cat"))
    scores = scores.with_columns(target=right.otherwise(pl.lit("cat"))).with_columns(
        prediction=pl.when(pl.col("score") == 1).then(pl.col("target")).otherwise(other.otherwise(pl.lit("dog")))
    )
    records.write_table(study / "scores.parquet", scores, records.SCORES)
    (study / "validation.parquet").unlink()


def test_extra_runs_are_under_the_metric_too(study, decide):
    with_real_classes(study)
    extra_runs(study, 0)
    sources = decide(study, "--scale", "64", "--metric", "macro_f1")["noise"]["sources"]
    assert [(entry["sd"], entry["own_sd"], entry["identical"]) for entry in sources] == [(0.0, 0.0, True)] * 2
    extra_runs(study, 1)
    noise = records.read_table(study / "noise.parquet", records.NOISE)
    more = noise.with_columns(run=pl.lit(2, pl.Int64), prediction="target", score=pl.lit(1.0))
    records.write_table(study / "noise.parquet", pl.concat([noise, more]), records.NOISE)
    scores = records.read_table(study / "scores.parquet", records.SCORES)
    runs = [scores.filter(pl.col("seed") == seed) for seed in (0, 1)]
    means = [metrics.with_metric(r.filter(contender=SMALL, scale=64), "macro_f1")["score"].mean() for r in runs]
    entry = decide(study, "--scale", "64", "--metric", "macro_f1")["noise"]["sources"][0]
    assert (entry["contender"], entry["runs"]) == (SMALL, 3)
    assert entry["sd"] == pytest.approx(100 * np.std([*means, 1.0], ddof=1))


def test_extra_runs_without_the_metric_are_left_out_with_a_caveat(study, decide):
    with_real_classes(study)
    extra_runs(study, 1, prediction=pl.lit(None, dtype=pl.String))
    verdict = decide(study, "--scale", "64", "--metric", "macro_f1")
    assert verdict["noise"]["sources"] == []
    assert any("left out of the account of the noise" in caveat for caveat in verdict["caveats"])
    assert not any("left out of the account" in caveat for caveat in decide(study)["caveats"])


def test_runs_are_as_identical_as_before_when_decided_anew(study, decide):
    extra_runs(study, 0)
    assert [entry["identical"] for entry in decide(study)["noise"]["sources"]] == [True, True]
    extra_runs(study, 0, confidence=pl.lit(0.90001))
    assert [entry["identical"] for entry in decide(study)["noise"]["sources"]] == [False, False]
    extra_runs(study, 0, prediction=pl.lit("owl"))
    assert [entry["identical"] for entry in decide(study)["noise"]["sources"]] == [False, False]


def with_samples(study):
    """Write samples.parquet, in 60 groups, and 50 cameras in a column of their own."""
    samples = pl.DataFrame({name: [None] * 1500 for name in records.SAMPLES}).with_columns(
        sample_id=pl.Series([f"t{i}" for i in range(1500)]),
        target=pl.lit("cat"),
        group=pl.Series([f"g{i // 25}" for i in range(1500)]),
        cam=pl.Series([f"c{i // 30}" for i in range(1500)]),
    )
    records.write_table(study / "samples.parquet", samples, records.SAMPLES)


@pytest.fixture
def grouped(study):
    """A study with 60 groups and a column with 50 others, decided by the study's own groups and never anew."""
    with_samples(study)
    verdict = _tables.read(study, _redecide.Wish()).decide(margin=2.0, small=SMALL, big=BIG, scale=None, caveats=[OWN])
    assert any("60 groups" in caveat for caveat in verdict.caveats)
    records.write_json(study / "verdict.json", verdict)
    return study


def test_other_groups_leave_nothing_of_the_studys_own_behind(grouped, decide):
    caveats = decide(grouped, "--group-column", "cam")["caveats"]
    assert any("50 groups" in caveat for caveat in caveats)
    assert not any("60 groups" in caveat for caveat in caveats)
    assert records.read_json(grouped / "verdict.json")["declared"]["caveats"] == [OWN]
    assert any("60 groups" in caveat for caveat in decide(grouped)["caveats"])


def test_groups_of_the_first_verdict_are_declared(grouped, decide):
    (grouped / "verdict.json").unlink()
    first = decide(grouped, "--group-column", "cam", "--margin", "2")
    again = decide(grouped)
    assert again["standard_error"] == first["standard_error"]
    assert looked(again) == looked(first) == looked(decide(grouped, "--group-column", "cam")) == []
    assert looked(decide(grouped, "--group-column", "group")) == [
        "The groups were taken from the column group after the results were known."
    ]


def test_the_class_of_the_first_verdict_is_declared(study, decide):
    with_real_classes(study)
    (study / "verdict.json").unlink()
    metric = ("--metric", "average_precision", "--positive", "dog", "--scale", "64")
    first = decide(study, *metric, "--margin", "2")
    again = decide(study)
    assert (again["metric"], looked(again)) == ("average_precision", [])
    assert again["difference"] == pytest.approx(first["difference"])
    assert looked(decide(study, "--positive", "cat")) == [
        "The class that is looked for was set to cat after the results were known; dog had been declared before."
    ]


def test_what_a_later_version_declares_is_passed_over(study, decide, capsys):
    before = decide(study)
    plain = records.read_json(study / "verdict.json")
    records.write_json(study / "verdict.json", {**plain, "declared": {**plain["declared"], "mood": "good"}})
    assert decide(study)["difference"] == before["difference"]
    for entry in ({"margin": 1.0}, ["margin"]):
        records.write_json(study / "verdict.json", {**plain, "declared": entry})
        with pytest.raises(SystemExit) as left:
            cli.main(["verdict", str(study)])
        said = capsys.readouterr().err
        assert (left.value.code, said.count("\n")) == (2, 1)
        assert "verdict.json, declared: expected" in said


@pytest.mark.parametrize("name", ["samples.parquet", "slices.parquet", "noise.parquet", "scores.parquet"])
@pytest.mark.parametrize("content", [b"", b"PAR1 torn", b"x" * 5000])
def test_a_torn_table_takes_one_line_and_exit_code_2(study, capsys, name, content):
    (study / name).write_bytes(content)
    before = (study / "verdict.json").read_bytes()
    with pytest.raises(SystemExit) as left:
        cli.main(["verdict", str(study), "--margin", "1"])
    said = capsys.readouterr().err
    assert (left.value.code, said.count("\n")) == (2, 1)
    assert name in said
    assert (study / "verdict.json").read_bytes() == before


@pytest.mark.parametrize("metric", [(), ("--metric", "macro_f1")])
def test_a_class_that_is_looked_for_is_refused_where_the_metric_looks_for_none(study, tmp_path, capsys, metric):
    for source in (study, wide(tmp_path, study)):
        with pytest.raises(SystemExit) as left:
            cli.main(["verdict", str(source), "--positive", "cat", *metric])
        assert left.value.code == 2
        assert "--positive: expected a metric that looks for one class: auroc or average_p" in capsys.readouterr().err


def test_a_tiny_margin_of_a_metric_from_0_to_1_names_its_unit(study, decide):
    with_real_classes(study)
    said = "The margin is in points, of which auroc has 100 where it is 1: 0.02 is a gain of 0.0002."
    assert any(said in caveat for caveat in decide(study, "--metric", "auroc", "--margin", "0.02")["caveats"])
    assert not any("of which" in caveat for caveat in decide(study, "--metric", "auroc", "--margin", "2")["caveats"])
    assert not any("of which" in caveat for caveat in decide(study, "--margin", "0.02")["caveats"])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--margin", "1"), "another margin the"),
        (("--metric", "macro_f1"), "another metric the"),
        (("--small", BIG, "--big", SMALL), "another pair the"),
        (("--scale", "32", "--margin", "1"), "another margin or scale the"),
    ],
)
def test_what_is_changed_after_looks_might_have_changed_when_to_stop(study, decide, made_up_metric, options, named):
    plain = records.read_json(study / "verdict.json")
    records.write_json(study / "verdict.json", {**plain, "looks": [{"seeds": 3, "level": 0.97}], "level": 0.97})
    assert not any("when to stop" in caveat.lower() for caveat in decide(study)["caveats"])
    [said] = [caveat for caveat in decide(study, *options)["caveats"] if "When to stop" in caveat]
    assert named in said
    assert "97 %" in said
