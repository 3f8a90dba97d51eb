"""Frames to take: the rarest first, capped per drive, with an equal control."""

import pandas as pd

from rarelib.export.frames import list_frames
from rarelib.export.rows import Export


def test_frames_are_capped_and_the_control_is_equal_and_apart():
    images = pd.DataFrame({"image_id": [f"i{n:02d}" for n in range(60)], "path": [f"{n:02d}.jpg" for n in range(60)]})
    images = images.assign(sampled=True, error="", group=[f"drive_{n // 15}" for n in range(60)])
    images.loc[59, "error"] = "broken"
    images.loc[58, "sampled"] = False
    objects = pd.DataFrame({"image_id": [*(f"i{n:02d}" for n in range(10)), "i20", "i20"], "rank": range(1, 13)})
    export = Export(objects, images, "run")
    frames = list_frames(export, images, per_drive=4, seed=1)
    rare, control = (frames[frames["kind"] == kind] for kind in ("rare", "control"))
    assert rare["path"].tolist() == ["00.jpg", "01.jpg", "02.jpg", "03.jpg", "20.jpg"]
    assert rare["objects"].tolist() == [1, 1, 1, 1, 2] and rare["best_rank"].tolist() == [1, 2, 3, 4, 11]
    assert len(control) == 5 and control["group"].value_counts().max() <= 4
    assert not set(control["path"]) & {*(f"{n:02d}.jpg" for n in range(10)), "20.jpg", "58.jpg", "59.jpg"}
    assert list_frames(export, images, per_drive=4, seed=1).equals(frames)
    assert (list_frames(export, images, per_drive=None)["kind"] == "rare").sum() == 11
