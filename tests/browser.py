"""A headless Chromium for tests that look at pages; they skip with the reason where there is none."""

import shutil

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def launch():
    """Yield a browser, driven by Playwright; use it with `yield from` in a fixture."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not here (pip install playwright)")
    if CHROMIUM is None:
        pytest.skip("Chromium is not here (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page that is watched: what it asked for outside itself, and what went wrong in it."""

    def __init__(self, browser, **options):
        self.page = browser.new_page(reduced_motion="reduce", **options)
        self.outside, self.errors = [], []
        self.page.on("request", lambda request: self._request(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))

    def _request(self, url):
        if not url.startswith(("data:", "blob:", "file:", "http://127.0.0.1", "http://localhost", "ws://127.0.0.1")):
            self.outside.append(url)


def serious_faults(page):
    """Return what axe-core finds serious or critical in a page, for people who use it by keyboard or screen reader."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found if one["impact"] in ("serious", "critical")
    ]
