"""What pages show besides the program's commands: Python, study files, make, pip and the project's own scripts."""

from __future__ import annotations

import argparse
import re
import runpy
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from deepenough.studies.study import make_study

HERE = Path(__file__).parent
shown, sandbox = (runpy.run_path(str(HERE / f"{name}.py")) for name in ("shown", "sandbox"))
ROOT = shown["ROOT"]
PAGES = [page for page in shown["PAGES"] if page.suffix == ".md"]
GENERATED = "reference.md"  # of docstrings; `make check` runs their examples
RUN_BY = {"scripts/write_reference.py": "test_reference.py", "scripts/draw_statistics.py": "this file"}
PLACES = re.compile(r"""(?:"|')((?:my_photos|runs/my_photos|predictions\.csv|report\.html|study/))""")


def blocks(page, kind):
    return [piece for found, piece in shown["pieces"](page.read_text("utf-8")) if found == kind]


def lines(start):
    """Lines that begin with this word, each once, without what stands beside them as a comment."""
    found = (line.split("  #")[0].strip() for page in PAGES for line in shown["typed"](page.read_text("utf-8")))
    return list(dict.fromkeys(line for line in found if line.startswith(f"{start} ")))


PYTHON = [page for page in PAGES if page.name != GENERATED and blocks(page, "python")]
SCRIPTS = [line for line in lines("python") if shlex.split(line)[1] not in RUN_BY]


class Parsed(Exception):
    """A script's options were taken; what it would do with them is not begun."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    return sandbox["Sandbox"](tmp_path_factory.mktemp("stock"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PYTHON, ids=lambda page: page.name)
def test_python_of_a_page_runs_from_top_to_bottom(page, stock, shrink, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shrink(monkeypatch)
    code = blocks(page, "python")
    with sandbox["small_requests"]():
        for name in dict.fromkeys(found.rstrip("/") for block in code for found in PLACES.findall(block)):
            if name != "runs/my_photos" or "de.compare(" not in "".join(code):  # which makes it
                stock.put(name, tmp_path)
        names = {}
        for number, block in enumerate(code):
            exec(compile(block, f"{page.name}, Python block {number + 1}", "exec"), names)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml")], ids=lambda page: page.name)
def test_yaml_of_a_page_is_a_study_file_or_a_workflow(page):
    for block in blocks(page, "yaml"):
        read = yaml.safe_load(block)
        if "jobs" in read or True in read:  # YAML takes the key `on` for true
            assert all(step.keys() & {"run", "uses"} for job in read["jobs"].values() for step in job["steps"])
        else:
            make_study({"source": "my_photos", **read}, where=page.name)


def test_make_knows_every_target_that_pages_name():
    wanted = {word for line in lines("make") for word in shlex.split(line)[1:]}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {"demo", "test", "check", "slow"} <= wanted <= targets


def test_pip_is_told_of_extras_and_packages_that_the_project_declares():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = project["optional-dependencies"]
    named = {re.split(r"[\[<>=]", each)[0] for part in [project["dependencies"], *optional.values()] for each in part}
    words = [word for line in lines("pip") for word in shlex.split(line)[2:] if not word.startswith("-")]
    extras = {extra for word in words for extra in re.findall(r"^deepenough\[([a-z,]+)\]$", word)}
    packages = {word for word in words if "[" not in word} - {".", "deepenough"}
    assert {"demo", "onnx"} <= extras <= set(optional)
    assert {"h5py", "numpy"} <= packages <= named


@pytest.mark.parametrize("line", SCRIPTS)
def test_script_of_the_project_takes_the_options_that_a_page_gives_it(line, monkeypatch):
    """What it then does takes minutes to hours."""
    _, script, *words = shlex.split(line)
    parse = argparse.ArgumentParser.parse_args

    def stop(parser, *given):
        raise Parsed(parse(parser, *given))

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    monkeypatch.setattr(sys, "argv", [script, *words])
    monkeypatch.setattr(sys, "path", [str((ROOT / script).parent), *sys.path])
    with pytest.raises(Parsed):
        runpy.run_path(str(ROOT / script), run_name="__main__")


@pytest.mark.slow
def test_pictures_of_the_statistics_are_what_their_script_draws(tmp_path):
    runpy.run_path(str(ROOT / "scripts" / "draw_statistics.py"))["main"](tmp_path)
    drawn = {path.name: path.read_bytes() for path in tmp_path.glob("*.svg")}
    assert len(drawn) == 4
    assert [name for name, svg in drawn.items() if (ROOT / "docs" / "images" / name).read_bytes() != svg] == []


def _tensorboard(words):
    from tensorboard import program

    program.TensorBoard().configure(["tensorboard", *words])


def _mlflow(words):
    from mlflow.cli import cli

    name, *rest = words
    cli.get_command(None, name).make_context(name, rest)


def _ray(words):
    from ray.scripts.scripts import cli

    name, *rest = words
    cli.commands[name].make_context(name, rest)


def _torchrun(words):
    from torch.distributed.run import parse_args

    assert parse_args(words).training_script == "deepenough"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::Warning")  # those of other projects
@pytest.mark.parametrize(
    ("name", "take"),
    [("tensorboard", _tensorboard), ("mlflow", _mlflow), ("ray", _ray), ("torchrun", _torchrun)],
)
def test_other_programs_take_the_options_that_a_page_gives_them(name, take):
    """Nothing is started: they are servers and clusters."""
    found = lines(name)
    assert found
    for line in found:
        take([word for word in shlex.split(line)[1:] if word != "…"])
