"""Tiny stand-ins for what README and docs name, so that every command they show is run on something.

A new command needs nothing here where it names what others name. Where it names something new, the test says so, and a
function goes in below, under the name that the page writes. What no sandbox can hold is listed in test_running.py.

**Small budgets.** Commands are run as they stand, word for word. What they leave open is small: `LEFT_OPEN`, filled in
where a study is asked for (`small_requests`), over sides and seeds of a study file too; a search has `MOST_TRIALS`; and
networks have few channels (`shrink`).
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import runpy
import shlex
import shutil
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from PIL import Image

from deepenough import cli
from deepenough.tasks.registry import TASKS, answers_kind

MENDING = [task for task in TASKS if answers_kind(task).mends]
ROOT = Path(__file__).resolve().parents[2]
LEFT_OPEN = {"epochs": 1, "train_scale": 32, "scales": [32], "seeds": 2, "batch": 32}
LEFT_OPEN |= {"workers": 0, "threads": 1, "precision": "fp32"}
SMALL_TASKS = {"detection": {"channels": 16}} | {task: {"views": 2} for task in MENDING}
UNLESS = {"seeds": {"looks"}}  # entries beside which one is not open
IN_FILE = {"epochs", "batch"}  # the others are small whatever a study file says, which may ask for days
MOST_TRIALS = 3
NO_PART = {"seeds", "epochs", "batch"}  # in a linear probe
PATH = re.compile(r"/|\.(?:csv|parquet|json|ya?ml|jpe?g|png|onnx|pth|h5|safetensors|html|xml)$")
GIVES = {"--out", "--list-unmatched"}  # options whose value is made by the command
STAND_INS = {}


def stands_for(*names):
    """The function puts these names into the folder that it is given, and what they need beside them."""

    def keep(make):
        STAND_INS.update(dict.fromkeys(names, make))
        return make

    return keep


@contextmanager
def small_requests():
    """What a study leaves open is small, on the command line and in Python alike."""
    from deepenough.studies import asking
    from deepenough.studies.study import load_study
    from deepenough.studies.tune import Asked

    ask = asking.request_of

    def small(source, settings, *, where):
        given = {name for name, value in settings.items() if value is not None}
        file = load_study(Path(source)) if asking.is_study_file(source) else None
        if file is not None:
            given |= file.model_fields_set & {*IN_FILE, "looks"}
        probe = (settings.get("recipe") or {}).get("train") == "head"
        shut = given | (NO_PART if probe else set())
        left_open = {name: value for name, value in LEFT_OPEN.items() if not shut & {name, *UNLESS.get(name, set())}}
        options = SMALL_TASKS.get(settings.get("task") or (file.task if file else ""))
        if options is not None:
            left_open["task_options"] = {
                **options,
                **(settings.get("task_options") or (file.task_options if file else {})),
            }
        return ask(source, {**settings, **left_open}, where=where)

    def few(**asked):
        return Asked(**{**asked, "trials": min(asked["trials"], MOST_TRIALS)})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "request_of", small)
        patch.setattr("deepenough.studies.tune.Asked", few)
        patch.setattr("deepenough.search.latency.BLOCK_S", 0.01)
        patch.setattr("deepenough.search.latency.WHOLE_S", 0.05)
        patch.setattr("deepenough.comparison.embedding.mapping.method_here", lambda: "pca")  # UMAP starts in 30 s
        patch.setattr("deepenough.api.comparing.request_of", small)
        yield


def called(words, stdin=""):
    """A command in this process and the current folder: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["deepenough", *words])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as left:
            cli.main(list(words))
    return left.value.code, out.getvalue(), err.getvalue()


def done(words):
    """Standard output of a command that must succeed."""
    code, out, err = called(words)
    assert code == 0, f"deepenough {shlex.join(words)}\n{out}\n{err}"
    return out


