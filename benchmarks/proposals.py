"""Choose the constants of rarelib/pictures/proposals.py, and count how many unknown things get a crop with them.

Run: python benchmarks/proposals.py [--choose] [--out benchmarks/proposals_results.md]
Things that YOLOv8n never learned: anomalies of two sets; these, pasted into ordinary frames at their right size on the
road, or anywhere as a drone would see them; and classes to which the detector was made blind, by its class weights.
With --choose, constants are chosen on all sets but those of one family, and measured on that family.
"""

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pandas as pd
from quality import machine, markdown
from quality_data import boxes_from_masks, find_shared
from quality_pasted import CutOut, cut_anomalies
from sklearn.linear_model import LogisticRegression

from rarelib.models.detector import Detector, load_detector
from rarelib.objects.detection import MAX_CANDIDATES, select_boxes
from rarelib.pictures import proposals
from rarelib.pictures.boxes import Boxes, anchor_points, fit_letterbox, join_boxes, overlaps, suppress
from rarelib.pictures.decoding import read_image
from rarelib.settings import DetectSettings
from rarelib.tables import BOX
from rarelib.trust.evaluation import match_boxes

COUNTS = (5, 10, 20, 50)
CHOSEN_AT = 10  # proposals a picture
TRIED = {
    "ENTROPY_WEIGHT": (6, 8, 10, 12),
    "AGREEMENT_WEIGHT": (0, 2, 3, 4),
    "HEIGHT_WEIGHT": (4, 6, 8),
    "EVERY": (5, 10**6),
}
LEAST_CONFIDENCE, LEAST_SIDE_PX, OVERLAP = 0.02, 16, 0.45  # of proposals as they were before
CAMVID = {"pedestrians": ((9,), (0,)), "bicyclists": ((10,), (0, 1, 3)), "cars": ((8,), (2, 5, 7))}  # annotated, COCO
COCO = {"people": (0,), "vehicles": (2, 5, 7), "street furniture": (9, 11, 13)}
THINGS, UNCLEAR = (6, 8, 9, 10), (2, 11)  # CamVid's signs, cars, people, bicyclists; poles and void
LEAST_AREA_PX, HORIZON, CAMERA_HEIGHT_M, SIZES_M, SHARES = 100, 0.43, 1.5, (0.3, 1.6), (0.03, 0.2)
ALL_THINGS = "camvid, all things"
EVERY_FRAME = 2  # of CamVid
SETTINGS = DetectSettings()
Truth = np.ndarray  # boxes (n, 4) [px]


@dataclass
class Frame:
    """All cells of one picture, what is sure in it, and the true boxes of what is unknown."""

    cells: Boxes
    sums: np.ndarray
    entropies: np.ndarray
    picture_wh: tuple[int, int]
    truth: Truth

    def propose(self, limit: int) -> tuple[Boxes, int]:
        """Return the boxes that get a crop, proposals last, by the constants as they stand; how many are detected."""
        evidence = proposals.evidence_of(self.sums, self.entropies)
        cells = Boxes(self.cells.xyxy, self.cells.confidence, self.cells.class_id, evidence)
        heights = cells.xyxy[:, 3] / self.picture_wh[1]
        first = proposals.first_by_orders(proposals.proposal_orders(evidence, heights), MAX_CANDIDATES)
        kept = np.union1d(first, np.flatnonzero(cells.confidence > SETTINGS.conf))
        settings = DetectSettings(max_proposals=limit)
        detected, found = select_boxes(cells[kept], settings, picture_wh=self.picture_wh)
        return join_boxes([detected, found]), len(detected)

    def propose_as_before(self, limit: int) -> tuple[Boxes, int]:
        """Return the same as it was: by the confidence of the best class."""
        detected, _ = select_boxes(self.cells, DetectSettings(proposals=False), picture_wh=self.picture_wh)
        conf, sides = self.cells.confidence, self.cells.xyxy[:, 2:] - self.cells.xyxy[:, :2]
        weak = (conf > LEAST_CONFIDENCE) & (conf <= SETTINGS.conf) & (sides.min(axis=1) >= LEAST_SIDE_PX)
        weak &= sides.prod(axis=1) <= proposals.MAX_SHARE * np.prod(self.picture_wh)
        weak &= ~proposals._explained(self.cells, detected)
        found = suppress(self.cells[np.flatnonzero(weak)], iou=OVERLAP, limit=limit, any_class=True)
        return join_boxes([detected, found]), len(detected)


