"""How quickly a run of 20,000 objects opens, hovers and filters in JupyterLab, and how large and quick report.html is.

    python benchmarks/explore.py [--objects 20000] [--cards 500]

The run is made up (vectors around 40 centres, crops of noise); JupyterLab and Chromium are real.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rarelib.ranking.signs import SIGNS
from rarelib.report.html import write_html
from rarelib.report.results import collect_statistics
from rarelib.run.folder import RunFolder
from rarelib.tables import BOX, STAGES

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from browser import CHROMIUM, FLAGS, WAIT_MS, lab_server, open_lab

DIM, CENTRES, CROPS, PICTURES_EACH, CLASSES = 512, 40, 400, 10, 12
HOVERS = 40
CELLS = ("from rarelib.explore.explorer import Explorer", 'explorer = Explorer(".")\nexplorer')
WAITING = "() => { window.began = performance.now(); }"
TIP = """() => { const tip = document.querySelector(".rarelib .tip"); const image = tip.querySelector("img");
  return !tip.hidden && image && image.complete && image.naturalWidth > 0; }"""


def made_up_run(root: Path, count: int, cards: int) -> RunFolder:
    """Write a run of so many objects, of which so many are selected."""
    run, rng = RunFolder(root), np.random.default_rng(0)
    n_images = max(count // PICTURES_EACH, 1)
    image_ids = [f"image{number:06d}" for number in range(n_images)]
    ids = pd.Series([f"{image_ids[n % n_images]}-{n // n_images:02d}" for n in range(count)], dtype="str")
    paths = [f"drive{n // 50:03d}/{image_id}.jpg" for n, image_id in enumerate(image_ids)]
    images = pd.DataFrame({"image_id": image_ids, "path": paths, "width": 1600, "height": 900, "sampled": True})
    run.write_table("images", images.assign(error="", group=[path.split("/")[0] for path in paths]))
    for number in range(CROPS):
        noise = rng.integers(0, 255, (12, 9, 3), dtype=np.uint8)
        path = run.path(f"cropped_objects/{number:03d}.jpg")
        Image.fromarray(noise).resize((180, 240), Image.Resampling.BICUBIC).save(path, quality=85)
    for path in paths[: cards + 50]:
        noise = rng.integers(0, 255, (18, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((1600, 900), Image.Resampling.BICUBIC).save(run.path(f"pictures/{path}"))
    run.write_table("objects", _objects(ids, image_ids, rng))
    centre = rng.integers(0, CENTRES, count)
    vectors = rng.normal(size=(CENTRES, DIM))[centre] + 0.8 * rng.normal(size=(count, DIM))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    run.write_vectors(vectors, ids, {"embedder": "yolo", "model": "made up", "revision": "", "dim": DIM})
    run.write_table("scores", _scores(ids, cards, rng))
    angle = 2 * np.pi * centre / CENTRES
    spread = rng.normal(size=(count, 2))
    run.write_table("map", pd.DataFrame({"object_id": ids, "x": 10 * np.cos(angle) + spread[:, 0],
                                         "y": 10 * np.sin(angle) + spread[:, 1]}))  # fmt: skip
    near = pd.DataFrame({"object_id": ids[:cards], "neighbour_id": ids[cards : 2 * cards].to_numpy()})
    run.write_table("neighbours", near.assign(position=1, similarity=0.8))
    for stage in STAGES:
        run.write_json(f"stages/{stage}.json", {"counts": {}, "seconds": {"total": 1.0}})
    parameters = {"images_folder": str(root / "pictures"), "clip_model": "", "language": "en"}
    run.write_json("config.json", {"parameters": parameters, "models": {}, "versions": {}})
    return run


def _objects(ids: pd.Series, image_ids: list[str], rng: np.random.Generator) -> pd.DataFrame:
    corner = rng.uniform(0, (1400, 700), (len(ids), 2)).round(1)
    table = pd.DataFrame(np.hstack([corner, corner + rng.uniform(20, 200, (len(ids), 2)).round(1)]), columns=BOX)
    return table.assign(
        object_id=ids,
        image_id=ids.str.rsplit("-", n=1).str[0],
        class_name=pd.Series([f"class {number % CLASSES}" for number in range(len(ids))], dtype="str"),
        confidence=rng.random(len(ids)),
        objectness=rng.random(len(ids)),
        crop_path=pd.Series([f"cropped_objects/{number % CROPS:03d}.jpg" for number in range(len(ids))], dtype="str"),
        origin="detected",
    )


def _scores(ids: pd.Series, cards: int, rng: np.random.Generator) -> pd.DataFrame:
    rank = np.arange(1, len(ids) + 1)
    words = "one of 1,234 'class' among 20,000 objects; looks stranger than 97.1% of all objects; nearest at 0.71"
    return pd.DataFrame({"object_id": ids, "rank": rank, "rarity": 1 - rank / (len(ids) + 1)}).assign(
        selected=rank <= cards, is_outlier=False, is_rare_class=False, class_count=100, rare_class_score=0.0,
        reason=words, reason_codes="odd,nearest", event=ids, event_size=1, quality=1.0,
        **{sign.name: rng.random(len(ids)) * 0.3 if sign.raises else 1.0 for sign in SIGNS},
    )  # fmt: skip


def write_cells(run: RunFolder) -> None:
    """Put a notebook into the run that imports in one cell and opens the explorer in the next."""
    cells = [{"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "outputs": [], "execution_count": None,
              "source": source} for number, source in enumerate(CELLS)]  # fmt: skip
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    run.write_json("explore.ipynb", {"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5})


def time_lab(run: RunFolder) -> dict[str, float]:
    """Return seconds until the first cards stand, and how long hovers, a filter and a lasso take [ms]."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, lab_server(run.root, Path(home)) as address, sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        open_lab(page, address)
        page.locator(".jp-CodeCell .jp-InputPrompt").first.click()
        page.keyboard.press("Shift+Enter")
        page.get_by_text("[1]:").first.wait_for(timeout=WAIT_MS)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        busy = busy_seconds(session)
        start = time.perf_counter()
        page.keyboard.press("Shift+Enter")
        page.wait_for_selector(".rarelib .card .crop img", timeout=WAIT_MS)
        opened = time.perf_counter() - start
        busy = busy_seconds(session) - busy
        hovers = time_hovers(page)
        figures = {
            "opens [s]": opened,
            "of it in the page [CPU s]": busy,
            "hover, median [ms]": statistics.median(hovers),
            "hover, worst [ms]": max(hovers),
        }
        browser.close()
    return figures