class Sandbox:
    """The stand-ins, each made once and then copied to where a command is run."""

    def __init__(self, stock):
        self.stock, self.made = stock, {}

    def put(self, name, into):
        """Copy a stand-in and what it needs into a folder."""
        make = STAND_INS[name]
        if make not in self.made:
            folder = self.stock / make.__name__
            folder.mkdir()
            before = Path.cwd()
            os.chdir(folder)
            try:
                make(self, folder)
            finally:
                os.chdir(before)
            self.made[make] = folder
        shutil.copytree(self.made[make], into, dirs_exist_ok=True)


def named(words):
    """The stand-ins that a command's words name, and those of its words that look like files and have none."""
    found, missing, before = [], [], ""
    for word in words:
        if before in GIVES:
            before = word
            continue
        value = word.rpartition("=")[2].removeprefix("keras:")
        fits = [name for name in STAND_INS if value.rstrip("/").split(":")[0] == name or value.startswith(f"{name}/")]
        if fits:
            found.append(max(fits, key=len))
        elif PATH.search(value):
            missing.append(word)
        before = word
    return list(dict.fromkeys(found)), missing


def same(words):
    """The words with every name in the place of which the same things stand in: who has this tried has tried all."""
    return tuple(_same(word) for word in words)


def _same(word):
    fits = [name for name in STAND_INS if word.rstrip("/") == name or word.startswith(f"{name}/")]
    name = max(fits, key=len, default="")
    return STAND_INS[name].__name__ + word[len(name) :].rstrip("/") if name else word


def picture(path, kind, number):
    """A colour a kind, under noise that hides it from some pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng((kind, number))
    pixels = rng.integers(0, 200, (24 + number % 4, 32, 3), dtype=np.uint8)
    pixels[..., kind % 3] += rng.integers(0, 50, dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def table(path, rows):
    """Dictionaries as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@stands_for("my_photos", "photos", "new_photos", "folder", "new", "archive", "photo.jpg", "gate_images")
@stands_for("my_images", "my_clean_pictures")
def photos(_box, folder):
    for number in range(30):
        picture(folder / "my_photos" / ("cat", "dog", "owl")[number % 3] / f"{number:02d}.png", number % 3, number)
    for name in ("photos", "my_images", "my_clean_pictures"):
        shutil.copytree(folder / "my_photos", folder / name)
    for number in range(100, 104):
        for name in ("new_photos", "folder", "new", "archive/2024", "gate_images"):
            picture(folder / name / f"{number}.jpg", number % 3, number)
    picture(folder / "photo.jpg", 0, 200)


