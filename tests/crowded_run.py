"""A made-up run of many objects, and all that reads a run: `python crowded_run.py SMALL ROOT TWIN` prints its peak."""

import json
import shutil
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
from planted_run import planted_run

from rarelib.run import queries
from rarelib.run.folder import RunFolder

PER_PICTURE, PER_DRIVE, SELECTED, DIM = 10, 400, 60, 8


def crowded_run(root: Path, count: int, *, memory_gb: float = 0.1) -> RunFolder:
    """Write tables and vectors of a run whose ranks are drawn at random; the pictures and all but few crops are not."""
    run = planted_run(root)
    number, rng = np.arange(count), np.random.default_rng(0)
    pictures = pd.Series(np.char.zfill(np.arange(-(-count // PER_PICTURE)).astype(str), 12), dtype="str")
    drive = (pictures.index * PER_PICTURE // PER_DRIVE).map("drive {}".format)
    images = pd.DataFrame({"image_id": pictures, "path": drive + "/" + pictures + ".jpg", "group": drive})
    run.write_table("images", images.assign(width=1600, height=900, sampled=True, error=""))
    image_id = pictures.take(number // PER_PICTURE).reset_index(drop=True)
    ids = (image_id + pd.Series(number % PER_PICTURE).map("-{:02d}".format)).astype("str")
    corner = rng.uniform(0, 800, (count, 2))
    place = {"x_min": corner[:, 0], "y_min": corner[:, 1], "x_max": corner[:, 0] + 90, "y_max": corner[:, 1] + 90}
    known = {"object_id": ids, "image_id": image_id, "class_name": pd.Series(number % 9).map("kind {}".format)}
    objects = pd.DataFrame({**known, "crop_path": "cropped_objects/im/" + ids + ".jpg", **place})
    run.write_table("objects", objects.assign(origin="detected", confidence=0.8, sharpness=rng.random(count)))
    run.write_table("early_filter", pd.DataFrame({"object_id": ids, "keep": True, "reason": "rare here"}))
    run.write_vectors(rng.normal(size=(count, DIM)), ids, {"model": "made up", "revision": "", "dim": DIM})
    run.write_table("zero_shot", known_names(objects))
    scores = made_up_scores(run.read_table("scores"), ids, rng.permutation(count) + 1)
    run.write_table("scores", scores)
    chosen = ids[scores["selected"]]
    near = {"object_id": chosen, "neighbour_id": ids.iloc[: len(chosen)].to_numpy(), "position": 1, "similarity": 0.5}
    run.write_table("neighbours", pd.DataFrame(near))
    run.write_table("map", pd.DataFrame({"object_id": ids.iloc[:100], "x": 0.5, "y": 0.5}))
    config = run.read_json("config.json")
    asked = {"skip_caption": True, "skip_visualization": False, "keep_crops": "selected", "clip_model": "demo"}
    config["parameters"].update(asked, images_folder="", memory_gb=memory_gb)
    run.write_json("config.json", config)
    run.table_path("captions").unlink()
    return run


def known_names(objects: pd.DataFrame) -> pd.DataFrame:
    names = objects[["object_id"]].assign(phrase=objects["class_name"], similarity=0.3, class_similarity=0.3)
    return names.assign(looks_like=objects["class_name"], margin=0.0, strangeness=0.1)


def made_up_scores(like: pd.DataFrame, ids: pd.Series, rank: np.ndarray) -> pd.DataFrame:
    """Return as many rows as ids, their constants those of another scores table."""
    table = like.iloc[np.zeros(len(ids), int)].reset_index(drop=True)
    reason = "the only one of its kind; looks stranger than 97.1% of all objects; nearest common object at 0.71"
    selected, told = rank <= SELECTED, pd.Series(np.where(rank <= len(ids) // 4, reason, ""), dtype="str")
    own = {"object_id": ids, "event": ids, "rank": rank, "rank_before_verdicts": rank, "reason": told}
    return table.assign(**own, rarity=1 - rank / (len(ids) + 1), selected=selected, is_outlier=selected, event_size=1)


def read_all(root: Path, twin: Path) -> dict[str, object]:
    """Do all that reads a finished run, and return something of each."""
    from rarelib.explore.explorer import Explorer
    from rarelib.export.rows import collect_rows
    from rarelib.objects.projection import ranked_vectors
    from rarelib.pipeline.check import check_run
    from rarelib.report.comparison import compare_runs
    from rarelib.report.results import (
        collect_statistics,
        copy_result_folders,
        rarest_objects,
        write_html,
        write_results,
    )

    run = RunFolder(root)
    statistics = collect_statistics(run)
    run.write_json("statistics.json", statistics)
    explorer = Explorer(root, max_objects=1000)
    return {
        "funnel": statistics["funnel"],
        "written": write_results(run),
        "placed": copy_result_folders(run),
        "rarest": len(rarest_objects(run)),
        "page": write_html(run, statistics, max_objects=20).stat().st_size,
        "problems": check_run(root),
        "held": len(explorer.objects),
        "boxes": len(explorer.answer("picture", row=0)[0]["boxes"]),
        "exported": len(collect_rows(run).objects),
        "vectors": len(ranked_vectors(run)),
        "compared": len(compare_runs(run, RunFolder(twin), neither=500)),
    }


def twin_of(run: RunFolder) -> Path:
    """Return another folder with the same tables."""
    twin = run.root.with_name(f"{run.root.name}_twin")
    for name in ("config.json", "tables/objects.parquet", "tables/scores.parquet", "tables/images.parquet"):
        shutil.copy(run.root / name, RunFolder(twin).path(name))
    return twin


def own_bytes() -> int:
    """Return what this process holds for itself, mapped files not counted."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def main() -> None:
    """Read a small run first, so that all is imported; then print what reading the other one takes at its peak."""
    queries.ROW_BYTES = 10_000  # small blocks, so that few objects fill them
    small, root, twin = map(Path, sys.argv[1:])
    read_all(small, small)
    before, highest = own_bytes(), [0]

    def watch() -> None:
        while True:
            highest[0] = max(highest[0], own_bytes())
            time.sleep(0.01)

    threading.Thread(target=watch, daemon=True).start()
    told = read_all(root, twin)
    print(json.dumps({**told, "bytes": highest[0] - before}))


if __name__ == "__main__":
    main()
