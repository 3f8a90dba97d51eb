"""A headless Chromium for tests that look at pages; they skip with the reason where there is none."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

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


TOKEN = "for-the-tests"
WAIT_MS = 180_000  # of a machine that does other things as well


@contextmanager
def lab_server(run, home):
    """Start `rarelib explore` on a run without a browser and give the address of its notebook."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root", f"--IdentityProvider.token={TOKEN}"]
    environment = {**os.environ, "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "config"),
                   "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "IPYTHONDIR": str(home / "ipython")}  # fmt: skip
    command = [sys.executable, "-m", "rarelib", "explore", str(run), *options]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", server)
            yield f"http://127.0.0.1:{port}/lab/tree/explore.ipynb?token={TOKEN}"
        finally:
            server.terminate()
            server.wait(timeout=60)
            with socket.socket() as left:
                assert left.connect_ex(("127.0.0.1", port)), "JupyterLab outlives the command that started it"


def open_lab(page, address):
    """Open a notebook in JupyterLab and wait until its kernel is ready."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=WAIT_MS)
    page.get_by_text("| Idle").wait_for(timeout=WAIT_MS)


def _wait_for(address, server):
    end = time.monotonic() + WAIT_MS / 1000
    while time.monotonic() < end and server.poll() is None:
        try:
            return urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
    raise AssertionError("JupyterLab did not start")


def press_lasso(page, canvas, *corners, steps=6):
    """Draw round corners of a map, given as shares of its width and height, and hold the button down."""
    box = canvas.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=steps)
