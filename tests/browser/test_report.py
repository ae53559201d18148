"""The report as a browser shows it: from a file, with no network, on a telephone and on a desk.

`DEEPENOUGH_STUDY=runs/mine pytest tests/browser/test_report.py` looks at the report of a study of one's own.
"""

import io
import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import stdtrit

from deepenough import records, report
from deepenough.comparison import align
from deepenough.comparison.estimating import estimate_gain
from deepenough.comparison.price import Prices, bill
from deepenough.stats import decide, mcnemar_mid_p
from deepenough.stats.distributions import normal_quantile, t_two_sided

pytestmark = pytest.mark.browser
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium: install it (apt-get install chromium) to check the report in a browser")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory, given_study) -> dict[str, str]:
    """Addresses of two reports: a plain study, or the given one, and one whose labels are long and hostile."""
    made_up = runpy.run_path(str(Path(__file__).parents[1] / "report" / "made_up.py"))
    folder = tmp_path_factory.mktemp("reports")
    labels = (made_up["HOSTILE"], "</svg><script>document.title='broken'</script>", "x" * 90, "plain")
    made_up["write_study"](folder / "hostile", images=60, classes=labels)
    hostile = report.write(folder / "hostile")[0]
    if given_study:
        return {"plain": (given_study / "report.html").as_uri(), "hostile": hostile.as_uri()}
    made_up["write_study"](folder / "plain")
    return {"plain": report.write(folder / "plain")[0].as_uri(), "hostile": hostile.as_uri()}


@pytest.fixture(scope="module")
def sliding(browser, pages):
    """A page whose sliders can be set: a function from values of its fields to what the page then computed."""
    page = browser.new_page(viewport=DESK)
    page.goto(pages["plain"])
    script = """values => {
        const form = document.getElementById('ask-form');
        for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
        form.elements.margin.dispatchEvent(new Event('input'));
        return JSON.parse(form.dataset.result);
    }"""
    yield page, lambda values: page.evaluate(script, values)
    page.close()


