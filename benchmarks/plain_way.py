"""The plain way, which users have today: one picture, one crop at a time, through torch in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

LONGER_SIDE_PX = 1280


def detect_plainly(paths: list[Path], yolo, target: Path) -> list[Path]:
    """Shrink each picture with LANCZOS, predict, cut the best 50 from the original, save; return the crops."""
    crops = []
    for path in paths:
        picture = Image.open(path).convert("RGB")
        scale = min(LONGER_SIDE_PX / max(picture.size), 1)
        small = picture.resize([round(side * scale) for side in picture.size], Image.Resampling.LANCZOS)
        boxes = yolo.predict(small, conf=0.25, iou=0.45, max_det=100, verbose=False)[0].boxes
        for number, row in enumerate(np.argsort(-boxes.conf.cpu().numpy())[:50]):
            crop = target / f"{path.stem}-{number:02d}.jpg"
            picture.crop([round(side / scale) for side in boxes.xyxy[row].tolist()]).save(crop, quality=95)
            crops.append(crop)
    return crops


def detect_by_ultralytics(folder: Path, yolo, target: Path) -> None:
    """Predict a folder and save crops as ultralytics does by itself."""
    options = {"conf": 0.25, "iou": 0.45, "max_det": 100, "verbose": False, "stream": True}
    for _ in yolo.predict(str(folder), save_crop=True, project=str(target), name="crops", **options):
        pass


def embed_plainly(paths: list[Path], model, processor) -> np.ndarray:
    """Read each crop again and pass it through CLIP alone."""
    import torch

    rows = []
    for path in paths:
        inputs = processor(images=Image.open(path).convert("RGB"), return_tensors="pt").to(model.device)
        with torch.inference_mode():
            rows.append(model.get_image_features(**inputs).pooler_output[0].cpu().numpy())
    return np.stack(rows)
