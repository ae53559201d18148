"""`deepenough networks`."""

from __future__ import annotations

import json

import pytest

from deepenough import cli


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(["networks", *arguments])
    captured = capsys.readouterr()
    return left.value.code, captured.out, captured.err


def test_json_gives_the_published_counts_of_the_contestants(capsys):
    code, out, _ = run(capsys, "--json")
    known = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert (known["resnet50"]["parameters"], known["resnet101"]["parameters"]) == (25_557_032, 44_549_160)
    assert [round(known[name]["gmacs"], 3) for name in ("resnet50", "resnet101")] == [4.089, 7.801]
    assert known["resnet50"]["macs"] == 4_089_184_256


def test_table_fits_in_80_columns_and_names_every_contender(capsys):
    code, out, _ = run(capsys)
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    assert {"resnet50", "resnet101", "resnet50-small", "resnet101-small"} <= set(out.split())
    assert "81.24 at 288 px" in out
    assert "branches, stages" in out


def test_one_network_is_shown_in_depth_at_the_side_asked_for(capsys):
    code, out, _ = run(capsys, "resnet101", "--side", "65")
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "0.980 GMACs at 65 px" in out
    assert out.split("C4")[1].split()[:3] == ["23", "1024", "16"]
    assert "torchvision:IMAGENET1K_V2" in out


def test_weights_known_are_listed_for_every_network(capsys):
    out = run(capsys)[1]
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert rows["resnet50"][-2:] == rows["resnet101-fpn"][-2:] == ["V1-2", "a1-3"]
    assert [rows[name][-1] for name in ("res2net50", "resnet50-v1", "blresnet50", "resnet101d")] == [
        "in1k",
        "keras",
        "-",
        "ra2",
    ]
    known = {row["name"]: row["weights_known"] for row in json.loads(run(capsys, "--json")[1])}
    assert known["resnet101-concat"][2] == "timm:resnet101.a1_in1k"
    assert "timm:resnet50.a1_in1k" in run(capsys, "resnet50-fpn")[1].split("Its stages start from:")[1]


def test_network_without_published_weights_says_so(capsys):
    assert "Nobody has published" in run(capsys, "resnet50-small")[1]


def test_unknown_network_is_a_line_with_the_nearest_name(capsys):
    code, out, err = run(capsys, "resnet5")
    assert (code, out) == (2, "")
    assert "did you mean resnet50?" in err
