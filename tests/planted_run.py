"""A small finished run, planted by hand, so that every count of the report is known."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rarelib.captions import caption_counts
from rarelib.ranking.signs import SIGNS
from rarelib.run.folder import RunFolder
from rarelib.tables import STAGES

CLASSES = ["car", "car", "car", "car", "bus", "bus", "horse"]
BOX_PX = {"x_min": 10.0, "y_min": 20.0, "x_max": 50.0, "y_max": 60.0}
HOSTILE = "<script>alert(1)</script>"


def planted_run(root: Path, *, count: int = 7, captions: bool = True, hostile: bool = False) -> RunFolder:
    """Write the tables, crops and markers of a run with 4 pictures (1 unreadable) and up to 7 objects.

    The first two of the objects are set aside by the early filter; the last three are selected, the last is the
    rarest. Object 5 stands for 3 near-duplicates; object 4 is a proposal; caption and detector disagree on object 6.
    """
    run = RunFolder(root)
    names = [f"{HOSTILE}<b>car</b> $x$" if hostile and name == "horse" else name for name in CLASSES]
    objects = _objects(names).head(count)
    kept = objects["object_id"].iloc[2:]
    run.write_table("images", _images())
    run.write_table("unreadable", pd.DataFrame({"image_id": ["img3"], "error": ["cut off"]}))
    run.write_table("objects", objects)
    keep = objects["object_id"].isin(kept)
    reason = np.where(keep, "rare here", "a common class, thinned")
    run.write_table("early_filter", pd.DataFrame({"object_id": objects["object_id"], "keep": keep, "reason": reason}))
    run.write_vectors(np.eye(len(kept), 8, dtype=np.float32), kept.tolist(), {"model": "planted", "dim": 8})
    run.write_table("scores", _scores(kept, hostile))
    run.write_table("neighbours", _neighbours(kept))
    described = _captions(kept.iloc[-3:], hostile) if captions else None
    if described is not None:
        run.write_table("captions", described)
    for number, path in enumerate(objects["crop_path"]):
        crop = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(crop).save(run.path(path), quality=95)
    _markers(run, described)
    return run


def _images() -> pd.DataFrame:
    table = pd.DataFrame({"image_id": [f"img{n}" for n in range(6)], "path": [f"drive a/{n}.jpg" for n in range(6)]})
    error = ["", "", "", "", "empty file", ""]
    return table.assign(width=640, height=360, sampled=[True] * 5 + [False], error=error, group="drive a")


def _objects(names: list[str]) -> pd.DataFrame:
    ids = [f"img{n // 3}-{n:02d}" for n in range(7)]
    table = pd.DataFrame({"object_id": ids, "image_id": [f"img{n // 3}" for n in range(7)], "class_name": names})
    crop_path = [f"cropped_objects/im/{object_id}.jpg" for object_id in ids]
    origin = ["proposal" if n == 4 else "detected" for n in range(7)]
    return table.assign(confidence=0.5, **BOX_PX, crop_path=crop_path, origin=origin)


def _scores(ids: pd.Series, hostile: bool) -> pd.DataFrame:
    n = len(ids)
    rank = np.arange(n, 0, -1)
    table = pd.DataFrame({"object_id": ids, "class_count": 1, "rare_class_score": 0.0, "knn": 0.5, "rank": rank})
    reason = [f"{HOSTILE} reason" if hostile else "the only one of its kind"] * n
    return table.assign(
        is_outlier=rank == 1,
        is_rare_class=rank <= 2,
        selected=rank <= 3,
        rarity=1 - rank / 10,
        reason=pd.Series(reason, index=ids.index, dtype="str"),
        reason_codes="rare_class,far_from_all",
        event=ids,
        event_size=np.where(rank == 2, 3, 1),
        **{
            sign.name: np.where(rank <= 3, 0.5, 0.0) if sign.name == "sign_look" else float(not sign.raises)
            for sign in SIGNS
        },
    )


def _neighbours(ids: pd.Series) -> pd.DataFrame:
    first = ids.iloc[0] if len(ids) else ""
    table = pd.DataFrame({"object_id": ids.iloc[1:], "neighbour_id": first, "position": 1, "similarity": 0.25})
    return table.astype({"object_id": "str", "neighbour_id": "str"})


def _captions(ids: pd.Series, hostile: bool) -> pd.DataFrame:
    last = ids.index == (ids.index[-1] if len(ids) else -1)
    words = f"{HOSTILE}<img src=x onerror=alert(2)>" if hostile else "a horse on the road"
    return pd.DataFrame(
        {
            "object_id": ids,
            "caption": pd.Series(np.where(last, words, "a bus"), index=ids.index, dtype="str"),
            "source": pd.Series(np.where(last, "model", "fallback"), index=ids.index, dtype="str"),
            "error": pd.Series(np.where(last, "", "timed out"), index=ids.index, dtype="str"),
            "model": "tiny",
            "seconds": 0.5,
            "kind": pd.Series(np.where(last, "fire engine", ""), index=ids.index, dtype="str"),
            "first_caption": "",
            "input_tokens": 100,
            "output_tokens": 10,
            "disagrees": last,
        }
    )


def _markers(run: RunFolder, captions: pd.DataFrame | None) -> None:
    seconds = {"total": 2.5, "read": 0.5, "write": 0.25, "compute": 1.0, "start_up": 0.75}
    for stage in STAGES[:-1]:
        if stage != "06_caption_objects" or captions is not None:
            counts = caption_counts(captions) if stage == "06_caption_objects" else {}
            marker = {"fingerprint": "0", "counts": counts, "seconds": seconds, "versions": {}}
            run.write_json(f"stages/{stage}.json", marker)
    config = {
        "parameters": {"name": "planted", "language": "en", "skip_caption": captions is None},
        "versions": {"rarelib": "0.1.0", "python": "3.11"},
        "models": {"yolo_model": {"name": "demo", "sha256": "0" * 64}},
    }
    run.write_json("config.json", config)
