"""What tables cost in memory: each way to read a run's tables, at two counts of objects, as kB an object.

Run: python benchmarks/growth_tables.py [100000 400000] [--jobs report check …] [--folder FOLDER] [--memory_gb 1]

Each job runs in a process of its own over a made-up run (ten objects a picture, forty pictures a drive, one in twenty
selected, a crop for each object), and says the seconds of the processor and the peak of what the process holds for
itself (RssAnon, sampled), less what it held once its modules were imported. Stages are the code cells of their
notebooks; with --cells each cell is told. The growth from the first count to the last, by objects, is what an object
costs. `score` scores anew and takes minutes; it is run when it is named.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from growth_stored import DIM, PER_PICTURE, Watch, draw_tables, draw_vectors, is_rare, memory_mib

os.environ.setdefault("MPLBACKEND", "agg")
PROJECT = Path(__file__).parents[1]
SELECTED_SHARE, MAP_SHARE, CROP_FILES, REASON_ROWS = 0.05, 0.05, 64, 100_000
MOST_LINKS = 60_000  # of one file; ext4 allows 65,000
READING, JOBS = ("objects", "filter", "map"), ("report", "check", "explore", "compare", "export", "export all")
NOTEBOOKS = {"score": "04_score_rarity", "map": "05_map_objects", "report": "07_report"}
# cells of notebooks 02 and 03 that show what was found, by a text that they hold; the rest needs models
SHOWN = {"objects": ("02_detect_objects", ("plot_class_counts", "plot_confidence_sizes")),
         "filter": ("03_embed_objects", ("plot_early_filter",))}  # fmt: skip


def main() -> None:
    """Measure all jobs at all counts, or one where a process is told to, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", type=int, nargs="*", default=[100_000, 400_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_growth_tables")
    parser.add_argument("--jobs", nargs="*", default=[*READING, *JOBS])
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--memory_gb", type=float, default=1.0)
    parser.add_argument("--cells", action="store_true", help="say on stderr what each cell of a notebook takes")
    parser.add_argument("--one", action="store_true", help="measure the one job here and print it as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.jobs[0], options.counts[0], options)))
        return
    rows = []
    for count in options.counts:
        make_run(options.folder / f"run_{count}", count, options)
        rows += [measure_apart(job, count, options) for job in options.jobs]
    table = pd.DataFrame(rows)
    print(table.pivot(index="job", columns="objects", values=["seconds", "memory_mib"]).to_string())
    print(cost_table(table))


def measure_apart(job: str, count: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one job at one count in a process of its own."""
    command = [sys.executable, __file__, str(count), "--one", "--jobs", job, "--folder", str(options.folder)]
    command += ["--memory_gb", str(options.memory_gb), "--dim", str(options.dim), *["--cells"] * options.cells]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout.strip().splitlines()[-1], file=sys.stderr, flush=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def cost_table(table: pd.DataFrame) -> str:
    """Return Markdown: seconds and MiB at each count, and kB an object by the first and the last count."""
    counts = sorted(table["objects"].unique())
    lines = [
        f"| job | {' | '.join(f'{n:,}: s, MiB' for n in counts)} | kB an object |",
        "|---" * (len(counts) + 2) + "|",
    ]
    for job, rows in table.groupby("job", sort=False):
        rows = rows.set_index("objects")
        grown = (rows["memory_mib"].iloc[-1] - rows["memory_mib"].iloc[0]) * 2**20 / 1e3
        cells = [f"{rows['seconds'][n]:.1f}, {rows['memory_mib'][n]:.0f}" for n in counts]
        lines.append(f"| {job} | {' | '.join(cells)} | {grown / max(counts[-1] - counts[0], 1):.3f} |")
    return "\n".join(lines)


def measure(job: str, count: int, options: argparse.Namespace) -> dict[str, Any]:
    """Do one job over the made-up run; return its seconds of the processor and its peak of memory [MiB]."""
    root = options.folder / f"run_{count}"
    work = prepare(job, root, options)
    before, watch, start = memory_mib("RssAnon"), Watch(), time.process_time()
    work()
    seconds = time.process_time() - start
    time.sleep(0.1)
    highest = max(watch.highest["RssAnon"], memory_mib("RssAnon"))
    return {"job": job, "objects": count, "seconds": round(seconds, 1), "memory_mib": round(highest - before, 1)}


def prepare(job: str, root: Path, options: argparse.Namespace) -> Callable[[], Any]:
    """Import what a job uses and return what does it."""
    from rarelib.explore.explorer import Explorer
    from rarelib.export.writing import export_run
    from rarelib.pipeline.check import check_run
    from rarelib.report.comparison import compare_runs, rank_agreement
    from rarelib.run.folder import open_run

    if job in NOTEBOOKS or job in SHOWN:
        return prepare_cells(job, root, options)
    if job == "check":
        return lambda: print(*check_run(root)[:4], sep="\n", file=sys.stderr)
    if job == "explore":
        return lambda: Explorer(root).answer("crops", rows=list(range(48)), side=240)
    if job == "compare":
        other = twin_of(root)
        return lambda: rank_agreement(compare_runs(open_run(root), open_run(other)))
    out = root.parent / f"export_{os.getpid()}"
    what = "all" if job == "export all" else "selection"

    def export() -> None:
        export_run(open_run(root), out, to="csv", what=what)
        shutil.rmtree(out)

    return export


def prepare_cells(job: str, root: Path, options: argparse.Namespace) -> Callable[[], Any]:
    """Return what runs the code cells of a stage's notebook, those for imports and parameters done already."""
    name, shown = SHOWN.get(job, (NOTEBOOKS.get(job, ""), ()))
    cells = json.loads((PROJECT / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    values: dict[str, Any] = {}
    for source in code[:2]:
        exec(source, values)
    values.update(run_folder=str(root), memory_gb=options.memory_gb, outlier_methods=["mahalanobis"], audit=False)
    values.update(map_max_points=1000)
    rest = [source for source in code[2:] if not shown or any(text in source for text in shown)]
    read = READ_ONLY.get(job, "")

    def work() -> None:
        for source in [*([read] if read else []), *rest]:
            start = time.process_time()
            exec(source, values)
            told = (
                f"{time.process_time() - start:7.1f} s {memory_mib('RssAnon'):8.0f} MiB  {source.splitlines()[0][:70]}"
            )
            if options.cells:
                print(told, file=sys.stderr)

    return work


READ_ONLY = {
    "objects": "from rarelib.run.folder import open_run; run = open_run(run_folder)\n"
    "objects, images = run.read_table('objects'), run.read_table('images')",
    "filter": "from rarelib.run.folder import open_run; run = open_run(run_folder)\n"
    "objects, filtered = run.read_table('objects'), run.read_table('early_filter')",
}


def twin_of(root: Path) -> Path:
    """Return another folder with the same tables, as a second run."""
    other = root.with_name(f"{root.name}_twin")
    if not other.is_dir():
        shutil.copytree(root / "tables", other / "tables", copy_function=os.link)
        shutil.copy(root / "config.json", other / "config.json")
    return other


def make_run(root: Path, count: int, options: argparse.Namespace) -> None:
    """Write a finished run of so many objects: vectors, tables, crops, markers; scores are made up."""
    if (root / "config.json").is_file():
        return
    from rarelib.params import Params
    from rarelib.run.folder import RunFolder
    from rarelib.tables import STAGES

    run = RunFolder(root)
    (root / "tables").mkdir(parents=True, exist_ok=True)
    draw_vectors(root / "tables" / "embeddings.npy", count, dim=options.dim)
    objects, images = draw_tables(count)
    path = images["group"] + "/" + images["image_id"] + ".jpg"
    images = images.assign(path=path, sampled=True, error="", camera="front", timestamp=np.arange(len(images)) / 2)
    run.write_table("images", images)
    run.write_table("unreadable", pd.DataFrame({"image_id": [], "error": []}, dtype="str"))
    folder = objects["object_id"].str.slice(8, 10)
    objects["crop_path"] = "cropped_objects/" + folder + "/" + objects["object_id"] + ".jpg"
    content = pd.Series(np.arange(len(images))).map("{:016x}".format).astype("str")
    objects["content"] = content.take(np.arange(count) // PER_PICTURE).reset_index(drop=True)
    wide = {name: "float64" for name in objects if objects[name].dtype == np.float32}
    run.write_table("objects", objects.astype(wide).assign(energy=3.5, touches_border=False))
    ids = objects["object_id"]
    run.write_table("early_filter", pd.DataFrame({"object_id": ids, "keep": True, "reason": "rare in this data"}))
    run.write_table("embeddings", ids.to_frame())
    run.write_json("tables/embeddings.json", {"embedder": "yolo", "model": "made up", "dim": options.dim})
    run.write_table("zero_shot", made_up_names(objects))
    scores = made_up_scores(objects, count)
    run.write_table("scores", scores)
    chosen = ids[scores["selected"]]
    near = pd.DataFrame(
        {"object_id": np.repeat(chosen.to_numpy(object), 3), "position": np.tile([1, 2, 3], len(chosen))}
    )
    near["neighbour_id"] = ids.sample(len(near), random_state=0, replace=True).to_numpy(object)
    near = near.astype({"object_id": "str", "neighbour_id": "str"}).assign(similarity=0.5)
    run.write_table("neighbours", near)
    place = np.random.default_rng(0).normal(size=(round(MAP_SHARE * count), 2))
    run.write_table("map", pd.DataFrame({"object_id": ids.iloc[: len(place)], "x": place[:, 0], "y": place[:, 1]}))
    write_crops(run, objects["crop_path"])
    parameters = Params(name=root.name, skip_caption=True, memory_gb=options.memory_gb).model_dump(mode="json")
    for stage in STAGES[:5]:
        run.write_json(f"stages/{stage}.json", {"counts": {}, "seconds": {"total": 1.0}, "fingerprint": "0"})
    run.write_json("config.json", {"parameters": parameters, "models": {}, "versions": {}})


def made_up_names(objects: pd.DataFrame) -> pd.DataFrame:
    """Return a zero_shot table."""
    values = np.random.default_rng(3).random((len(objects), 3)) / 3
    names = pd.DataFrame(values, columns=["similarity", "class_similarity", "strangeness"])
    names["looks_like"], names["phrase"] = objects["class_name"], objects["class_name"]
    names = names.assign(object_id=objects["object_id"], looks_like_similarity=0.3)
    return names.assign(margin=names["similarity"] - names["class_similarity"])


def made_up_scores(objects: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return a scores table whose ranks are drawn at random, strangers first; reasons as a ranking writes them."""
    from rarelib.ranking.signs import SIGNS

    rng = np.random.default_rng(4)
    rank = np.empty(count, np.int64)
    rank[np.argsort(rng.random(count) - is_rare(count), kind="stable")] = np.arange(1, count + 1)
    selected = rank <= SELECTED_SHARE * count
    reason = "one of 1,234 'kind 7' among 20,000 objects; looks stranger than 97.1% of all objects; nearest at 0.71"
    told = pd.Series(np.where(selected | (rank <= REASON_ROWS), reason, ""), dtype="str")
    numbers = ("mahalanobis", "embedding_rarity", "quality", "hidden", *(sign.name for sign in SIGNS))
    table = pd.DataFrame(rng.random((count, len(numbers))).round(9), columns=list(numbers))
    return table.assign(
        object_id=objects["object_id"], class_count=1000, rare_class_score=0.0, is_outlier=selected,
        is_rare_class=rank % 3 == 0, selected=selected, rarity=1 - rank / (count + 1), rank=rank, reason=told,
        reason_codes=told.where(told == "", "rare_class,far_from_all"), event=objects["object_id"], event_size=1,
        rank_before_verdicts=rank,
    )  # fmt: skip


def write_crops(run: Any, paths: pd.Series) -> None:
    """Give each object a crop: links to a few files, each linked less often than disks allow."""
    from PIL import Image

    (run.root / "crops_of_all").mkdir()
    files = max(CROP_FILES, len(paths) // MOST_LINKS + 1)
    sources = [run.root / "crops_of_all" / f"{number}.jpg" for number in range(files)]
    for number, source in enumerate(sources):
        noise = np.random.default_rng(number).integers(0, 255, (12, 9, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((90, 120)).save(source)
    for folder in paths.str.rpartition("/")[0].unique():
        (run.root / folder).mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(paths):
        os.link(sources[number % files], run.root / path)


if __name__ == "__main__":
    main()
