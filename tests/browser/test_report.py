"""The report as a browser shows it: from a file, with no network, on a telephone and on a desk."""

import runpy
import shutil
from pathlib import Path

import pytest

from deepenough import report

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
def pages(tmp_path_factory) -> dict[str, str]:
    """Addresses of two reports: a plain study, and one whose labels are long and hostile."""
    made_up = runpy.run_path(str(Path(__file__).parents[1] / "report" / "made_up.py"))
    folder = tmp_path_factory.mktemp("reports")
    labels = (made_up["HOSTILE"], "</svg><script>document.title='broken'</script>", "x" * 90, "plain")
    made_up["write_study"](folder / "plain")
    made_up["write_study"](folder / "hostile", images=60, classes=labels)
    return {name: report.write(folder / name)[0].as_uri() for name in ("plain", "hostile")}


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


def test_page_never_scrolls_sideways_even_with_everything_unfolded(opened):
    page, _, _ = opened
    page.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    width = page.evaluate("document.documentElement.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


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
