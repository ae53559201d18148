"""The playground as a browser shows it: a picture is answered, hostile files are refused in words."""

from __future__ import annotations

import io
import shutil
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image

pytestmark = pytest.mark.browser
CLASSES = ("cat <img src=x onerror=document.title='broken'>", "dog", "owl")
SCALES = [32, 64, 96]
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" onload="document.title='broken'"><script>alert(1)</script></svg>"""


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium: install it (apt-get install chromium) to check the playground in a browser")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        yield opened
        opened.close()


NAMES = {"resnet50": "resnet50+width=0.125", "resnet101": "resnet101+width=0.125"}
#: Of each kind of answer a task, and what its file would keep.
TASKS = {
    "OneOfClasses": ("classification", CLASSES, {}),
    "LabelsOf": ("multilabel", CLASSES, {}),
    "Boxes": ("detection", CLASSES, {"detector": "retinanet", "channels": 16, "anchor": None}),
    "MendedPicture": ("denoise", (), {}),
    "Embedding": ("verification", (), {"dimensions": 16, "identities": 3, "threshold": 0.5}),
}


@pytest.fixture(scope="module")
def serving():
    """A running playground of two narrow networks, whose answers are of a kind."""
    uvicorn = pytest.importorskip("uvicorn")
    from deepenough.data import Preprocessing
    from deepenough.machine import Machine
    from deepenough.serving.playground.answers import Answerer
    from deepenough.serving.playground.app import playground
    from deepenough.studies.assembling import assemble
    from deepenough.tasks.registry import answers_of, kind_of

    running = []

    def start(kind):
        name, classes, kept = TASKS[kind]
        task = kind_of(name).again(classes, kept)
        networks = {name: assemble(task, network, seed=1) for name, network in NAMES.items()}
        if kind != "Boxes":
            for network in networks.values():
                with torch.no_grad():
                    network(torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
        scales = SCALES[1:2] if kind == "MendedPicture" else SCALES
        answers = {(each, scale): answers_of(name, classes, kept) for each in NAMES for scale in scales}
        preprocessing = Preprocessing(fit=task.fit)
        answerer = Answerer(networks, task, answers, preprocessing, Machine(threads=1))
        server = uvicorn.Server(uvicorn.Config(playground(facts(kind, scales), answerer), port=0, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.05)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(20)


def facts(kind, scales):
    return {
        "small": "resnet50",
        "big": "resnet101",
        "metric": "accuracy",
        "unit": "points",
        "scale": 64,
        "scales": scales,
        "answers": kind,
        "sample": "image",
        "seeds": {"resnet50": 0, "resnet101": 2},
        "points": [
            {"contender": name, "scale": scale, "mean": 50 + scale / 4 + extra, "latency_s": scale * (1 + extra) / 1e4}
            for name, extra in (("resnet50", 0), ("resnet101", 1))
            for scale in scales
        ],
        "agreement": []
        if kind == "MendedPicture"
        else [
            {"scale": scale, "samples": 100, "same": 80, "same_right": 60, "small_right": 5, "big_right": 10}
            for scale in scales
        ],
    }


@pytest.fixture(scope="module")
def address(serving):
    return serving("OneOfClasses")


def until(page, condition):
    """Wait for it; the page's policy forbids playwright's own way, which evaluates text."""
    end = time.monotonic() + 30
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


@pytest.fixture(params=[390, 1440], ids=["phone", "desk"])
def page(request, browser, address):
    with opened_at(browser, address, request.param) as opened:
        yield opened


@contextmanager
def opened_at(browser, address, width):
    """A page that asks nobody else and has no error."""
    opened = browser.new_page(viewport={"width": width, "height": 900})
    asked, errors = [], []
    opened.on("request", lambda sent: asked.append(sent.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(address)
    until(opened, "document.getElementById('about').textContent.length > 0")
    yield opened
    assert errors == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert opened.title() == "deepenough: playground"
    opened.close()


def picture():
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return {"name": "photo.png", "mimeType": "image/png", "buffer": stream.getvalue()}


def refused(page, name, kind, content):
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": content})
    page.wait_for_selector("#status.refused")
    return page.inner_text("#status")


def test_picture_gets_both_answers_at_every_scale(page):
    page.set_input_files("#file", picture())
    page.wait_for_selector("#pair canvas")
    assert page.locator("#pair figure").count() == 2
    assert page.locator("#table tbody tr").count() == len(SCALES)
    assert page.inner_text("#shown") == "64 px"
    page.focus("#scale")
    page.keyboard.press("ArrowRight")
    until(page, "document.getElementById('shown').textContent === '96 px'")
    assert page.locator("#plot .ring").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(
    ("ends", "few", "told"),
    [
        ((47.3, 61.9), "rounded", ["50", "55", "60"]),
        ((0.071, 0.094), "rounded", ["0.075", "0.080", "0.085", "0.090"]),
        ((-3.0, 5.0), "rounded", ["-2", "0", "2", "4"]),
        ((3.1, 44.0), "roundedLog", ["5", "10", "20"]),
        ((0.7, 180.0), "roundedLog", ["1", "2", "5", "10", "20", "50", "100"]),
        ((11.0, 17.9), "roundedLog", ["12", "14", "16"]),
    ],
)
def test_axes_bear_round_numbers_alone(page, ends, few, told):
    assert page.evaluate(f"{few}({ends[0]}, {ends[1]}, 5)") == told


@pytest.mark.parametrize("kind", [kind for kind in TASKS if kind != "OneOfClasses"])
def test_every_kind_of_answer_is_shown_for_both_networks(browser, serving, kind):
    with opened_at(browser, serving(kind), 1440) as page:
        page.set_input_files("#file", picture())
        page.wait_for_selector("#pair canvas")
        assert page.locator("#pair figure").count() == 2
        said = page.locator("#pair .answer").all_inner_texts()
        if kind == "Embedding":
            assert said == ["send a second picture"] * 2
            page.set_input_files("#file", {**picture(), "name": "again.png"})
            until(page, "document.querySelector('#pair .answer').textContent === 'the same'")
            assert page.locator("#pair dd").first.inner_text() == "1.000"
        elif kind == "MendedPicture":
            assert said == ["mended"] * 2
            drawn = "[...document.querySelectorAll('#pair canvas')].every((one) => one.getContext('2d')"
            assert page.evaluate(f"{drawn}.getImageData(240, 40, 1, 1).data[3] === 255)")
            assert "160 x 120 px" in page.inner_text("#pair")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_camera_gives_a_picture(page):
    page.click("#camera")
    until(page, "document.getElementById('video').videoWidth > 0")
    page.click("#shoot")
    page.wait_for_selector("#pair canvas")


def test_text_file_is_refused_in_words(page):
    assert "no picture of a known format" in refused(page, "a.txt", "text/plain", b"hello")


def test_refusal_takes_the_answer_to_the_picture_before_away(page):
    page.set_input_files("#file", picture())
    page.wait_for_selector("#pair canvas")
    refused(page, "a.txt", "text/plain", b"hello")
    assert not page.is_visible("#result")


def test_hostile_svg_is_refused_in_words(page):
    assert "no picture of a known format" in refused(page, "a.svg", "image/svg+xml", SVG)


def test_upload_of_200_mb_is_refused_in_words(page, tmp_path):
    path = tmp_path / "huge.jpg"
    with path.open("wb") as stream:
        stream.truncate(200 * 2**20)
    page.set_input_files("#file", str(path))
    page.wait_for_selector("#status.refused")
    assert page.inner_text("#status") == "Refused: 200 MB; a picture may have 20 MB at most."
