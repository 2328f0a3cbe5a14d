"""The built site as a reader meets it: in a browser, at desktop and phone width, with nobody else asked."""

import functools
import http.server
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

SITE = Path(__file__).parents[2] / "_build" / "html"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

pytestmark = pytest.mark.slow


def pages():
    made = {"search.html", "py-modindex.html"}
    return sorted(
        str(p.relative_to(SITE))
        for p in SITE.rglob("*.html")
        if "_static" not in p.parts and p.name not in made
    )


@pytest.fixture(scope="module")
def address():
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=SITE)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


def test_the_site_is_built():
    assert {"index.html", "students.html", "instructors.html"} <= set(pages()), "no site: run make book first"


@pytest.mark.parametrize("page", pages())
@pytest.mark.parametrize("width", [1280, 375])
def test_page(browser, address, page, width):
    tab = browser.new_page(viewport={"width": width, "height": 800})
    asked, complaints = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("requestfailed", lambda request: complaints.append(request.url))
    tab.on("response", lambda response: complaints.append(response.url) if response.status >= 400 else None)
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(f"{address}/{page}", wait_until="networkidle")

    assert complaints == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    assert tab.locator("main img:not([alt]), main img[alt='']").count() == 0
    raw = tab.locator("main .math:not(:has(mjx-container))")
    assert raw.count() == 0, "a formula was not set"
    formulas = tab.locator("main mjx-container[display=true]")
    wide = formulas.evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
    )
    assert wide == [], "a formula must be scrolled"
    tab.close()


QUIZZES = "4-mixtures/em.html"


def test_an_answer_opens_by_keyboard_and_says_whether_it_is_right_and_why(browser, address):
    tab = browser.new_page()
    tab.goto(f"{address}/{QUIZZES}")
    group = tab.get_by_role("group", name="Question 2.").first
    answers = group.locator("details")
    answers.first.locator("summary").focus()
    tab.keyboard.press("Tab")
    second = answers.nth(1).locator("summary")
    assert second.evaluate("one => one === document.activeElement")
    for i, verdict in ((0, "Not so."), (1, "Right.")):
        reason = answers.nth(i).locator(".quiz-reason")
        assert not reason.is_visible()
        answers.nth(i).locator("summary").focus()
        tab.keyboard.press("Enter")
        assert reason.is_visible()
        assert reason.inner_text().startswith(verdict)
        assert len(reason.inner_text()) > len(verdict) + 20
    tab.close()


def test_a_quiz_can_be_read_with_scripts_off(browser, address):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{address}/{QUIZZES}#quiz-2")
    quiz = tab.locator("#quiz-2")
    assert quiz.locator(".quiz-question").is_visible()
    assert all(answer.is_visible() for answer in quiz.locator("summary").all())
    quiz.locator("summary").first.click()
    assert quiz.locator(".quiz-reason").first.is_visible()
    head = tab.locator(".bd-header-article").evaluate("one => getComputedStyle(one).backgroundColor")
    assert head == "rgb(255, 255, 255)", "the text shows through the page's head"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_of_a_quiz_have_contrast(browser, address, scheme):
    tab = browser.new_page(color_scheme=scheme)
    tab.goto(f"{address}/{QUIZZES}")
    tab.locator("details.quiz-answer").evaluate_all("all => all.forEach(one => (one.open = true))")
    background = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    for kind in (".quiz-right .quiz-verdict", ".quiz-wrong .quiz-verdict", ".quiz-number", ".quiz-reason"):
        colour = tab.locator(kind).first.evaluate("one => getComputedStyle(one).color")
        assert contrast(colour, background) >= 4.5, kind
    tab.close()


def contrast(one: str, other: str) -> float:
    """The ratio of two opaque CSS colours, rgb(r, g, b), as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        shares = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scripts", [True, False])
def test_the_page_for_reports_knows_where_one_comes_from(browser, address, scripts):
    context = browser.new_context(java_script_enabled=scripts)
    tab = context.new_page()
    tab.goto(f"{address}/{QUIZZES}")
    assert tab.locator(".last-updated").count() == 1
    tab.get_by_role("link", name="Report an error on this page").click()
    tab.wait_for_url("**/report.html#*")
    shown = [entry.inner_text() for entry in tab.locator(".report-pages li").all() if entry.is_visible()]
    assert len(shown) == 1 and "4-mixtures/em." in shown[0]
    tab.goto(f"{address}/report.html")
    assert not any(entry.is_visible() for entry in tab.locator(".report-pages li").all())
    context.close()