def busy_seconds(session: object) -> float:
    """Return the CPU time that the tasks of the page's own thread have used since the session began."""
    told = session.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in told if one["name"] == "TaskDuration")


def time_kernel(run: RunFolder) -> float:
    """Return the CPU time that a kernel needs to read the run and to make what it sends."""
    from rarelib.explore.explorer import Explorer

    start = time.process_time()
    Explorer(run.root)
    return time.process_time() - start


def time_hovers(page: object) -> list[float]:
    """Return the milliseconds from a movement onto a point until its crop is shown, by the page's own clock."""
    from playwright.sync_api import TimeoutError

    page.locator(".rarelib .map-canvas").scroll_into_view_if_needed()
    box = page.locator(".rarelib .map-canvas").bounding_box()
    times = []
    for number in range(HOVERS):
        angle = 2 * np.pi * number / CENTRES
        x = box["x"] + box["width"] * (0.5 + 0.37 * np.cos(angle))
        y = box["y"] + box["height"] * (0.5 + 0.37 * np.sin(angle))
        page.evaluate(WAITING)
        page.mouse.move(x, y)
        try:
            page.wait_for_function(TIP, timeout=2000, polling="raf")
        except TimeoutError:  # no point lies there
            continue
        times.append(page.evaluate("() => performance.now() - window.began"))
        page.mouse.move(box["x"] + 2, box["y"] + 2)
    return times


def time_page(path: Path) -> dict[str, float]:
    """Return how large report.html is, and seconds until it is loaded and its first card's crop stands."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(path.resolve().as_uri(), wait_until="commit")
        page.wait_for_selector(".card .crop img", timeout=WAIT_MS)
        first = page.evaluate("() => performance.now()") / 1000
        browser.close()
    return {"report.html [MB]": path.stat().st_size / 1e6, "report.html, first card [s]": first}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--cards", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = made_up_run(Path(folder) / "run", asked.objects, asked.cards)
        start = time.perf_counter()
        write_html(run, collect_statistics(run), images_folder=str(run.root / "pictures"), max_objects=asked.cards)
        figures = {"report.html, written [s]": time.perf_counter() - start}
        write_cells(run)
        figures["of opening, in the kernel [CPU s]"] = time_kernel(run)
        figures |= time_page(run.root / "report.html") | time_lab(run)
    for name, value in figures.items():
        print(f"{name:<36}{value:>9.2f}")


if __name__ == "__main__":
    main()