def main() -> None:
    """Measure, choose if asked, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("proposals_results.md"))
    options, shared = parser.parse_args(), find_shared()
    with tempfile.TemporaryDirectory() as place:
        sets = {name: (family, list(frames)) for name, family, frames in read_sets(shared, Path(place))}
    annotations = [annotation for _, annotation in read_camvid(shared / "data" / "camvid")]
    parts = [
        "# How many unknown things get a crop",
        f"`python benchmarks/proposals.py{' --choose' * options.choose}` on {machine()}, YOLOv8n at 640 px. Things "
        "with any crop, detected or proposed, by proposals a picture; before: boxes of low confidence, as it was.",
        markdown(ceilings(sets)),
        f"Objectness: {calibration(sets[ALL_THINGS][1], annotations)}",
    ]
    if options.choose:
        parts += ["## Constants chosen without a family, measured on it", markdown(leave_one_out(sets))]
    options.out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


def ceilings(sets: dict[str, tuple[str, list[Frame]]]) -> pd.DataFrame:
    """Return per set how many of its things have a crop, before and now."""
    rows = {}
    for name, (_, frames) in sets.items():
        before, now = (
            np.sum([found_by_count(frame, *way(frame, max(COUNTS))) for frame in frames], axis=0)
            for way in (Frame.propose_as_before, Frame.propose)
        )
        row = {f"{k}: before → now": f"{before[n]} → {now[n]}" for n, k in enumerate(COUNTS, start=1)}
        rows[name] = {"things": sum(len(frame.truth) for frame in frames), "detected": now[0], **row}
    return pd.DataFrame(rows).T


def found_by_count(frame: Frame, boxes: Boxes, n_detected: int) -> list[int]:
    """Return how many things have a crop with 0, 5, 10, 20, 50 proposals."""
    return [hits(frame, boxes[: n_detected + count]).sum() for count in (0, *COUNTS)]


def hits(frame: Frame, boxes: Boxes) -> np.ndarray:
    """Tell for each true box whether one of the boxes shows it."""
    return (match_boxes(frame.truth, boxes.xyxy) > 0).any(axis=1) if len(boxes) else np.zeros(len(frame.truth), bool)


def leave_one_out(sets: dict[str, tuple[str, list[Frame]]]) -> pd.DataFrame:
    """Return per family the constants chosen on the others, and what they and those in use find in it."""
    tried = [dict(zip(TRIED, values, strict=True)) for values in itertools.product(*TRIED.values())]
    tried = [{name: getattr(proposals, name) for name in TRIED}, *tried]
    found = pd.DataFrame([shares_found(sets, constants) for constants in tried])
    family = pd.Series({name: family for name, (family, _) in sets.items()})
    by_family = found.T.groupby(family).mean().T
    rows = {}
    for left_out in [*by_family, ""]:
        best = by_family.drop(columns=left_out, errors="ignore").mean(axis=1).idxmax()
        held = by_family[left_out] if left_out else by_family.mean(axis=1)
        shares = {"chosen": held[best], "in use": held[0], "best on itself": held.max()}
        rows[left_out or "none"] = {**tried[best], **{name: f"{share:.3f}" for name, share in shares.items()}}
    return pd.DataFrame(rows).T


def shares_found(sets: dict[str, tuple[str, list[Frame]]], constants: dict[str, float]) -> dict[str, float]:
    """Return for each set the share of its undetected things that is among the first proposals."""
    shares = {}
    with patch.multiple(proposals, **constants):
        for name, (_, frames) in sets.items():
            found = missed = 0
            for frame in frames:
                boxes, count = frame.propose(CHOSEN_AT)
                seen = hits(frame, boxes[:count])
                missed, found = missed + (~seen).sum(), found + (hits(frame, boxes) & ~seen).sum()
            shares[name] = found / max(missed, 1)
    return shares


def calibration(frames: list[Frame], annotations: list[np.ndarray]) -> str:
    """Say at which evidence a box of CamVid holds a thing as often as not, and how fast that changes.

    A box shows a thing that it matches, and nothing where few of its pixels belong to any.
    """
    evidence, is_thing = [], []
    for frame, annotation in zip(frames, annotations, strict=True):
        boxes, _ = frame.propose(CHOSEN_AT)
        shows = (match_boxes(pieces(annotation, THINGS), boxes.xyxy) > 0).any(axis=0)
        cuts = [annotation[top : bottom + 1, left : right + 1] for left, top, right, bottom in boxes.xyxy.astype(int)]
        shares = [[np.isin(cut, kinds).mean() for kinds in (THINGS, UNCLEAR)] for cut in cuts]
        clear = shows | (np.array(shares) < (0.15, 0.3)).all(axis=1)
        evidence, is_thing = [*evidence, *boxes.evidence[clear]], [*is_thing, *shows[clear]]
    fit = LogisticRegression(C=100).fit(np.array(evidence)[:, None], is_thing)
    even, scale = -fit.intercept_[0] / fit.coef_[0, 0], 1 / fit.coef_[0, 0]
    return f"a box is a thing as often as not at evidence {even:.1f}, scale {scale:.1f}."


def read_sets(shared: Path, place: Path) -> Iterator[tuple[str, str, Iterator[Frame]]]:
    """Yield name, family (sets that share what is rare) and frames of each set."""
    data, weights = shared / "data", shared / "models" / "yolov8n.pt"
    detector = load_detector(str(weights), runtime="openvino_f32")
    cut = {name: list(cut_anomalies(data / name)) for name in ("road_anomaly21", "fishyscapes_static")}
    for name in cut:
        truth = boxes_from_masks(data / name).groupby("path")
        pictures = ((read_image(data / name / "images" / path), rows[BOX].to_numpy(float)) for path, rows in truth)
        yield name, name, frames_of(detector, pictures)
    for number, (source, target, place_one) in enumerate(PASTED):
        paths = [path for path in sorted((data / target).rglob("*")) if path.suffix in (".jpg", ".png")]
        pictures = pasted(paths, cut[source], place_one, np.random.default_rng(number))
        way = place_one.__name__.replace("_", " ")
        family = "anywhere" if place_one is anywhere else source
        yield f"{source} {way} in {target.split('/')[0]}", family, frames_of(detector, pictures)
    annotated = list(read_camvid(data / "camvid"))
    for name, (numbers, classes) in CAMVID.items():
        blind = load_detector(str(make_blind(weights, classes, place / f"{name}.pt")), runtime="torch")
        yield f"camvid, blind to {name}", "camvid", frames_of(blind, ((p, pieces(a, numbers)) for p, a in annotated))
    yield ALL_THINGS, "camvid", frames_of(detector, ((p, pieces(a, THINGS + UNCLEAR)) for p, a in annotated))
    for name, classes in COCO.items():
        blind = load_detector(str(make_blind(weights, classes, place / f"coco {name}.pt")), runtime="torch")
        yield f"coco, blind to {name}", "coco", frames_of(blind, read_coco(data / "coco_road", classes))


def frames_of(detector: Detector, pictures: Iterator[tuple[np.ndarray, Truth]]) -> Iterator[Frame]:
    """Yield the cells of each picture that shows something unknown."""
    for picture, truth in pictures:
        if len(truth):
            letterbox = fit_letterbox(picture.shape[1::-1], detector.canvas)
            outputs = [output[0] for output in detector.network(letterbox.draw(picture)[None])]
            distances, logits, classes, sums, energy, entropies = outputs
            points, sizes = anchor_points(letterbox.canvas_wh, detector.strides)
            near, far = distances[:2].T * sizes, distances[2:].T * sizes
            xyxy = letterbox.to_picture(np.concatenate([points - near, points + far], axis=1))
            cells = Boxes(xyxy, 1 / (1 + np.exp(-logits)), classes.astype(int), energy=energy)
            yield Frame(cells, sums, entropies, picture.shape[1::-1], truth)


def pasted(
    paths: Sequence[Path], things: list[CutOut], place_one, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, Truth]]:
    """Yield frames with two things put into each, where they do not hide one another."""
    for path in paths:
        picture, boxes = read_image(path), []
        for _ in range(20):
            thing = things[int(rng.integers(len(things)))]
            left, top, width, height = place_one(picture.shape[1::-1], thing, rng)
            box = np.array([[left, top, left + width, top + height]], float)
            if min(width, height) < 10 or (boxes and overlaps(box, np.concatenate(boxes))[0].any()):
                continue
            cover = cv2.resize(thing.cover, (width, height), interpolation=cv2.INTER_AREA)[..., None]
            pixels = cv2.resize(thing.picture, (width, height), interpolation=cv2.INTER_AREA)
            below = picture[top : top + height, left : left + width]
            below[:] = np.rint(below * (1 - cover) + pixels * cover).astype(np.uint8)
            boxes.append(box)
            if len(boxes) == 2:
                break
        yield picture, np.concatenate(boxes or [np.zeros((0, 4))])


def on_road(picture_wh: tuple[int, int], thing: CutOut, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Return where a thing of 0.3 to 1.6 m stands on a flat road: left, top, width, height [px]; 0 if it does not."""
    foot = rng.uniform(0.5, 0.95) * picture_wh[1]
    size_m = np.exp(rng.uniform(*np.log(SIZES_M)))
    height = int((foot - HORIZON * picture_wh[1]) / CAMERA_HEIGHT_M * size_m)
    width = int(height * thing.cover.shape[1] / thing.cover.shape[0])
    if width > picture_wh[0] // 2 or height > foot:
        return 0, 0, 0, 0
    return int(rng.integers(picture_wh[0] - width)), int(foot - height), width, height


