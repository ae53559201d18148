from __future__ import annotations

import json

import pytest
from huggingface_hub import ModelCard

from deepenough import cli
from deepenough.records import read_json
from deepenough.serving.latency import Latency, unsteady


@pytest.fixture
def export_to(study, capsys):
    def run(out):
        with pytest.raises(SystemExit) as left:
            cli.main(["export", str(study), "--to", "torch", "--out", str(out), "--json", "--threads", "1"])
        assert left.value.code == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_card_is_read_by_hugging_face_with_the_accuracy_that_was_measured(export_to, tmp_path):
    done = export_to(tmp_path / "model.safetensors")
    card = ModelCard.load(done["card"], ignore_metadata_errors=False)
    (result,) = card.data.eval_results
    assert card.data.library_name == "deepenough"
    assert card.data.pipeline_tag == "image-classification"
    assert (result.task_type, result.metric_type, result.dataset_split) == ("image-classification", "accuracy", "test")
    assert result.metric_value == pytest.approx(done["held"]["parity"]["value"] / 100, abs=1e-6)


def test_card_bears_the_verdict_with_all_its_caveats_and_no_path_of_this_machine(export_to, study, tmp_path):
    verdict = read_json(study / "verdict.json")
    done = export_to(tmp_path / "model.safetensors")
    text = (tmp_path / "README.md").read_text("utf-8")
    assert verdict["caveats"]
    assert all(caveat in text for caveat in verdict["caveats"])
    assert done["about"]["verdict"]["headline"] in text
    assert done["sha256"] in text
    assert done["about"]["weights_sha256"] in text
    assert str(tmp_path.parent) not in text


def test_card_leaves_a_strangers_readme_as_it_is_and_renews_its_own(export_to, tmp_path):
    (tmp_path / "README.md").write_text("# Mine\n", "utf-8")
    first = export_to(tmp_path / "model.safetensors")
    assert first["card"].endswith("model.safetensors.md")
    assert (tmp_path / "README.md").read_text("utf-8") == "# Mine\n"
    (tmp_path / "README.md").unlink()
    second, third = (export_to(tmp_path / "model.safetensors")["card"] for _ in range(2))
    assert second == third == str(tmp_path / "README.md")


def test_times_of_a_busy_machine_are_called_so():
    steady, busy = (
        Latency(title="torch, fp32", batch=1, p50_s=0.1, p95_s=p95_s, calls=10, threads=2) for p95_s in (0.12, 0.2)
    )
    assert unsteady([steady, steady]) == ""
    assert "this machine was busy" in unsteady([steady, busy])
