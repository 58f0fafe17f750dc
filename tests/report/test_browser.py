"""The page as a browser shows it: no error, no request, everything loaded, and it can be sorted."""

import os
import shutil

import numpy as np
import pytest

import cellclass as cc

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
EVIL = '<img src="http://127.0.0.1:9/x.png" onerror="document.title = 1">'


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("CELLCLASS_TEST_BROWSER") or next(
        filter(None, map(shutil.which, BROWSERS)), None
    )
    if path is None:
        pytest.skip(f"no browser is installed, of {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory, _annotated):
    """A report with everything on it, and a label that would run if it were not text."""
    adata = _annotated.copy()
    adata.obs["truth"] = adata.obs["cell_type"].astype(str).replace({"CD19+ B": EVIL})
    path = tmp_path_factory.mktemp("browser") / "report.html"
    cc.report(adata, None, path, labels_key="truth")
    return path


@pytest.fixture
def page(browser, path):
    """The opened page, without network: it may ask for nothing, and no error may be shown."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    errors, requests = [], []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri(), wait_until="load")
    yield page
    context.close()
    assert errors == []
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]


def test_every_image_is_loaded(page):
    widths = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
    assert len(widths) == 5
    assert min(widths) > 100
    assert page.title() != "1"
    assert EVIL in page.inner_text("#scores-by-label")


def test_tables_are_sorted_by_the_heading_that_is_pressed(page):
    def column(place):
        return page.eval_on_selector_all(
            f"#scores-by-label tbody tr > :nth-child({place})",
            "all => all.map(one => one.innerText)",
        )

    names, cells = column(1), [int(text) for text in column(2)]
    press = page.locator("#scores-by-label thead button")
    press.nth(1).click()
    assert [int(text) for text in column(2)] == sorted(cells, reverse=True)
    heading = page.locator("#scores-by-label thead th").nth(1)
    assert heading.get_attribute("aria-sort") == "descending"
    press.nth(1).press("Enter")
    assert [int(text) for text in column(2)] == sorted(cells)
    assert heading.get_attribute("aria-sort") == "ascending"
    press.nth(0).click()
    assert heading.get_attribute("aria-sort") is None
    assert column(1)[0] == min(names, key=str.lower)
    own = page.locator("#confusion-matrix thead button").nth(3)
    own.click()
    values = page.eval_on_selector_all(
        "#confusion-matrix tbody tr > :nth-child(4)", "all => all.map(one => Number(one.dataset.v))"
    )
    assert values == sorted(values, reverse=True)
    assert max(values) > 0


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_hangs_over_the_edge_and_text_can_be_read(page, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in (
        "body",
        ".muted",
        ".badge",
        ".findings p",
        "td.bad",
        ".gene, .names, dd",
        "dt",
    ):
        for style in page.eval_on_selector_all(
            selector,
            "all => all.map(one => [getComputedStyle(one).color, paper(one)])".replace(
                "paper(one)", _PAPER
            ),
        ):
            assert contrast(*style) >= 4.5, (selector, style)


_PAPER = """(() => {
  for (let at = one; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (color !== "rgba(0, 0, 0, 0)") return color;
  }
})()"""


def contrast(ink, paper):
    """Contrast ratio of two colours (WCAG 2.2, 1 to 21)."""
    lights = []
    for color in (ink, paper):
        rgb = (
            np.array([float(part) for part in color.split("(")[1].rstrip(")").split(",")[:3]]) / 255
        )
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        lights.append(linear @ [0.2126, 0.7152, 0.0722])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def test_paper(page):
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert page.pdf().startswith(b"%PDF")