@pytest.fixture(params=["plain", "hostile"])
def address(request, pages) -> str:
    return pages[request.param]


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def opened(request, browser, address):
    """A page with what it asked for and complained about."""
    page = browser.new_page(viewport=request.param)
    asked, complaints = [], []
    page.on("request", lambda sent: asked.append(sent.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.goto(address)
    yield page, asked, complaints
    page.close()


def test_page_asks_for_nothing_but_itself_and_complains_of_nothing(opened, address):
    page, asked, complaints = opened
    page.wait_for_timeout(100)
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert complaints == []
    assert page.title() != "broken"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", [PHONE, DESK], ids=["phone", "desk"])
def test_page_has_no_fault_for_those_who_hear_it_or_use_keys(browser, pages, window, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page = browser.new_page(viewport=window, color_scheme=scheme)
    page.goto(pages["plain"])
    page.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    found = axe.Axe().run(page).response
    faults = [(fault["id"], [node["html"][:90] for node in fault["nodes"]]) for fault in found["violations"]]
    assert faults == []
    assert len(found["passes"]) > 20
    page.close()


def test_keys_reach_every_control_in_the_order_of_the_page(browser, pages):
    page = browser.new_page(viewport=DESK)
    page.goto(pages["plain"])
    wanted = page.evaluate("""() => [...document.querySelectorAll('a, input, select, button, summary, [tabindex="0"]')]
        .filter(place => place.checkVisibility()).length""")
    seen = []
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate("""() => { const all = [...document.querySelectorAll('*')];
            return document.activeElement === document.body ? null : all.indexOf(document.activeElement); }""")
        )
    reached = list(dict.fromkeys(place for place in seen if place is not None))
    assert len(reached) == wanted
    assert reached == sorted(reached)
    page.close()


def test_page_never_scrolls_sideways_even_with_everything_unfolded(opened):
    page, _, _ = opened
    page.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    width = page.evaluate("document.documentElement.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_wide_tables_use_the_free_width_of_a_desk_and_narrow_ones_keep_to_the_text(browser, pages):
    page = browser.new_page(viewport=DESK)
    page.goto(pages["plain"])
    page.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    text = page.locator("main > section").first.evaluate("part => part.clientWidth")
    boxes = page.locator(".scroll").evaluate_all("all => all.map(box => [box.clientWidth, box.scrollWidth])")
    assert max(shown for shown, _ in boxes) > text == min(shown for shown, _ in boxes)
    assert [(shown, needed) for shown, needed in boxes if needed > shown and shown < text + 300] == []
    page.close()


def test_page_shows_the_form_of_each_figure_that_fits(opened):
    page, _, _ = opened
    width = page.viewport_size["width"]
    shown, hidden = ("narrow", "wide") if width < 768 else ("wide", "narrow")
    assert page.locator(f"svg.{shown}:visible").count() == page.locator("figure.picture").count()
    assert page.locator(f"svg.{hidden}:visible").count() == 0


def test_every_thumbnail_is_decoded(opened):
    page, _, _ = opened
    assert page.locator(".gallery img").count() > 0
    broken = "Array.from(document.images).filter(image => !(image.complete && image.naturalWidth)).length"
    assert page.evaluate(broken) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_paper_in_light_and_dark(browser, pages, scheme):
    page = browser.new_page(viewport=DESK, color_scheme=scheme)
    page.goto(pages["plain"])
    script = """() => ['body', '.study', 'nav a', '.care h2', 'thead th', '.note', 'summary'].map(place => {
        const shade = colour => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => v / 255)
                .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ink = shade(getComputedStyle(document.querySelector(place)).color);
        const paper = shade(getComputedStyle(document.body).backgroundColor);
        return [place, (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)];
    })"""
    contrast = dict(page.evaluate(script))
    page.close()
    assert min(contrast.values()) >= 4.5, contrast  # WCAG 2.2, 1.4.3 AA


def test_sliders_agree_with_python_at_a_hundred_settings(sliding, pages):
    _, answer = sliding
    folder = Path(pages["plain"].removeprefix("file://")).parent
    cells = align(records.read_table(folder / "scores.parquet", records.SCORES)).cells
    costs = records.read_table(folder / "costs.parquet", records.COSTS)
    seconds = {(row["contender"], row["scale"]): row["latency_s"]["p50"] for row in costs.filter(batch=1).to_dicts()}
    scales = sorted({scale for _, scale in cells})
    rng = np.random.default_rng(23)
    seen = set()
    for _ in range(100):
        scale, margin = int(rng.choice(scales)), float(np.exp(rng.uniform(-3, 3)))
        millisecond, error, traffic = (float(10**power) for power in rng.uniform([-9, -5, 2], [-4, 2, 9]))
        got = answer({"margin": margin, "scale": scale, "millisecond": millisecond, "error": error, "traffic": traffic})
        big, small = (cells[name, scale].scores for name in ("resnet101", "resnet50"))
        wanted = estimate_gain(big, small).scaled(100.0)
        decision = decide(wanted.interval, margin)
        assert (got["answer"], got["beyond"]) == (decision.answer, decision.beyond_margin)
        for name, value in (
            ("difference", wanted.difference),
            ("interval", wanted.interval),
            ("error", wanted.standard_error),
            ("df", wanted.degrees_of_freedom),
            ("p", wanted.p_value),
        ):
            assert got[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        spans = seconds["resnet50", scale], seconds["resnet101", scale]
        interval = tuple(end / 100 for end in wanted.interval)
        prices = Prices(millisecond=millisecond, error=error, images_a_day=traffic)
        asked = bill(spans, (small.mean(), big.mean()), interval, prices)
        for name, value in (
            ("small", asked.small),
            ("big", asked.big),
            ("difference", asked.difference),
            ("interval", asked.interval),
            ("breakEven", asked.break_even),
        ):
            assert got["bill"][name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        seen.add(got["answer"])
    assert len(seen) >= 2


_CASES = {
    "nested": (3, 3, "bits", False),
    "unequal": (5, 2, "bits", False),
    "real": (3, 4, "floats", False),
    "paired": (4, 4, "bits", True),
    "checkpoints": (1, 1, "bits", False),
    "one_real": (1, 3, "floats", False),
    "clusters": (3, 3, "bits", False),
    "same": (3, 3, "same", False),
}


@pytest.mark.parametrize("case", _CASES)
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_estimates_of_every_design_agree_with_python(sliding, case, level):
    page, _ = sliding
    rng = np.random.default_rng(sorted(_CASES).index(case))
    seeds, others, kind, pairs = _CASES[case]
    ease = rng.normal(1, 1, 101)
    sides = [ease + shift + rng.normal(0, 0.6, (runs, 101)) for runs, shift in ((seeds, 0.1), (others, 0.0))]
    if kind != "floats":
        sides = [(side > 0).astype(float) for side in sides]
    if kind == "same":
        sides = [np.repeat(side[:1], 3, axis=0) for side in (sides[0], sides[0])]
    groups = np.arange(101) // 4 if case == "clusters" else None
    guards = (1, 2) if not pairs else (1,)
    for guard in guards:
        wanted = estimate_gain(*sides, groups, level=level, guard=guard, pairs=pairs)
        options = {"level": level, "guard": guard, "paired": pairs}
        options["groups"] = None if groups is None else groups.tolist()
        got = page.evaluate("([big, small, options]) => deepenough.estimate(big, small, options)",
                            [sides[0].tolist(), sides[1].tolist(), options])  # fmt: skip
        assert got["difference"] == pytest.approx(wanted.difference, abs=1e-11)
        assert got["interval"] == pytest.approx(wanted.interval, abs=1e-11)
        assert got["p"] == pytest.approx(wanted.p_value, abs=1e-9)
        if wanted.standard_error > 0 and wanted.degrees_of_freedom is not None:
            assert got["df"] == pytest.approx(wanted.degrees_of_freedom, rel=1e-9)


def test_quantiles_in_the_page_are_scipys(sliding):
    page, _ = sliding
    freedoms = [1, 1.01, 1.7, 2, 2.5, 4, 5.77, 15, 39.9, 40.1, 333.3, 9999.5, 49_999]
    for level in (0.5, 0.9, 0.95, 0.9875, 0.999):
        got = page.evaluate("([all, level]) => all.map(df => deepenough.tQuantile(df, level))", [freedoms, level])
        assert got == pytest.approx(list(stdtrit(freedoms, 0.5 + level / 2)), rel=1e-11)
        normal = page.evaluate("level => deepenough.normalQuantile(level)", level)
        assert normal == pytest.approx(normal_quantile(0.5 + level / 2), rel=1e-13)
    for df in freedoms:
        got = page.evaluate("([all, df]) => all.map(t => deepenough.tTwoSided(t, df))", [[0.01, 0.7, 2, 30], df])
        assert got == pytest.approx(list(t_two_sided([0.01, 0.7, 2, 30], df)), rel=1e-10)
    for pair in ((0, 0), (0, 9), (7, 7), (20, 31), (900, 1001)):
        assert page.evaluate("pair => deepenough.midP(...pair)", pair) == pytest.approx(mcnemar_mid_p(*pair), rel=1e-11)


def test_sliders_move_by_keyboard_and_go_back_to_what_was_declared(browser, pages):
    page = browser.new_page(viewport=PHONE)
    page.goto(pages["plain"])
    said = page.locator("#ask").inner_text()
    page.locator("#ask input[type=range]").first.focus()
    for _ in range(40):
        page.keyboard.press("PageUp")
    assert float(page.locator("#ask-margin").input_value()) == pytest.approx(20, rel=0.03)
    assert page.locator("#ask").inner_text() != said
    assert "too bold" in page.locator("#ask-note").inner_text()
    page.locator("#ask button").click()
    page.wait_for_function("said => document.getElementById('ask').innerText === said", arg=said)
    assert page.locator("#ask-note").inner_text() == ""
    page.close()


@pytest.mark.parametrize("margin", ["0", "", "-1"])
def test_panel_shows_no_numbers_for_a_margin_that_is_none_and_comes_back(browser, pages, margin):
    page = browser.new_page(viewport=DESK)
    page.goto(pages["plain"])
    before = page.locator("#ask").inner_text()
    page.locator("#ask-margin").fill(margin)
    tables = page.locator("#ask table.asked tbody td, #ask table.money tbody td")
    assert set(tables.all_inner_texts()) <= {"–", ""}
    page.locator("#ask button").click()
    page.wait_for_function("before => document.getElementById('ask').innerText === before", arg=before)
    page.close()


def test_panel_says_the_same_with_and_without_scripts(browser, pages):
    said = []
    for scripts in (True, False):
        context = browser.new_context(java_script_enabled=scripts)
        page = context.new_page()
        page.goto(pages["plain"])
        places = ("#ask-answer", "#ask-money", "#ask table.asked tbody", "#ask table.money tbody")
        said.append([" ".join(page.locator(place).text_content().split()) for place in places])
        assert page.locator("#ask-form").is_visible() is scripts
        context.close()
    assert said[0] == said[1]


def test_links_into_what_is_folded_unfold_it(browser, pages):
    page = browser.new_page(viewport=DESK)
    page.goto(pages["plain"])
    page.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    link = page.locator("a[href^='#slice-']").first
    target = page.locator(link.get_attribute("href"))
    fold = "document.querySelectorAll('details:has([id^=slice-])').forEach(folded => folded.open = false)"
    page.evaluate(fold)
    assert not target.is_visible()
    link.click()
    assert target.is_visible()
    page.close()


#: What stays as it is in every language: names, units, methods, formats.
KEPT = [
    "Adebayo",
    "Agresti",
    "audit",
    "AUROC",
    "Benjamini",
    "Bonferroni",
    "CAM",
    "cost",
    "costs",
    "cpu",
    "deepenough",
    "ECE",
    "environment",
    "fp",
    "GiB",
    "GMAC",
    "GMACs",
    "Grad",
    "Hillis",
    "Holm",
    "html",
    "json",
    "KiB",
    "McNemar",
    "md",
    "MiB",
    "mid",
    "Min",
    "min",
    "ms",
    "nested",
    "Obuchowski",
    "out",
    "parquet",
    "px",
    "report",
    "ResNet",
    "Rockette",
    "SD",
    "Selvaraju",
    "slices",
    "study",
    "verify",
    "yaml",
    "Yekutieli",
]


def test_report_in_chinese_shows_no_english_words(browser, tmp_path):
    made_up = runpy.run_path(str(Path(__file__).parents[1] / "report" / "made_up.py"))
    made_up["write_study"](tmp_path / "photos")
    html, _ = report.write(tmp_path / "photos", language="zh")
    page = browser.new_page(viewport=PHONE)
    page.goto(html.as_uri())
    text = page.evaluate("""() => {
        for (const folded of document.querySelectorAll('details')) folded.open = true;
        for (const exact of document.querySelectorAll('pre, code, table.protocol, svg title, svg desc')) exact.remove();
        const alone = [...document.querySelectorAll('svg text')].map(label => label.textContent);
        const named = [...document.querySelectorAll('[aria-label]')].map(each => each.getAttribute('aria-label'));
        return [document.title, document.body.innerText, ...alone, ...named].join('\\n');
    }""")
    page.close()
    made_up_words = [  # which no study writes, so that nothing can know them
        *records.read_table(tmp_path / "photos" / "quarantine.parquet", records.QUARANTINE)["detail"].drop_nulls(),
        *(found["message"] for found in records.read_json(tmp_path / "photos" / "audit.json")["findings"]),
        *records.read_json(tmp_path / "photos" / "plan.json")["gave_up"],
        "cpu, 2 threads",
    ]
    for own in made_up_words:
        text = text.replace(own, "")
    text = re.sub(r"[\w/-]+( copy)?\.(jpg|txt)", "", text)
    names = {part for name in (*made_up["CLASSES"], "photos") for part in re.findall(r"[A-Za-z]+", name)}
    left = sorted(set(re.findall(r"[A-Za-z]{2,}", text)) - {*KEPT, *names})
    assert left == []
    assert len(re.findall(r"[\u4e00-\u9fff]", text)) > 2000


@pytest.fixture(scope="module")
def mapped(pages, tmp_path_factory):
    """Address of a report with a map of 372 test images in ten classes, and what the map holds."""
    folder = tmp_path_factory.mktemp("mapped")
    runpy.run_path(str(Path(__file__).parents[1] / "report" / "made_up.py"))["write_study"](folder)
    made = runpy.run_path(str(Path(__file__).parents[1] / "report" / "test_mapping.py"))
    made["write_map"](folder, 372, classes=tuple(f"class {place}" for place in range(10)))
    stream = io.BytesIO()
    Image.new("RGB", (20 * 16, 19 * 16), (200, 30, 30)).save(stream, "JPEG")
    (folder / "embed" / "map.jpg").write_bytes(stream.getvalue())
    return report.write(folder)[0].as_uri(), records.read_json(folder / "embed" / "map.json")


@pytest.mark.parametrize("window", [PHONE, DESK], ids=["phone", "desk"])
def test_image_on_the_map_is_reached_by_keys_and_by_pointing_and_shown_with_both_answers(browser, mapped, window):
    address, data = mapped
    page = browser.new_page(viewport=window)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    canvas = page.locator("figure.map .maps canvas").first
    canvas.scroll_into_view_if_needed()
    canvas.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator(".card").inner_text()
    assert len(re.findall(r"ResNet-(?:50|101): class \d [✓✗]", first)) == 2
    assert (
        page.evaluate("document.querySelector('.card canvas').getContext('2d').getImageData(90, 90, 1, 1).data[0]")
        > 150
    )
    page.keyboard.press("Escape")
    assert not page.locator(".card").is_visible()

    place = 7
    box = canvas.bounding_box()
    x, y = (10 + data["places"]["resnet50"][2 * place + axis] / 1000 * (box["width"] - 20) for axis in (0, 1))
    canvas.hover(position={"x": x, "y": y})
    shown = page.locator(".card").inner_text()
    answers = [data["classes"][data["answers"][name][place]] for name in ("resnet50", "resnet101")]
    assert page.locator(".card .target").inner_text() == data["classes"][data["labels"][place]]
    assert all(answer in shown for answer in answers)
    assert page.locator(".card").bounding_box()["y"] < window["height"]  # in sight beside the map
    assert page.evaluate("document.documentElement.scrollWidth") <= window["width"]
    assert complaints == []
    page.close()


def test_class_of_the_list_is_shown_alone_until_pressed_again(browser, mapped):
    page = browser.new_page(viewport=DESK)
    page.goto(mapped[0])
    page.locator("figure.map").scroll_into_view_if_needed()
    picture = "document.querySelector('figure.map .maps canvas').toDataURL()"
    page.wait_for_timeout(200)
    button, before = page.locator(".classes button").nth(3), page.evaluate(picture)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    alone = page.evaluate(picture)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert alone != before == page.evaluate(picture)
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_map_has_no_serious_fault_for_those_who_hear_it_or_use_keys(browser, mapped, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page = browser.new_page(viewport=DESK, color_scheme=scheme)
    page.goto(mapped[0])
    page.locator("figure.map .maps canvas").first.focus()
    page.keyboard.press("ArrowRight")
    found = axe.Axe().run(page, context="figure.map").response
    assert [fault["id"] for fault in found["violations"] if fault["impact"] in {"serious", "critical"}] == []
    page.close()
