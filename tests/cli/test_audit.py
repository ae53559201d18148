"""`deepenough audit`."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from deepenough import cli
from deepenough.stats import audit

CASE = ("98.67", "96.86", "--images", "10000")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(["audit", *arguments])
    captured = capsys.readouterr()
    return left.value.code, captured.out, captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        CASE,
        ("98.67", "96.86"),
        (*CASE[:3], "150", "--runs", "3"),
        ("98.67", "0"),
        ("99.9999", "100", "--images", "1"),
        ("0.3123", "0.2731", "--errors", "--share", "--runs", "5", "--images", "1000"),
    ],
)
def test_text_fits_in_80_columns_and_names_what_follows_and_what_does_not(capsys, arguments):
    code, out, err = run(capsys, *arguments, "--names", "resnet50,resnet101")
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "ResNet-50" in out
    for heading in ("What can be concluded:", "What cannot:", "What to ask:"):
        assert f"\n{heading}\n- " in out
    assert "None" not in out
    assert "nan" not in out


def test_text_says_the_numbers_of_the_worked_example(capsys):
    words = " ".join(run(capsys, *CASE, "--names", "R50,R101")[1].split())
    for said in (
        "R50 at 98.67 % against R101 at 96.86 %: 1.81 points apart on 10,000 test images, one run each.",
        "9,867 and 9,686 right answers of 10,000 images",
        "(500, 1,000, 1,500, 2,000, 2,500, 3,000, 3,333, 5,000) none fits both figures",
        "Between 1.81 and 4.47 % of the images",
        "lies between 3e-55 and 4e-18",
        "within 1.40 to 2.22 points",
        "From 590 test images on",
        "(526 to 589 depend on rounding); below 239",
        "an SD of 0.65 points or more",
        "0.42 (2 runs), 0.80 (3 runs), 1.2 (5 runs), 1.9 (10 runs)",
        "This R50 is better than this R101 on images like those of the test",
        "one run each says nothing of how far runs differ",
    ):
        assert said in words


def test_the_order_of_the_figures_does_not_change_who_is_ahead(capsys):
    forth = run(capsys, *CASE, "--names", "x,y")[1]
    back = run(capsys, CASE[1], CASE[0], *CASE[2:], "--names", "y,x")[1]
    assert forth[: forth.index("Can they")] == back[: back.index("Can they")]
    assert forth[forth.index("Which images") :] == back[back.index("Which images") :]


def test_what_the_images_leave_open_is_not_concluded(capsys):
    assert "Nothing firm of these two checkpoints" in run(capsys, *CASE[:3], "500")[1]
    assert "Nothing of these two checkpoints" in run(capsys, *CASE[:3], "150")[1]
    assert "Nothing of these runs" in run(capsys, "98", "97", "--runs", "3")[1]


def test_json_has_every_key_and_the_numbers_of_the_library(capsys):
    code, out, _ = run(capsys, *CASE, "--json")
    said, known = json.loads(out), audit(*CASE[:2], 10_000)
    assert code == 0
    assert {
        "grim", "discordance", "p_range", "ci_range", "n_min_for_any_pairing", "n_min_for_best_pairing",
        "tipping_seed_sd", "sd_needed_by_runs", "caveats", "conclusions",
    } <= set(said)  # fmt: skip
    assert tuple(said["ci_range"]) == known.ci_range
    assert said["grim"]["fits_as_given"] is True
    assert said["sd_needed_by_runs"]["3"] == pytest.approx(known.sd_needed_by_runs[3])
    assert set(said["conclusions"]) == {"can", "cannot"}


def test_wrong_input_is_one_line_and_code_2(capsys):
    for arguments in (
        ("98.67", "98.67"),
        ("101", "3"),
        ("98", "97", "--images", "0"),
        ("98", "97", "--names", "a"),
        ("-5", "3"),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1


def test_audit_imports_neither_torch_nor_scipy_stats():
    script = (
        "import sys\nfrom deepenough.cli import main\n"
        f"try:\n    main(['audit', *{CASE!r}])\nexcept SystemExit as left:\n    assert left.code == 0\n"
        "assert not {'torch', 'scipy.stats', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_documentation_shows_what_the_command_prints(capsys, repository):
    page = (repository / "docs" / "audit.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```\n\$ deepenough audit ([^\n]+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    for arguments, printed in shown:
        assert run(capsys, *arguments.split())[1] == printed
