from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import polars as pl
import pytest
from safetensors import safe_open

from deepenough import cli
from deepenough.errors import InputError
from deepenough.records import SCORES, read_table
from deepenough.serving import open_model

WITHOUT_TORCH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
from deepenough.cli import main
main(sys.argv[1:])
"""
#: All that deepenough declares but what docs/export.md says that asking an ONNX file takes.
BLOCKED = ("torch", "torchvision", "timm", "sklearn", "scipy", "matplotlib", "safetensors", "jinja2", "psutil", "yaml")
BLOCKED += ("onnx", "onnxscript", "huggingface_hub")


@pytest.fixture
def run(capsys):
    """A command, its exit code and its standard output."""

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        return left.value.code, capsys.readouterr().out

    return call


def exported(run, study, *options):
    code, out = run("export", study, "--json", "--threads", "1", *options)
    assert code == 0, out
    return json.loads(out)


def recorded(study, done):
    about = done["about"]
    scores = read_table(study / "scores.parquet", SCORES)
    own = scores.filter(
        pl.col("contender") == about["contender"], pl.col("seed") == about["seed"], pl.col("scale") == about["scale"]
    )
    return dict(own.select("sample_id", "prediction").iter_rows())


def test_torch_form_answers_from_raw_files_as_the_study_recorded(run, study, pictures):
    """The study computed in fp32, so that its own record is the truth."""
    done = exported(run, study, "--to", "torch")
    parity = done["held"]["parity"]
    assert parity["equal"] == parity["recorded"] == parity["images"] > 0
    code, out = run("predict", done["path"], pictures, "--json")
    answers = {line["sample_id"]: line["prediction"] for line in map(json.loads, out.splitlines())}
    known = recorded(study, done)
    assert code == 0
    assert len(set(known.values())) > 1  # a network that always says the same would prove nothing
    assert {sample: answers[sample] for sample in known} == known


def test_torch_form_is_safetensors_alone_and_says_what_it_is(run, study):
    done = exported(run, study, "--to", "torch", "--contender", "resnet101", "--seed", "1", "--scale", "48")
    with safe_open(done["path"], framework="np") as opened:
        about = json.loads(opened.metadata()["deepenough"])
    assert (about["contender"], about["seed"], about["scale"], about["sides"]) == ("resnet101", 1, 48, [48])
    assert about["classes"] == ["cat", "dog", "owl"]
    assert about["verdict"]["headline"]
    assert "/" not in about["verdict"]["headline"]


@pytest.mark.slow
def test_onnx_form_answers_without_torch_as_the_study_recorded(run, study, pictures, tmp_path):
    done = exported(run, study, "--to", "onnx")
    assert done["held"]["parity"]["equal"] == done["held"]["parity"]["images"]
    assert b"site-packages" not in Path(done["path"]).read_bytes()  # as the exporter's stack traces have it
    script = WITHOUT_TORCH.format(blocked=BLOCKED)
    command = [sys.executable, "-c", script, "predict", done["path"], str(pictures), "--json"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    answers = {line["sample_id"]: line["prediction"] for line in map(json.loads, asked.stdout.splitlines())}
    known = recorded(study, done)
    assert {sample: answers[sample] for sample in known} == known


def test_a_study_folder_answers_by_its_own_weights(run, study, pictures):
    code, out = run("predict", study, pictures, "--json", "--scale", "32", "--probabilities")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(lines) == 60
    assert all(abs(sum(line["probabilities"].values()) - 1) < 1e-4 for line in lines)


def test_predict_leaves_with_2_where_a_file_has_no_answer_and_answers_the_others(run, study, tmp_path, encode, photo):
    (tmp_path / "good.png").write_bytes(encode(photo(1)))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    code, out = run("predict", study, tmp_path / "bad.png", tmp_path / "good.png", "--csv")
    rows = [line.split(",") for line in out.splitlines()]
    assert code == 2
    assert rows[0] == ["sample_id", "path", "prediction", "confidence", "error"]
    assert rows[1][2:] == ["", "", "not_an_image"]
    assert rows[2][2] in ("cat", "dog", "owl")


def test_predict_prints_no_head_where_a_pattern_matches_nothing(run, study, tmp_path):
    assert run("predict", study, tmp_path / "nope" / "*.jpg") == (2, "")


def test_predict_prints_control_characters_as_escapes(run, study, tmp_path, encode, photo):
    (tmp_path / "a\x1b[31m.png").write_bytes(encode(photo(1)))
    code, out = run("predict", study, tmp_path / "a\x1b[31m.png")
    assert code == 0
    assert "\x1b" not in out
    assert "a\\x1b[31m.png" in out


def test_export_refuses_a_picture_that_changed_and_writes_nothing(run, study, pictures, tmp_path, encode, photo):
    moved = shutil.copytree(pictures, tmp_path / "moved")
    tested = read_table(study / "samples.parquet", {"path": pl.String, "split": pl.String}).filter(
        pl.col("split") == "test"
    )
    (moved / tested["path"][0]).write_bytes(encode(photo(5)))
    code, out = run("export", study, "--to", "torch", "--source", moved, "--json")
    assert code == 2
    assert "expected the picture that the study saw; got other bytes" in json.loads(out)["error"]["message"]
    assert not list(study.rglob("model.*"))


def test_export_finds_pictures_that_were_moved_by_source(run, study, pictures, tmp_path):
    shutil.copytree(pictures, tmp_path / "moved")
    done = exported(run, study, "--to", "torch", "--source", tmp_path / "moved", "--out", tmp_path / "m.safetensors")
    assert done["path"] == str(tmp_path / "m.safetensors")
    assert (tmp_path / "README.md").is_file()


def test_export_refuses_weights_that_are_not_those_that_were_tested(run, study):
    for path in study.glob("cells/*/weights.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    code, out = run("export", study, "--to", "torch", "--json")
    assert code == 2
    assert "the checksum differs" in json.loads(out)["error"]["message"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.onnx", b"\x80\x04junk", "a torn or foreign file"),
        ("a.safetensors", b"\x80\x04junk", "a torn or foreign file"),
        ("a.pt", b"", "a file ending in .onnx, .xml, .safetensors; got .pt"),
        ("nowhere.onnx", None, "no such file"),
    ],
)
def test_a_file_that_is_no_export_is_refused_in_one_line(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        open_model(tmp_path / name)
    assert said in str(refused.value)


def test_weights_of_a_study_that_are_no_export_are_refused(study):
    weights = next(study.glob("cells/*/weights.safetensors"))
    with pytest.raises(InputError, match="says nothing about itself"):
        open_model(weights)


def test_int8_is_refused_for_torch(run, study):
    code, out = run("export", study, "--to", "torch", "--int8", "--json")
    assert code == 2
    assert json.loads(out)["error"]["where"] == "--int8"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["onnx", "openvino"])
def test_int8_is_held_against_fp32_and_calibrated_off_the_test_split(run, study, form):
    done = exported(run, study, "--to", form, "--int8", "--margin", "40")
    assert done["about"]["numbers"] == "int8"
    found, parity = done["held"]["no_worse"], done["held"]["parity"]
    assert found["scope"] == "checkpoint"
    assert found["difference"] == pytest.approx(parity["value"] - parity["torch_value"])
    assert done["calibrated_on"] == read_table(study / "samples.parquet", {}).filter(pl.col("split") == "train").height
    assert {row["title"].rpartition(", ")[2] for row in done["latency"]} == {"fp32", "int8"}
    if form == "onnx":
        nodes = onnx.load(done["path"]).graph.node
        unpacked = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
        convolutions = [node for node in nodes if node.op_type == "Conv"]
        assert [node.input[0] in unpacked for node in convolutions] == [False] + [True] * (len(convolutions) - 1)


@pytest.mark.slow
def test_openvino_form_answers_as_the_study_recorded(run, study, pictures):
    done = exported(run, study, "--to", "openvino")
    code, out = run("predict", done["path"], pictures, "--json")
    answers = {line["sample_id"]: line["prediction"] for line in map(json.loads, out.splitlines())}
    known = recorded(study, done)
    assert code == 0
    assert {sample: answers[sample] for sample in known} == known
    assert np.isfinite(done["held"]["parity"]["largest"])
