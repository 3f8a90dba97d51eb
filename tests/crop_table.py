"""Small pictures with one object each, and the table that captions are made from."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

BOX = {"x_min": 8.0, "y_min": 8.0, "x_max": 40.0, "y_max": 40.0}


def selected_objects(root: Path, count: int, *, class_name: str = "vehicle", seed: int = 0) -> pd.DataFrame:
    """Write `count` different pictures with their crops below root; return the selected table, rarest first."""
    for folder in ("pictures", "crops"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        blocks = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        picture = Image.fromarray(blocks).resize((48, 48), Image.Resampling.NEAREST)
        picture.save(root / "pictures" / f"{number:04d}.jpg", quality=90)
        picture.crop((8, 8, 40, 40)).save(root / "crops" / f"{number:04d}.jpg", quality=95)
    names = [f"{number:04d}" for number in range(count)]
    table = pd.DataFrame({"object_id": [f"{name}-00" for name in names], "class_name": class_name, "confidence": 0.8})
    table["path"] = [f"pictures/{name}.jpg" for name in names]
    table["crop_path"] = [f"crops/{name}.jpg" for name in names]
    return table.assign(**BOX)
