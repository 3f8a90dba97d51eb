"""Where the labels of boxes stand: inside their picture, and none over another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

XY = tuple[float, float]


def place_labels(boxes: np.ndarray, sizes: np.ndarray, picture_size: XY) -> list[XY]:
    """Return the upper left corner of each box's label.

    A label stands above its box; where that is outside of the picture or taken by an earlier one, below the upper edge,
    at or below the lower edge, or further down. Where nothing is free it stands in its first place.

    Args:
        boxes: Float array (n, 4): x_min, y_min, x_max, y_max.
        sizes: Float array (n, 2): width and height of each label, in the same unit.
        picture_size: Width and height of the picture.
    """
    taken: list[tuple[float, float, float, float]] = []
    for box, size in zip(boxes, sizes, strict=True):
        places = _places(box, size, picture_size)
        x, y = next((place for place in places if _is_free(place, size, taken)), places[0])
        taken.append((x, y, x + size[0], y + size[1]))
    return [(x, y) for x, y, _, _ in taken]


def _places(box: np.ndarray, size: np.ndarray, picture_size: XY) -> list[XY]:
    """Return where a label may stand, the best place first; all are inside the picture."""
    left, top, _, bottom = box
    width, height = size
    x = max(min(left, picture_size[0] - width), 0.0)
    heights = [top - height, top, bottom - height, bottom, *np.arange(top, picture_size[1], height)]
    return [(x, max(min(y, picture_size[1] - height), 0.0)) for y in heights]


def _is_free(place: XY, size: np.ndarray, taken: Sequence[tuple[float, float, float, float]]) -> bool:
    left, top = place
    right, bottom = left + size[0], top + size[1]
    return all(left >= x2 or right <= x1 or top >= y2 or bottom <= y1 for x1, y1, x2, y2 in taken)
