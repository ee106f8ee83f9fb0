"""The page in a real browser: Debian's Chromium, without any network, through Playwright."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

POINT = """() => {  // the point that is farthest from its neighbours
    const plot = document.getElementById("target-0-agreement");
    plot.scrollIntoView({block: "center"});
    const box = plot.getBoundingClientRect(), {xaxis, yaxis, _size} = plot._fullLayout;
    const points = plot._fullData.filter(one => one.hovertext).flatMap(one => one.hovertext.map((text, place) => (
        {x: box.left + _size.l + xaxis.l2p(one.x[place]), y: box.top + _size.t + yaxis.l2p(one.y[place]), text})));
    const alone = one => Math.min(...points.filter(other => other !== one)
        .map(other => Math.hypot(one.x - other.x, one.y - other.y)));
    return points.reduce((best, one) => alone(one) > alone(best) ? one : best);
}"""

CONTRAST = """() => {
    const light = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if (!/, 0\\)$|transparent/.test(colour)) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const ratio = (one, other) => {
        const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
        return (high + 0.05) / (low + 0.05);
    };
    const found = [];
    for (const element of document.querySelectorAll("main *, .privacy, .privacy *")) {
        const svg = element instanceof SVGElement;
        const words = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!words || !element.getClientRects().length || (svg && element.tagName !== "text")) continue;
        const style = getComputedStyle(element);
        const text = svg ? style.fill : style.color;
        found.push([ratio(text, behind(svg ? element.ownerSVGElement.parentElement : element)),
                    element.textContent.slice(0, 40), text]);
    }
    return found.sort((a, b) => a[0] - b[0]);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium and playwright must be there when CI=true")
        pytest.skip("no chromium or no playwright here")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visit(browser: Any, report: Callable[[str], Path]) -> Iterator[Callable[..., Any]]:
    """Opens a variant's page; at the end nothing may have been said on the console or asked of a network."""
    said: list[str] = []
    contexts = []

    def opened(variant: str, *, scheme: str = "light", width: int = 1280) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        context.set_default_timeout(120_000)  # a limit for a busy machine, not a wait
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        address = report(variant).as_uri()
        page.on(
            "request",
            lambda request: (
                None
                if request.url == address or request.url.startswith(("data:", "blob:"))
                else said.append(f"request: {request.url}")
            ),
        )
        page.goto(address)
        page.wait_for_selector("html[data-drawn]", state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize("variant", ["head", "val", "kinds"])
def test_opens_from_disk_quietly_and_draws_every_figure(visit: Callable[..., Any], variant: str) -> None:
    page = visit(variant)
    plots = page.locator(".plot")
    assert plots.count() >= 6
    assert page.locator(".plot .main-svg .xaxislayer-above, .plot .main-svg .xaxislayer-below").count() >= plots.count()
    assert page.evaluate("window.hacked") is None


def test_a_hovered_point_shows_its_case(visit: Callable[..., Any]) -> None:
    page = visit("plain")
    point = page.evaluate(POINT)
    page.mouse.move(point["x"] - 2, point["y"])
    page.mouse.move(point["x"], point["y"])
    page.wait_for_selector("#target-0-agreement .hoverlayer .hovertext")
    shown = page.locator("#target-0-agreement .hoverlayer .hovertext").text_content()
    case = re.match(r"<b>(.*?)</b>", point["text"])
    assert case is not None
    assert case.group(1) in shown
    assert "true" in shown
    assert "interval" in shown


def test_a_hostile_case_id_is_text_when_hovered(visit: Callable[..., Any]) -> None:
    page = visit("hostile")
    point = page.evaluate(POINT)
    page.mouse.move(point["x"] - 2, point["y"])
    page.mouse.move(point["x"], point["y"])
    page.wait_for_selector("#target-0-agreement .hoverlayer .hovertext")
    shown = page.locator("#target-0-agreement .hoverlayer .hovertext").text_content()
    assert any(text[:20] in shown for text in HOSTILE.values())
    assert page.locator("main img[src='x']").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_card_opens_by_mouse_and_by_keyboard(visit: Callable[..., Any]) -> None:
    page = visit("plain")
    card = page.locator("details.card").first
    assert not card.locator(".evidence").is_visible()
    card.locator("summary").click()
    assert card.locator(".evidence").is_visible()
    assert card.locator(".evidence img").count() >= 1
    loaded = "image => image.complete && image.naturalWidth > 0"
    assert card.locator(".evidence img").first.evaluate(loaded)
    card.locator("summary").press("Enter")
    assert not card.locator(".evidence").is_visible()


@pytest.mark.parametrize(("variant", "figure"), [("plain", "agreement"), ("grade", "coverage")])
def test_every_text_can_be_read_in_light_and_in_dark(visit: Callable[..., Any], variant: str, figure: str) -> None:
    page = visit(variant, scheme="light")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = page.evaluate(CONTRAST)
    assert len(found) > 200
    assert found[0][0] >= 4.5, found[:5]
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-drawn='2']", state="attached")
    tick = page.evaluate(f"getComputedStyle(document.querySelector('#target-0-{figure} .xtick text')).fill")
    assert sum(map(int, re.findall(r"\d+", tick)[:3])) > 500
    found = page.evaluate(CONTRAST)
    assert found[0][0] >= 4.5, found[:5]


