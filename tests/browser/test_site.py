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
    made = {"genindex.html", "search.html", "py-modindex.html"}
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
    tab.close()
