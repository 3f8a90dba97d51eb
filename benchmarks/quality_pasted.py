"""Cut-outs pasted into ordinary frames: anomalies, and as many ordinary things, so that being pasted says nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from rarelib.pictures.decoding import read_image

ANOMALY = 1  # number of what is anomalous in the masks
ORDINARY = (8, 9)  # cars and pedestrians in CamVid's annotation
LEAST_SIDE_PX = 24  # of a cut-out at its source
MARGIN_PX = 3  # around a cut-out, into which its edge fades
HEIGHT_SHARES = (0.07, 0.3)  # of a pasted thing in its frame
FOOT_SHARES = (0.6, 0.97)  # where it stands, from the top of the frame
ANOMALY_CHANCE = 0.5
FRAMES = {"kitti": "kitti/images", "nuscenes": "nuscenes"}


@dataclass(frozen=True)
class CutOut:
    """One thing: pixels (h, w, 3) uint8 RGB and how much of each it covers (h, w) in [0, 1]."""

    picture: np.ndarray
    cover: np.ndarray


def save_pasted(data: Path, target: Path, *, seed: int) -> Iterator[tuple[str, Path, list[tuple]]]:
    """Write each ordinary frame with one pasted thing; the same seed writes the same.

    Args:
        data: Folder of the shared sets.
        target: Folder to write into, one folder of frames per source.
        seed: Decides what is pasted where.

    Yields:
        Name of a source, its folder, and a row (path, left, top, width, height, class_name) per pasted anomaly.
    """
    anomalies = [cut for name in ("road_anomaly21", "fishyscapes_static") for cut in cut_anomalies(data / name)]
    ordinary = list(cut_ordinary(data / "camvid"))
    for number, (name, folder) in enumerate(FRAMES.items()):
        rng = np.random.default_rng([seed, number])
        rows = []
        for file in sorted(path for path in (data / folder).rglob("*") if path.suffix in (".jpg", ".png")):
            frame, anomalous = read_image(file), rng.random() < ANOMALY_CHANCE
            pool = anomalies if anomalous else ordinary
            box = paste(frame, pool[int(rng.integers(len(pool)))], rng)
            path = file.relative_to(data / folder).with_suffix(".png")
            (target / name / path).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(target / name / path), frame[:, :, ::-1])
            rows += [(path.as_posix(), *box, "pasted anomaly")] if anomalous else []
        yield name, target / name, rows


def paste(frame: np.ndarray, thing: CutOut, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Put a thing on a frame's road, in place; return left, top, width and height of what shows [px]."""
    height, width = frame.shape[:2]
    foot = rng.uniform(*FOOT_SHARES)
    near = (foot - FOOT_SHARES[0]) / (FOOT_SHARES[1] - FOOT_SHARES[0])
    tall = height * (HEIGHT_SHARES[0] + (HEIGHT_SHARES[1] - HEIGHT_SHARES[0]) * near)
    scale = min(tall / thing.cover.shape[0], 0.5 * width / thing.cover.shape[1])
    size_wh = [max(round(side * scale), 4) for side in thing.cover.shape[1::-1]]
    flip = slice(None, None, -1 if rng.random() < 0.5 else 1)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cover = cv2.resize(np.ascontiguousarray(thing.cover[:, flip]), size_wh, interpolation=cv2.INTER_LINEAR)[..., None]
    picture = cv2.resize(np.ascontiguousarray(thing.picture[:, flip]), size_wh, interpolation=how)
    left = int(rng.integers(0, width - size_wh[0] + 1))
    top = int(min(foot * height, height)) - size_wh[1]
    place = frame[top : top + size_wh[1], left : left + size_wh[0]]
    place[:] = np.rint(place * (1 - cover) + picture * cover).astype(np.uint8)
    x, y, w, h = cv2.boundingRect((cover[..., 0] > 0.5).astype(np.uint8))
    return left + x, top + y, w, h


def cut_anomalies(folder: Path) -> Iterator[CutOut]:
    """Yield the pieces of the anomaly masks of a set."""
    for file in sorted((folder / "masks").iterdir()):
        mask = cv2.imread(str(file), cv2.IMREAD_UNCHANGED) == ANOMALY
        yield from _cut_pieces(next((folder / "images").glob(f"{file.stem}.*")), mask)


def cut_ordinary(folder: Path) -> Iterator[CutOut]:
    """Yield cars and pedestrians of CamVid."""
    for file in sorted((folder / "annot").iterdir()):
        labels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        for number in ORDINARY:
            yield from _cut_pieces(next((folder / "images").glob(f"{file.stem}.*")), labels == number)


def _cut_pieces(picture: Path, mask: np.ndarray) -> Iterator[CutOut]:
    count, piece_of, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    pixels = read_image(picture) if count > 1 else None
    for number, (x, y, w, h, area) in enumerate(boxes[1:], start=1):
        if min(w, h) < LEAST_SIDE_PX or area < 0.3 * w * h:  # slivers, and what something in front cuts apart
            continue
        window = np.s_[max(y - MARGIN_PX, 0) : y + h + MARGIN_PX, max(x - MARGIN_PX, 0) : x + w + MARGIN_PX]
        cover = cv2.GaussianBlur((piece_of[window] == number).astype(np.float32), (3, 3), 0)
        yield CutOut(pixels[window].copy(), cover)
