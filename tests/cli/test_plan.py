"""How many images and seeds it takes: from assumptions, from a pilot, and what bad input gets."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import polars as pl
import pytest

from deepenough import cli, records
from deepenough.comparison.planning import assume
from deepenough.stats import nested, smallest_margin
from deepenough.stats.simulation import Experiment, Family, draw


@pytest.fixture
def run(invoke):
    """Run `deepenough plan` in an empty folder: exit code, standard output, standard error."""
    return lambda *arguments: invoke("plan", *arguments)


@pytest.fixture
def planned(run):
    """The same with --json, parsed."""

    def call(*arguments):
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return call


def simulated(seeds=3, samples=800):
    """Predictions of two networks: the scores of each run, and the frame they make."""
    [(a, b)] = next(
        draw(
            [Experiment(seeds=(seeds, seeds), samples=samples, seed_sds=(0.01, 0.02))],
            1,
            np.random.default_rng(5),
            Family(),
        )
    )
    rows = [
        (f"s{i}", "cat", name, seed, "cat" if scores[0, seed, i] else "dog")
        for name, scores in (("resnet101", a), ("resnet50", b))
        for seed in range(seeds)
        for i in range(samples)
    ]
    columns = ["sample_id", "target", "contender", "seed", "prediction"]
    return (a[0], b[0]), pl.DataFrame(rows, schema=columns, orient="row")


def real_valued(samples=60):
    """Scores around 0.8 of three runs of each network; the bigger one gains 0.012."""
    rng = np.random.default_rng(7)
    ids = [f"s{i}" for i in range(samples)]
    own = rng.normal(0.8, 0.1, samples)
    return pl.concat(
        pl.DataFrame(
            {"sample_id": ids, "contender": name, "seed": seed, "score": own + rng.normal(gain, 0.01, samples)}
        )
        for name, gain in (("resnet50", 0.0), ("resnet101", 0.012))
        for seed in range(3)
    )


def test_digits_without_a_probe_say_what_their_test_images_can_decide(run, tmp_path):
    code, out, _ = run("digits", "--no-probe", "--margin", "2")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    said = " ".join(out.split())
    assert "1259 train, 269 val, 269 test" in said
    assert (
        "With 269 test images and 3 seeds of each network the smallest margin that is sure to be decided is 4." in said
    )
    assert "A margin of 2 points is out of reach of these images" in said
    root = ET.parse(tmp_path / "runs" / "digits-plan.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {"3 seeds", "20 seeds", "your margin", "your images"} <= {text.strip() for text in root.itertext()}


def test_numbers_are_those_of_the_components_that_are_assumed(planned):
    found = planned("--images", "1000", "--accuracy", "80", "--disagreement", "12.6", "--seed-sd", "0.3")
    assert found["assumed"] == {"accuracy": 80, "same": 9, "across": 12.6}
    [scenario] = found["scenarios"]
    parts = Family(accuracy=0.8, same=0.09, across=0.126).components((0.003, 0.003))
    for k in (3, 5, 10, 20):
        assert scenario["margins"][str(k)] == pytest.approx(100 * float(smallest_margin(parts, k, 1000.0)))
    at = found["grid"].index(1000)
    assert scenario["curves"]["3"][at] == pytest.approx(scenario["margins"]["3"])


def test_default_assumptions_are_those_of_the_simulated_family():
    assumed, family = assume(), Family()
    assert (assumed.accuracy, assumed.same, assumed.across) == pytest.approx(
        (100 * family.accuracy, 100 * family.same, 100 * family.across)
    )


def test_a_design_that_is_sure_is_within_reach_when_its_images_are_there(planned, run):
    first = planned("--images", "100", "--margin", "1", "--seed-sd", "0.1")
    design = first["scenarios"][0]["needed"]["guaranteed"][0]
    again = planned("--images", int(design["samples"]), "--margin", "1", "--seed-sd", "0.1")
    assert again["scenarios"][0]["margins"][str(int(design["seeds"]))] <= 1
    _, out, _ = run("--images", int(design["samples"]), "--margin", "1", "--seed-sd", "0.1")
    assert "A margin of 1 point is within their reach with 3 seeds." in out


def test_pilot_gives_its_own_components_and_their_upper_bound(planned, tmp_path):
    (a, b), frame = simulated()
    frame.write_csv(tmp_path / "pilot.csv")
    found = planned("--pilot", "pilot.csv", "--margin", "3")
    estimate = nested(a, b).scaled(100)
    measured, upper = found["scenarios"]
    assert found["images"] == 800
    assert measured["components"]["sample_variance"] == pytest.approx(estimate.components.sample_variance)
    assert measured["components"]["seed_variances"] == pytest.approx(list(estimate.components.seed_variances))
    assert all(u >= m for u, m in zip(upper["seed_sd"], measured["seed_sd"], strict=True))
    assert found["pilot"]["labels_share"] == pytest.approx(((a != a[0]).any(0) | (b != a[0]).any(0)).mean())


def test_pilot_speaks_in_lines_of_80_columns_and_of_labels(run, tmp_path):
    _, frame = simulated()
    frame.write_parquet(tmp_path / "pilot.parquet")
    code, out, _ = run("--pilot", "pilot.parquet", "--images", "5000", "--seed-cost", "600", "--image-cost", "5")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    said = " ".join(out.split())
    assert "Measured in the pilot pilot.parquet: 3 seeds of ResNet-50 and ResNet-101 on 800 test images" in said
    assert "of new images would need a label" in said
    assert "Cheapest of the sure designs, at these prices: seed SD as measured: " in said


def test_pilot_that_is_a_study_folder_takes_its_pair_scale_and_training_time(planned, tmp_path):
    (a, b), frame = simulated()
    scores = frame.with_columns(
        score=(pl.col("prediction") == "cat").cast(pl.Float64), scale=pl.lit(64), confidence=pl.lit(0.9)
    )
    records.write_table(tmp_path / "study" / "scores.parquet", scores, records.SCORES)
    records.write_json(tmp_path / "study" / "plan.json", {"seeds": 3, "took": {"training_s": 90.0}})
    found = planned("--pilot", "study", "--margin", "3", "--image-cost", "1")
    assert found["pilot"]["seed_s"] == 30
    assert found["price"] == {"seed": 30, "image": 1, "test": 0, "at_hand": 800}
    assert found["pilot"]["scale"] == 64
    assert found["pilot"]["mean"] == pytest.approx(50 * (a.mean() + b.mean()))


def test_scores_that_are_not_0_and_1_have_one_unit_in_plan_and_verdict(run, planned, capsys, tmp_path):
    frame = real_valued()
    frame.write_csv(tmp_path / "real.csv")
    with pytest.raises(SystemExit):
        cli.main(["verdict", "real.csv", "--margin", "0.1", "--json"])
    decided = json.loads(capsys.readouterr().out)
    pilot = planned("--pilot", "real.csv", "--margin", "0.1")["pilot"]
    assert (pilot["measure"]["metric"], pilot["measure"]["unit"]) == (decided["metric"], decided["unit"])
    assert pilot["mean"] == pytest.approx(frame["score"].mean())
    assert pilot["estimate"]["difference"] == pytest.approx(decided["difference"])
    code, out, _ = run("--pilot", "real.csv", "--margin", "0.1")
    said = " ".join(out.split())
    assert code == 0
    assert f"a mean score of {frame['score'].mean():.4g} units" in said
    assert "A margin of 0.1 units is within their reach with 3 seeds." in said
    assert "points" not in said
    assert "accuracy" not in said


@pytest.mark.parametrize("form", ["wide", "probabilities", "single"])
def test_a_pilot_may_have_the_forms_that_a_verdict_reads(planned, tmp_path, form):
    _, frame = simulated(samples=60)
    frame.write_csv(tmp_path / "long.csv")
    files = ["other.csv"]
    if form == "wide":
        frame.with_columns(run=pl.format("{}_s{}", "contender", "seed")).pivot(
            "run", index=["sample_id", "target"], values="prediction"
        ).write_csv(tmp_path / "other.csv")
    elif form == "probabilities":
        cat = pl.when(pl.col("prediction") == "cat").then(0.75).otherwise(0.25)
        frame.with_columns(prob_cat=cat, prob_dog=1 - cat).drop("prediction").write_csv(tmp_path / "other.csv")
    else:
        parts = frame.partition_by("contender", "seed", as_dict=True)
        files = [f"{contender}_s{seed}.csv" for contender, seed in parts]
        for name, part in zip(files, parts.values(), strict=True):
            part.drop("contender", "seed").write_csv(tmp_path / name)
    ours = planned(*(word for name in files for word in ("--pilot", name)), "--margin", "3")
    theirs = planned("--pilot", "long.csv", "--margin", "3")
    assert ours["scenarios"] == theirs["scenarios"]


def test_options_say_how_to_read_a_pilot(planned, tmp_path):
    frame = real_valued()
    frame.write_csv(tmp_path / "long.csv")
    runs = frame.with_columns(run=pl.format("{}_s{}", "contender", "seed"))
    runs.pivot("run", index="sample_id", values="score").write_csv(tmp_path / "wide.csv")
    ours = planned("--pilot", "wide.csv", "--values", "scores", "--margin", "0.1")
    theirs = planned("--pilot", "long.csv", "--margin", "0.1")
    assert ours["scenarios"] == theirs["scenarios"]
    _, frame = simulated(samples=60)
    frame.write_csv(tmp_path / "long.csv")
    frame.select("sample_id", "target").unique().write_csv(tmp_path / "targets.csv")
    arguments = ["--targets", "targets.csv"]
    for (contender, seed), part in frame.partition_by("contender", "seed", as_dict=True).items():
        part.select("sample_id", "prediction").write_csv(tmp_path / f"{seed}-{contender}.csv")
        arguments += ["--run", f"{contender}:{seed}={seed}-{contender}.csv"]
    ours, theirs = planned(*arguments, "--margin", "3"), planned("--pilot", "long.csv", "--margin", "3")
    assert ours["scenarios"] == theirs["scenarios"]
    assert (tmp_path / ours["picture"]).is_file()


def test_the_largest_number_of_images_is_planned(planned):
    assert planned("--images", 10**9, "--seed-sd", "0.1")["images"] == 10**9


def test_groups_of_a_pilot_count_instead_of_its_images(planned, tmp_path):
    _, frame = simulated()
    frame.write_csv(tmp_path / "plain.csv")
    plain = planned("--pilot", "plain.csv", "--margin", "3")
    doubled = pl.concat([frame, frame.with_columns(sample_id=pl.col("sample_id") + "b")])
    doubled.with_columns(group=pl.col("sample_id").str.strip_chars_end("b")).write_csv(tmp_path / "twice.csv")
    twice = planned("--pilot", "twice.csv", "--margin", "3")
    assert twice["images"] == 1600
    assert twice["scenarios"][0]["margins"] == pytest.approx(plain["scenarios"][0]["margins"])
    one, two = (found["scenarios"][0]["needed"]["guaranteed"][0]["samples"] for found in (plain, twice))
    assert two == pytest.approx(2 * one, abs=1)


@pytest.mark.slow
def test_manifest_is_audited_and_timed_by_a_probe(run, planned, folder_of, tmp_path, tiny_networks, monkeypatch):
    from deepenough.studies import outlook

    foresee, seen = outlook.foresee, []  # probes once, for both forms of the answer
    monkeypatch.setattr(outlook, "foresee", lambda *given: seen[0] if seen else seen.append(foresee(*given)) or seen[0])
    root = folder_of({"cat": 24, "dog": 24})
    rows = [(str(path.relative_to(tmp_path)), path.parent.name) for path in sorted(root.rglob("*.png"))]
    pl.DataFrame(rows, schema=["path", "target"], orient="row").write_csv(tmp_path / "manifest.csv")
    found = planned("manifest.csv", "--margin", "5", "--image-cost", "10")
    assert found["images"] == found["audit"]["splits"]["test"] == 8
    forecasts = found["time"]["forecasts"]
    assert forecasts["20"]["training_s"] == pytest.approx(4 * forecasts["5"]["training_s"])
    assert found["price"]["seed"] == pytest.approx(found["time"]["seed_s"])
    code, out, _ = run("manifest.csv", "--margin", "5")
    assert code == 0
    assert "Time and memory here, as forecast" in out
    assert max(map(len, out.splitlines())) <= 80


def test_plan_says_what_decoded_images_take_on_disk(run, planned, folder_of, tiny_networks, monkeypatch, tmp_path):
    from deepenough.data import build_test_pixels, open_source, prepare
    from deepenough.data.kept import build_train_pixels
    from deepenough.data.preprocess import Preprocessing
    from deepenough.studies import planning
    from deepenough.studies.plan import Probe
    from deepenough.studies.resolve import default_scales

    here = Probe(side=32, train_s={"resnet50": 1e-3}, test_s={"resnet50": 1e-4}, peak_bytes=2**30)
    monkeypatch.setattr(planning, "probe", lambda *_args, **_options: here)
    root = folder_of({"cat": 24, "dog": 24})
    found = planned(root, "--margin", "5")["time"]
    prepared, cache = prepare(open_source(str(root))), tmp_path / "cache"
    side = found["train_scale"]
    for split in ("val", "test"):
        build_test_pixels(prepared, split, cache, scales=default_scales(side), preprocessing=Preprocessing())
    build_train_pixels(prepared, cache, short_side=round(side / 0.35**0.5))  # the smallest crop has 35 % of the area
    kept = sum(path.stat().st_size for path in cache.glob("*.pixels"))
    assert found["cache_bytes"] == pytest.approx(kept, rel=0.02)
    _, out, _ = run(root, "--margin", "5")
    assert f"Decoded images take about {round(found['cache_bytes'] / 2**10)} KiB on disk" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "expected a SOURCE, --images N or --pilot FOLDER"),
        (["digits", "--images", "10"], "leave either out"),
        (["--images", "100", "--margin", "0"], "margin: expected a number above 0"),
        (["--images", "100", "--margin", "-1"], "margin: expected a number above 0"),
        (["--images", "100", "--margin", "nan"], "margin: expected a number above 0"),
        (["--images", "1"], "--images: expected at least 2"),
        (["--images", "100", "--accuracy", "101"], "--accuracy: expected a number between 0 and 100"),
        (["--images", "100", "--accuracy", "0"], "--accuracy: expected a number between 0 and 100"),
        (["--images", "100", "--accuracy", "nan"], "--accuracy: expected a number between 0 and 100"),
        (["--images", "100", "--accuracy", "0.85"], "for 0.85 as a share write 85"),
        (["--images", "100", "--disagreement", "18.1"], "at most 18.0 %"),
        (["--images", "100", "--disagreement", "0"], "more than 0"),
        (["--images", "100", "--seed-sd", "-0.1"], "--seed-sd: expected a number from 0 to 30.0 points"),
        (["--images", "100", "--seed-sd", "nan"], "--seed-sd: expected a number from 0"),
        (["--images", "100", "--image-cost", "1"], "add --seed-cost"),
        (["--images", "100", "--seed-cost", "1"], "add --image-cost"),
        (["--images", "100", "--image-cost", "0", "--seed-cost", "1"], "--image-cost: expected a number above 0"),
        (["--images", "100", "--out", "plan.png"], "a file that ends in .svg"),
        (["--images", "100", "--out", "/proc/plan.svg"], "a file that can be written"),
        (["--images", "100", "--budget", "1h"], "--budget: expected a SOURCE whose training is timed"),
        (["digits", "--no-probe", "--contenders", "resnet50,resnet18"], "--contenders: expected a SOURCE"),
        (["--pilot", "nothing"], "no such file"),
        (["--pilot", "empty"], "no scores.parquet"),
        (["--pilot", "one_seed.csv"], "at least 2 seeds of each network; got 1 of resnet101"),
        (["--pilot", "one_seed.csv", "--accuracy", "80"], "no assumptions beside it; got --accuracy"),
        (["--pilot", "real.csv"], "--margin: expected the gain too small to pay for, in the unit of the scores"),
        (["--images", "100", "--targets", "t.csv"], "--targets: expected files of predictions, --pilot FILE; got none"),
        (["--pilot", "empty", "--form", "wide"], "--form: expected files of predictions; got a study's folder"),
        (["--images", "99999999999999999999"], "--images: expected at most 1,000,000,000 test images"),
        (
            ["--pilot", "real.csv", "--margin", "1", "--images", "1000000001"],
            "--images: expected at most 1,000,000,000",
        ),
        (["nowhere/"], "no such file or folder"),
    ],
)
def test_wrong_input_is_one_line(run, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    simulated(seeds=1)[1].write_csv(tmp_path / "one_seed.csv")
    real_valued().write_csv(tmp_path / "real.csv")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err
    assert not (tmp_path / "runs").exists()


def test_planning_without_a_probe_imports_no_torch(tmp_path):
    simulated()[1].write_csv(tmp_path / "pilot.csv")
    script = (
        "import sys\nfrom deepenough.cli import main\n"
        "for words in (['--images', '300'], ['digits', '--no-probe'], ['--pilot', 'pilot.csv']):\n"
        "    try:\n        main(['plan', *words])\n"
        "    except SystemExit as left:\n        assert not left.code, left.code\n"
        "assert not {'torch', 'timm'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
