"""Conditions under which objects were seen: what the data set tells, else how dark the picture is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..run.ids import places_in
from .indexes import index_bytes
from .percentiles import percentiles

TOLD = ("camera", "time_of_day", "weather", "location")
DARKER = 2.0  # times darker than the others from which pictures are a condition of their own
LEAST_SHARE = 0.02  # of the pictures that both the dark and the bright ones must be
DARK, BRIGHT = "dark", "bright"
HALF_TRUST = 50  # objects of a condition at which its own percentiles and centre count as much as those of all


def condition_labels(objects: pd.DataFrame, images: pd.DataFrame) -> np.ndarray:
    """Return the condition under which each object was seen, such as "CAM_BACK, night, rain".

    Camera, time of day, weather and location are taken from the images table where it tells them. Without a time of
    day, pictures are dark or bright by the median brightness of their crops, where the two are clearly apart.

    Args:
        objects: Rows with image_id and, where it was measured, brightness in [0, 1].
        images: Rows with image_id, and the columns of TOLD where the data set has them.

    Returns:
        Array of str (n,), "" where nothing is known; all alike where nothing differs.
    """
    of_picture, pictures = pd.factorize(objects["image_id"])  # what is told of a picture is told of all its objects
    about = images.drop_duplicates("image_id")
    place = places_in(pd.Series(pictures).astype("str"), about["image_id"])
    parts = [_told_of(about[name].fillna("").astype(str).to_numpy(object), place) for name in TOLD if name in about]
    if "brightness" in objects and not ("time_of_day" in about and (about["time_of_day"].fillna("") != "").any()):
        parts.append(_darkness(objects["brightness"], of_picture))
    told = [part for part in parts if len(set(part)) > 1]
    labels = [", ".join(filter(None, values)) for values in zip(*told, strict=True)] if told else [""] * len(pictures)
    return np.asarray(labels, dtype=object)[of_picture]


def fair_percentiles(scores: np.ndarray, *, among: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
    """Return percentiles within the condition of each row, drawn towards those among all where it has few rows.

    Args:
        scores: Float array (n,).
        among: Bool array (n,), the rows that are compared with.
        condition: Int array (n,), numbers of conditions; None for one condition.

    Returns:
        Float array (n,) in (0, 1). The logarithms of the tail shares are averaged, so that the order within a condition
        stays and its extremes are weighed by how many objects speak for it.
    """
    overall = percentiles(scores, among=among)
    if condition is None or not len(scores) or condition.max() == 0:
        return overall
    mixed = overall.copy()
    for number in range(condition.max() + 1):
        rows = np.flatnonzero(condition == number)
        count = int(among[rows].sum())
        if count:
            trust = count / (count + HALF_TRUST)
            own = percentiles(scores[rows], among=among[rows])
            mixed[rows] = -np.expm1(trust * np.log1p(-own) + (1 - trust) * np.log1p(-overall[rows]))
    return mixed


class Centred:
    """Vectors less the centre of their condition: what all that is seen in the dark has in common tells nothing.

    Rows are read and shifted when they are asked for, so that vectors on disk are never copied as a whole.
    """

    def __init__(self, vectors: np.ndarray, condition: np.ndarray, reference: np.ndarray) -> None:
        """Find the centres, drawn towards that of all where a condition has few rows.

        Args:
            vectors: Float array (n, dim).
            condition: Int array (n,), numbers of conditions.
            reference: Rows whose means are the centres, int array; few enough to be in memory.
        """
        self.vectors, self.condition, self.shape = vectors, condition, vectors.shape
        sample, numbers = np.asarray(vectors[reference], dtype=np.float64), condition[reference]
        self.shift = np.zeros((int(condition.max(initial=0)) + 1, vectors.shape[1]), np.float32)
        for number in np.unique(numbers):
            rows = sample[numbers == number]
            trust = len(rows) / (len(rows) + HALF_TRUST)
            self.shift[number] = trust * (rows.mean(axis=0) - sample.mean(axis=0))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.vectors)

    def reading_order(self, rows: np.ndarray | None) -> np.ndarray | None:
        """Return in which order the rows are best read; None where theirs is as good as any."""
        return self.vectors.reading_order(rows) if hasattr(self.vectors, "reading_order") else None

    @property
    def index_bytes(self) -> float:
        """What search indexes may take; without a limit where vectors are held in memory."""
        return index_bytes(self.vectors)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return some rows, float32."""
        return np.asarray(self.vectors[rows], dtype=np.float32) - self.shift[self.condition[rows]]


def _told_of(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the text of each picture by its place, "" for none."""
    return np.append(values, "")[place]  # the place of none is -1


def _darkness(brightness: pd.Series, of_picture: np.ndarray) -> np.ndarray:
    """Tell for each picture whether it is dark or bright; "" where it is not known, or not clearly one of two kinds."""
    level = brightness.groupby(of_picture).median().to_numpy(float)
    levels = np.sort(np.log(np.maximum(level[~np.isnan(level)], 1e-3)))
    nothing = np.full(len(level), "", dtype=object)
    least = max(int(np.ceil(LEAST_SHARE * len(levels))), 1)
    if len(levels) < 2 * least + 1:
        return nothing
    below, total = np.cumsum(levels)[:-1], levels.sum()
    count = np.arange(1, len(levels))
    apart = (total - below) / (len(levels) - count) - below / count  # between the means of both sides (Otsu, 1979)
    between = np.where(
        (count >= least) & (len(levels) - count >= least), count * (len(levels) - count) * apart**2, -1.0
    )
    split = int(between.argmax())
    if apart[split] < np.log(DARKER):
        return nothing
    threshold = np.exp((levels[split] + levels[split + 1]) / 2)
    return np.where(np.isnan(level), "", np.where(level < threshold, DARK, BRIGHT)).astype(object)
