"""A driver of its own process, which a test kills: `python driver.py ADDRESS FOLDER`."""

import sys
from pathlib import Path

import pandas as pd

from rarelib.engines import choose_workers
from rarelib.objects.detection import detect_objects, load_detector
from rarelib.settings import DetectSettings

if __name__ == "__main__":
    address, place = sys.argv[1], Path(sys.argv[2])
    detect_objects(
        pd.read_parquet(place / "images.parquet"),
        place / "images",
        load_detector("demo", runtime="openvino_f32", imgsz=320),
        place / "killed",
        place / "killed_parts",
        settings=DetectSettings(task_size=1),
        workers=choose_workers("ray", threads=1, ray_address=address),
    )
