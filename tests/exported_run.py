"""A planted run with its pictures, ready to be exported."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from planted_run import planted_run

from rarelib.run.folder import RunFolder


def exported_run(root: Path) -> tuple[RunFolder, Path]:
    """Return the run and the folder of its pictures (640 x 360); the rarest object is a horse at the picture's edge."""
    run, pictures = planted_run(root / "planted"), root / "pictures"
    images = run.read_table("images").assign(camera="CAM_FRONT", timestamp=[1.5, *[np.nan] * 5])
    images.loc[2, "path"] = "drive_b/2.jpg"
    images.loc[2, "group"] = "drive_b"
    run.write_table("images", images)
    objects = run.read_table("objects")
    objects["x_min"] += 10 * np.arange(len(objects))  # no two alike
    objects["x_max"] += 10 * np.arange(len(objects))
    last = objects["object_id"] == "img2-06"
    objects.loc[last, ["x_min", "y_min", "x_max", "y_max"]] = [600.5, 300.0, 641.0, 361.0]  # beyond the edge
    run.write_table("objects", objects)
    for path in images["path"]:
        (pictures / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((360, 640, 3), 90, np.uint8)).save(pictures / path)
    return run, pictures


def selected_rows(run: RunFolder) -> pd.DataFrame:
    scores = run.read_table("scores")
    return scores[scores["selected"]].merge(run.read_table("objects"), on="object_id").sort_values("rank")