def anywhere(picture_wh: tuple[int, int], thing: CutOut, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Return the same for a thing as a drone would see it: of any size anywhere."""
    longer = np.exp(rng.uniform(*np.log(SHARES))) * picture_wh[0]
    height, width = (int(side * longer / max(thing.cover.shape)) for side in thing.cover.shape)
    return int(rng.integers(picture_wh[0] - width)), int(rng.integers(picture_wh[1] - height)), width, height


def make_blind(weights: Path, classes: Sequence[int], target: Path) -> Path:
    """Save the detector so that it never sees some of its classes."""
    import torch
    from ultralytics.nn.tasks import torch_safe_load

    checkpoint, _ = torch_safe_load(str(weights), safe_only=True)
    for branch in (checkpoint.get("ema") or checkpoint["model"]).model[-1].cv3:
        branch[-1].weight.data[list(classes)], branch[-1].bias.data[list(classes)] = 0.0, -30.0
    torch.save(checkpoint, target)
    return target


def read_camvid(folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pictures and the class number of each of their pixels."""
    for file in sorted((folder / "annot").iterdir())[::EVERY_FRAME]:
        annotation = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        yield read_image(next((folder / "images").glob(f"{file.stem}.*"))), annotation


def pieces(annotation: np.ndarray, numbers: Sequence[int]) -> Truth:
    """Return the boxes of the connected pieces of some classes."""
    masks = [(annotation == number).astype(np.uint8) for number in numbers]
    found = [piece for mask in masks for piece in cv2.connectedComponentsWithStats(mask)[2][1:]]
    boxes = np.array([piece[:4] for piece in found if piece[4] >= LEAST_AREA_PX], float).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def read_coco(folder: Path, classes: Sequence[int]) -> Iterator[tuple[np.ndarray, Truth]]:
    """Yield pictures with the labelled boxes of some classes."""
    for path in sorted((folder / "images").iterdir()):
        picture, labels = read_image(path), folder / "labels" / f"{path.stem}.txt"
        rows = np.loadtxt(labels, ndmin=2) if labels.is_file() and labels.stat().st_size else np.zeros((0, 5))
        rows, scale = rows[np.isin(rows[:, 0], classes)], np.array(picture.shape[1::-1] * 2, float)
        yield picture, np.concatenate([rows[:, 1:3] - rows[:, 3:] / 2, rows[:, 1:3] + rows[:, 3:] / 2], axis=1) * scale


PASTED = (  # cut-outs of, frames of, where they are put
    ("road_anomaly21", "kitti/images", on_road),
    ("road_anomaly21", "camvid/images", on_road),
    ("fishyscapes_static", "nuscenes/CAM_BACK", on_road),
    ("fishyscapes_static", "kitti/images", on_road),
    ("road_anomaly21", "nuscenes", anywhere),
    ("fishyscapes_static", "kitti/images", anywhere),
)

if __name__ == "__main__":
    main()
