"""Tables and vectors with planted rare objects, for the tests of the ranking."""

import numpy as np
import pandas as pd


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale rows to length 1."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def cluster(n: int, seed: int, *, dim: int = 32, spread: float = 0.35) -> np.ndarray:
    """Unit rows around one direction that the seed draws."""
    generator = np.random.default_rng(seed)
    return unit(unit(generator.normal(size=(1, dim))) + spread * generator.normal(size=(n, dim)) / dim**0.5)


def boxes_of(class_names: list[str], *, per_image: int = 10, **columns: object) -> pd.DataFrame:
    """Objects with good crops, so many a picture, side by side."""
    number = np.arange(len(class_names))
    image_ids = [f"{n // per_image:012x}" for n in number]
    left = 100.0 * (number % per_image)
    table = {
        "object_id": [f"{image}-{n % per_image:02d}" for image, n in zip(image_ids, number, strict=True)],
        "image_id": image_ids,
        "class_name": class_names,
        "confidence": 0.8,
        "x_min": left,
        "y_min": 100.0,
        "x_max": left + 80.0,
        "y_max": 180.0,
        "crop_path": "",
        "origin": "detected",
        "objectness": 0.8,
        "brightness": 0.5,
        "contrast": 0.2,
        "sharpness": 900.0,
        "touches_border": False,
    }
    return pd.DataFrame({**table, **columns}, index=number)


def images_of(objects: pd.DataFrame, *, per_group: int = 20) -> pd.DataFrame:
    """One row per picture, so many of a drive."""
    image_ids = pd.Series(sorted(objects["image_id"].unique()), dtype="str")
    group = [f"drive {n // per_group}" for n in range(len(image_ids))]
    size = {"width": 1000, "height": 400, "sampled": True, "error": ""}
    return pd.DataFrame({"image_id": image_ids, "path": image_ids + ".jpg", "group": group, **size})