@pytest.mark.parametrize("variant", ["two", "grade", "kinds"])
def test_a_narrow_screen_needs_no_sideways_scrolling(visit: Callable[..., Any], variant: str) -> None:
    page = visit(variant, width=390)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_matrix_of_grades_is_seen_with_its_shades(visit: Callable[..., Any]) -> None:
    page = visit("grade")
    table = page.locator("#target-0-confusion")
    assert table.is_visible()
    assert table.locator("tbody tr").count() == table.locator("td.exact").count() == 5
    shades = table.locator("td").evaluate_all("cells => cells.map(one => getComputedStyle(one).backgroundColor)")
    assert len(set(shades)) >= 4
    dark, light = (
        table.locator(f"td.heat-{heat}").first.evaluate("one => getComputedStyle(one).backgroundColor")
        for heat in (5, 0)
    )
    assert sum(map(int, re.findall(r"\d+", dark)[:3])) < sum(map(int, re.findall(r"\d+", light)[:3]))


def test_a_card_of_a_grade_shows_chances_as_bars(visit: Callable[..., Any]) -> None:
    page = visit("kinds")
    card = page.locator("#target-1-cards details.card").first
    card.locator("summary").click()
    bars = card.locator(".shares").first.locator(".weight-fill")
    widths = bars.evaluate_all("bars => bars.map(one => one.getBoundingClientRect().width)")
    full = card.locator(".shares .weight").first.evaluate("one => one.getBoundingClientRect().width")
    assert len(widths) == 5
    assert sum(widths) == pytest.approx(full, rel=0.03)
    assert page.locator("#target-0-cards .shares").count() == 0


def test_print_opens_the_cards_in_light_colours_and_closes_them_again(visit: Callable[..., Any]) -> None:
    page = visit("few", scheme="dark")
    page.evaluate(
        """() => window.addEventListener("beforeprint", () => {
            window.printed = [document.querySelectorAll("details.card[open]").length,
                              getComputedStyle(document.body).backgroundColor];
        })"""
    )
    made = page.pdf(format="A4", print_background=True)
    assert made.startswith(b"%PDF-")
    assert made.count(b"/Type /Page\n") + made.count(b"/Type /Page ") + len(re.findall(rb"/Type\s*/Page\b", made)) > 1
    cards, background = page.evaluate("window.printed")
    assert cards == page.locator("details.card").count() > 0
    assert sum(map(int, re.findall(r"\d+", background)[:3])) > 700
    assert page.locator("details.card[open]").count() == 0
