"""A CLIP of known answers."""

import numpy as np

TEXTS = ("bus", "fire engine", "car", "dog")


class PlantedClip:
    """Maps each known text to an axis, any other text to the last one, and every crop to a fire engine."""

    def __init__(self) -> None:
        self.about, self.has_text = {"model": "planted"}, True

    def embed_crops(self, crops: list[np.ndarray]) -> np.ndarray:
        return np.eye(5)[[1] * len(crops)]

    def embed_texts(self, texts: list[str]) -> np.ndarray:
        names = [text.removeprefix("a photo of a ") for text in texts]
        return np.eye(5)[[TEXTS.index(name) if name in TEXTS else 4 for name in names]]
