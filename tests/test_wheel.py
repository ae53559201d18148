"""The wheel, installed away from the clone: it holds every file of the package, and a first study works from it."""

import os
import runpy
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

pytestmark = pytest.mark.slow
BARE = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class Installed:
    """The program in an environment that sees the tests' libraries and not the clone."""

    def __init__(self, wheel: Path, place: Path) -> None:
        self.wheel, self.elsewhere = wheel, place / "elsewhere"
        self.elsewhere.mkdir()
        venv.create(place / "venv", with_pip=False)
        self.python = place / "venv" / "bin" / "python"
        pip("--python", str(self.python), "install", "--no-deps", "--no-index", str(wheel))
        libraries = sysconfig.get_paths()["purelib"]
        site = self.ask("import sysconfig; print(sysconfig.get_paths()['purelib'])").strip()
        # a folder named in a .pth file is searched; its own .pth files, one of which leads to the clone, are not read
        (Path(site) / "libraries.pth").write_text(libraries + "\n", encoding="utf-8")

    def ask(self, code: str) -> str:
        return self._run("-c", code)

    def __call__(self, *words: object) -> str:
        return self._run(self.python.with_name("deepenough"), *words, python=False)

    def _run(self, *words: object, python: bool = True) -> str:
        line = [str(self.python)] * python + [str(word) for word in words]
        kept = {name: value for name, value in os.environ.items() if name not in BARE}
        done = subprocess.run(line, cwd=self.elsewhere, env=kept, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def pip(*words: str) -> None:
    line = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory, repository):
    place = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(place), str(repository))
    [wheel] = place.glob("*.whl")
    return Installed(wheel, place)


def test_wheel_holds_every_file_of_the_package(installed, repository):
    listed = subprocess.run(
        ["git", "ls-files", "src/deepenough"], cwd=repository, capture_output=True, text=True, check=True
    )
    package = {name.removeprefix("src/") for name in listed.stdout.splitlines() if (repository / name).is_file()}
    held = set(zipfile.ZipFile(installed.wheel).namelist())
    assert any(name.endswith(".css") for name in package)
    assert package - held == set()
    assert {name for name in held if not name.startswith("deepenough/")} <= {
        name for name in held if ".dist-info/" in name
    }


def test_program_is_the_wheels_when_it_is_installed(installed, repository):
    home = Path(installed.ask("import deepenough; print(deepenough.__file__)").strip())
    assert home.is_relative_to(installed.python.parents[1])
    assert not home.is_relative_to(repository / "src")
    assert "0.1.0" in installed("--version")
    assert "resnet101" in installed("networks")


def test_verdict_and_report_work_from_the_wheel(installed, repository):
    rows = ["sample_id,target,contender,seed,prediction"]
    rng = np.random.default_rng(5)
    for contender in ("resnet50", "resnet101"):
        for seed in range(3):
            right = rng.random(400) < 0.9
            rows += [f"{i},cat,{contender},{seed},{'cat' if right[i] else 'dog'}" for i in range(400)]
            rows += [f"{i},dog,{contender},{seed},{'dog' if i % 9 else 'cat'}" for i in range(400, 800)]
    (installed.elsewhere / "predictions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert "ResNet-101" in installed("verdict", "predictions.csv", "--margin", 5)

    made_up = runpy.run_path(str(repository / "tests" / "report" / "made_up.py"))
    made_up["write_study"](installed.elsewhere / "study")
    installed("report", "study")
    assert "<style>" in (installed.elsewhere / "study" / "report.html").read_text(encoding="utf-8")
    installed("verify", "study/report.html")
    installed("paper", "study", "--out", "article")
    assert "@" in (installed.elsewhere / "article" / "sources.bib").read_text(encoding="utf-8")


def test_first_study_works_from_the_wheel(installed):
    digits = load_digits()
    for number, (picture, target) in enumerate(zip(digits.images[:150], digits.target[:150], strict=True)):
        folder = installed.elsewhere / "photos" / str(target % 2)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((picture * 15).astype(np.uint8)).resize((32, 32)).save(folder / f"{number:03d}.png")
    networks = "resnet50+width=0.25,resnet101+width=0.25"
    small = ("--seeds", 1, "--epochs", 1, "--train-scale", 32, "--scales", 32, "--batch", 16)
    installed("compare", "photos", "--contenders", networks, "--margin", 5, "--weights", "none", *small)
    assert (installed.elsewhere / "runs" / "photos" / "report.html").is_file()