@stands_for("saved", "beans")
def rows(_box, folder):
    """What Hugging Face's datasets writes: Arrow files, and a repository of the Hub."""
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    datasets.disable_progress_bars()
    photos(_box, folder)
    taken = datasets.Dataset.from_list([
        {"image": {"bytes": path.read_bytes(), "path": path.name}, "label": path.parent.name}
        for path in sorted((folder / "my_photos").rglob("*.png"))
    ], features=datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")}))  # fmt: skip
    taken.save_to_disk(folder / "saved")
    taken.to_parquet(folder / "beans" / "data" / "train-00000-of-00001.parquet")


@stands_for("faces", "my_faces")
def faces(_box, folder):
    for number in range(60):
        picture(folder / "faces" / f"person-{number // 3:02d}" / f"{number % 3}.png", number // 3, number)
    shutil.copytree(folder / "faces", folder / "my_faces")


@stands_for("manifest.csv")
def manifest(_box, folder):
    """Patients of two pictures, or drives of two frames; with all columns that a page gives its own manifest."""
    rows = []
    for number in range(60):
        name, group = ("sick", "well")[number // 2 % 2], number // 2
        picture(folder / "pictures" / f"{number:03d}.png", number // 2 % 2, number)
        split = ("train", "val", "test", "train", "test")[number // 4 % 5]
        known = {"path": f"pictures/{number:03d}.png", "target": name, "label": name, "split": split}
        where = {
            "site": ("north", "south")[group % 3 == 0],
            "weather": ("rain", "clear")[group % 2],
            "hour": group % 24,
        }
        rows.append({**known, "group": f"group-{group:02d}", **where})
    table(folder / "manifest.csv", rows)


@stands_for("findings.csv", "chest.csv")
def findings(_box, folder):
    rows = []
    for number in range(48):
        picture(folder / "films" / f"{number:03d}.png", number % 3, number)
        there = {"edge": number % 2, "blob": number % 4 < 2, "mass": number % 3 == 0}
        rows.append({"path": f"films/{number:03d}.png", "target": "|".join(name for name, has in there.items() if has)})
    table(folder / "findings.csv", rows)
    table(folder / "chest.csv", rows)


@stands_for("cells", "my_objects")
def objects(_box, folder):
    sources = runpy.run_path(str(ROOT / "tests" / "contracts" / "conftest.py"))["SOURCES"]
    sources["detection"](folder / "cells", 24)
    shutil.copytree(folder / "cells", folder / "my_objects")


@stands_for("my_study.yaml")
def study_file(box, folder):
    """The one that its page shows."""
    box.put("my_photos", folder)
    page = (ROOT / "docs" / "study-file.md").read_text("utf-8")
    (folder / "my_study.yaml").write_text(re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0])


@stands_for("studies")
def templates(box, folder):
    """The study files that come with the project, with what each names as its source."""
    files = (ROOT / "studies").glob("*.yaml")
    for source in sorted({yaml.safe_load(path.read_text("utf-8"))["source"] for path in files}):
        assert source in STAND_INS, f"a study file names {source}: add a stand-in for it to tests/docs/sandbox.py"
        box.put(source, folder)
    shutil.copytree(ROOT / "studies", folder / "studies")


@stands_for("studies/defects.yaml")
def template_of_defects(box, folder):
    box.put("studies", folder)
    path = folder / "manifest.csv"
    path.write_text(path.read_text().replace("sick", "bad"))


@stands_for("runs/my_photos", "runs/demo", "runs/clothing10", "report.html", "gpu")
def study(box, folder):
    """A finished study by every name that pages give theirs."""
    box.put("my_photos", folder)
    done(["compare", "my_photos", "--seeds", "3", "--margin", "1", "--scales", "32,64"])
    for name in ("runs/demo", "runs/clothing10"):
        shutil.copytree(folder / "runs" / "my_photos", folder / name)
    shutil.copy(folder / "runs" / "demo" / "report.html", folder)
    (folder / "gpu").mkdir()
    shutil.copy(folder / "runs" / "demo" / "costs.parquet", folder / "gpu")


@stands_for("runs/manifest", "runs/driving")
def study_of_manifest(box, folder):
    box.put("manifest.csv", folder)
    done(["compare", "manifest.csv"])
    shutil.copytree(folder / "runs" / "manifest", folder / "runs" / "driving")


@stands_for("runs/faces")
def study_of_faces(box, folder):
    box.put("faces", folder)
    done(["compare", "faces", "--task", "verification"])


@stands_for("runs/better")
def study_of_harm(box, folder):
    box.put("my_photos", folder)
    done(["compare", "my_photos", "--task", "denoise", "--task-option", "views=1", "--out", "runs/better"])


@stands_for("study")
def study_of_objects(box, folder):
    box.put("cells", folder)
    done(["compare", "cells", "--task", "detection", "--out", "study"])


@stands_for("model.onnx", "runs/my_photos/export")
def exported(box, folder):
    """Where the page's own export would have put it, too."""
    box.put("runs/my_photos", folder)
    box.put("gate_images", folder)
    path = json.loads(done(["export", "runs/my_photos", "--json", "--threads", "1"]))["path"]
    shutil.copy(path, folder / "model.onnx")
    named_there = folder / "runs" / "my_photos" / "export" / "resnet50-seed1-64px-onnx"
    named_there.mkdir(exist_ok=True)
    shutil.copy(path, named_there / "model.onnx")


@stands_for("predictions.csv", "a.csv", "b.csv", "old.csv", "new.csv", "gate")
@stands_for("r50_s0.csv", "r50_s1.csv", "r101_s0.csv", "r101_s1.csv")
def predictions(box, folder):
    """What both networks of the study said, in the forms that pages name."""
    aside = folder / "aside"
    box.put("runs/my_photos", aside)
    scores = pl.read_parquet(aside / "runs" / "my_photos" / "scores.parquet").filter(scale=32)
    shutil.rmtree(aside)
    scores = scores.sort("contender", "seed", "sample_id")
    rows = scores.select("sample_id", "target", "contender", "seed", "prediction").to_dicts()
    places = {name: place for place, name in enumerate(sorted({row["sample_id"] for row in rows}))}
    for row in rows:
        row["patient"] = row["drive"] = f"group-{places[row['sample_id']] // 2}"
    table(folder / "predictions.csv", rows)

    def write(path, contender, seed, columns):
        chosen = [row for row in rows if (row["contender"], row["seed"]) == (contender, seed)]
        table(folder / path, [{name: row[name] for name in columns} for row in chosen])

    known = ["sample_id", "target", "prediction"]
    for network, short in (("resnet50", "r50"), ("resnet101", "r101")):
        for seed in (0, 1):
            write(f"{short}_s{seed}.csv", network, seed, known)
    write("a.csv", "resnet50", 0, known)
    write("b.csv", "resnet101", 0, known)
    write("old.csv", "resnet50", 0, [*known, "drive"])
    write("new.csv", "resnet101", 0, [*known, "drive"])
    write("gate/old.csv", "resnet50", 0, ["sample_id", "prediction"])
    write("gate/targets.csv", "resnet50", 0, ["sample_id", "target"])


@stands_for("r50.pth", "r101.pth")
def weights(_box, folder):
    import torch

    from deepenough.networks.catalogue import build

    for name, network in (("r50", "resnet50"), ("r101", "resnet101")):
        torch.save(build(network, 3, seed=0).state_dict(), folder / f"{name}.pth")


@stands_for("r50.h5", "r101.h5")
def keras_weights(_box, folder):
    """In the form of Keras Applications' published files; that Keras's own are read, tests/networks says."""
    h5py = pytest.importorskip("h5py", reason="needs h5py: pip install h5py")
    from deepenough.networks.catalogue import build

    for name, network in (("r50", "resnet50-v1"), ("r101", "resnet101-v1")):
        layers = _keras_layers(build(network, 3, seed=0).state_dict())
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file.attrs["layer_names"] = list(layers)
            for layer, variables in layers.items():
                group = file.create_group(layer)
                group.attrs["weight_names"] = [f"{layer}/{variable}:0" for variable in variables]
                for variable, values in variables.items():
                    group[f"{layer}/{variable}:0"] = values


def _keras_layers(state):
    layers = {}
    for name, tensor in state.items():
        owner, _, kind = name.rpartition(".")
        if kind == "num_batches_tracked":
            continue
        values = tensor.numpy()
        if owner == "fc":
            layers.setdefault("predictions", {})[{"weight": "kernel"}.get(kind, kind)] = values.T
            continue
        part = re.fullmatch(r"(?:layer(\d)\.(\d+)\.)?(conv|bn|downsample\.)(\d)", owner)
        stage, block, what, place = part.groups()
        convolves = what == "conv" or (what == "downsample." and place == "0")
        number = "0" if what == "downsample." else place
        where = "conv1" if stage is None else f"conv{int(stage) + 1}_block{int(block) + 1}_{number}"
        layer = layers.setdefault(f"{where}_{'conv' if convolves else 'bn'}", {})
        if convolves:
            kernel = values.transpose(2, 3, 1, 0)
            layer["kernel"] = kernel[:, :, ::-1] if owner == "conv1" else kernel
        else:
            norm = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
            layer[norm[kind]] = values
    return layers
