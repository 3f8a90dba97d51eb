"""The demo world: the same from the same seed, drawn in any order, with true boxes and the promised mix."""

from itertools import combinations

import cv2
import numpy as np
import pandas as pd
import pytest

from rarelib.demo.draw.canvas import Camera, Canvas
from rarelib.demo.draw.kinds import (
    ALL_KINDS,
    COLOURS,
    DETECTOR_CLASSES,
    KINDS,
    NAMELESS,
    OTHER,
    SCENERY,
    STRANGERS,
    UNSEEN_KINDS,
    kinds_of,
)
from rarelib.demo.draw.layout import CLIP_KINDS, CLIP_STRANGERS, DETECTOR_TRAINING, WORLD, Mix, lay_out_drive
from rarelib.demo.draw.scenery import WEATHERS, make_light, place_body
from rarelib.demo.draw.world import (
    FRAMES_PER_DRIVE,
    SIZE_WH,
    TRUTH_COLUMNS,
    draw_scene,
    draw_world,
    map_scenes,
    save_world,
)
from rarelib.demo.train.sets import detector_class, draw_crops, save_detector_set, what_shows
from rarelib.models.weights import demo_model
from rarelib.words.lists import own_list, things_of
from rarelib.words.ordinary import ordinariness

N_SCENES = 26  # two tasks for two processes


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A saved world, drawn by two processes, with its truth."""
    folder = tmp_path_factory.mktemp("world")
    save_world(folder, n_scenes=N_SCENES, seed=3, workers=2)
    return folder, pd.read_parquet(folder / "truth.parquet")


def test_scene_is_the_same_alone_and_in_order():
    alone, truth = draw_scene(4, FRAMES_PER_DRIVE + 1)
    in_order = list(draw_world(FRAMES_PER_DRIVE + 2, seed=4))[-1]
    assert np.array_equal(alone, in_order[0])
    assert truth == in_order[1]
    assert alone.shape == (SIZE_WH[1], SIZE_WH[0], 3) and alone.dtype == np.uint8


def test_saved_world_does_not_depend_on_the_number_of_processes(world, tmp_path):
    folder, truth = world
    save_world(tmp_path, n_scenes=FRAMES_PER_DRIVE, seed=3, workers=1)
    mine = pd.read_parquet(tmp_path / "truth.parquet")
    pd.testing.assert_frame_equal(mine, truth[truth["drive"] == "drive_00"].reset_index(drop=True))
    for path in mine["path"].unique():
        assert (tmp_path / "images" / path).read_bytes() == (folder / "images" / path).read_bytes()


def test_other_seeds_draw_other_worlds():
    assert not np.array_equal(draw_scene(1, 0)[0], draw_scene(2, 0)[0])


def test_truth_names_every_picture_once_and_boxes_lie_inside(world):
    folder, truth = world
    pictures = sorted(path.relative_to(folder / "images").as_posix() for path in folder.glob("images/*/*.jpg"))
    assert tuple(truth.columns) == TRUTH_COLUMNS
    assert len(pictures) == N_SCENES and set(truth["path"]) <= set(pictures)
    assert pictures[0] == "drive_00/0000.jpg"
    assert (truth["x_min"] >= 0).all() and (truth["x_max"] <= SIZE_WH[0]).all()
    assert (truth["y_min"] >= 0).all() and (truth["y_max"] <= SIZE_WH[1]).all()
    assert (truth["x_max"] > truth["x_min"]).all() and (truth["y_max"] > truth["y_min"]).all()
    assert set(truth["class_name"]) <= {kind.name for kind in ALL_KINDS}
    assert (truth["drive"] == truth["path"].str.split("/").str[0]).all()


def test_a_thing_is_one_object_of_one_drive_in_all_its_pictures(world):
    things = world[1].groupby("thing")
    assert (things[["drive", "class_name"]].nunique() == 1).all(axis=None)
    assert (things["path"].nunique() == things.size()).all() and things.size().max() > 1


def test_boxes_hold_what_differs_from_the_empty_street():
    nobody = Mix(vehicles=(0, 0), people=(0, 0), fixtures=(0, 0), clutter=(0, 0), rare=0, odd=0)
    (picture, truth), (street, nothing) = draw_scene(8, 0), draw_scene(8, 0, mix=nobody)
    difference = np.abs(picture.astype(int) - street).max(axis=2)
    inside = np.zeros(difference.shape, bool)
    for row in truth:
        box = np.s_[int(row["y_min"]) : int(row["y_max"]), int(row["x_min"]) : int(row["x_max"])]
        inside[box] = True
        assert difference[box].max() > 10
    assert nothing == [] and len(truth) >= 3
    assert difference[inside].mean() > 4 * difference[~inside].mean()


def test_neighbouring_frames_are_alike_and_drives_are_not():
    first, second, other = (draw_scene(6, index)[0].astype(int) for index in (0, 1, FRAMES_PER_DRIVE))
    assert np.abs(first - second).mean() < 0.6 * np.abs(first - other).mean()


def test_rare_and_odd_objects_are_few_and_varied():
    placed = [
        placed.kind
        for drive in range(200)
        for placed in lay_out_drive(np.random.default_rng(drive), size_wh=SIZE_WH, mix=WORLD).objects
    ]
    wanted = [kind for kind in placed if kind.role in ("rare", "odd")]
    assert 0.015 < len(wanted) / len(placed) < 0.045
    assert {kind.name for kind in wanted} == {kind.name for kind in kinds_of("rare", "odd")}


def test_kinds_are_as_many_as_promised():
    assert len(kinds_of("common")) == 8
    assert len(kinds_of("rare")) >= 9 and len(kinds_of("odd")) >= 5
    unseen = [KINDS[name].role for name in UNSEEN_KINDS]
    assert unseen.count("rare") >= 2 and unseen.count("odd") >= 2
    assert all(not kind.detector_class for kind in kinds_of("rare"))


@pytest.mark.parametrize("mix", [DETECTOR_TRAINING, CLIP_KINDS, CLIP_STRANGERS])
def test_no_training_scene_holds_an_unseen_kind(mix):
    for drive in range(40):
        found = lay_out_drive(np.random.default_rng(drive), size_wh=SIZE_WH, mix=mix).objects
        assert all(placed.kind.seen for placed in found)
        if mix is not CLIP_KINDS:
            assert all(placed.kind.role != "rare" for placed in found)


def test_strangers_are_many_named_and_in_no_run():
    names = [kind.name for kind in STRANGERS]
    assert len(names) == len(set(names)) >= 100
    assert set(names).isdisjoint(kind.name for kind in ALL_KINDS)
    unusual = {thing.name for thing in things_of(own_list("vocabulary"), "vocabulary")}
    assert set(names) <= unusual and (ordinariness(pd.Series(names)) == 0).all()
    for drive in range(40):
        placed = lay_out_drive(np.random.default_rng(drive), size_wh=SIZE_WH, mix=WORLD).objects
        assert all(one.kind.role != "stranger" for one in placed)


@pytest.mark.parametrize("kind", [STRANGERS[i] for i in range(0, len(STRANGERS), 9)], ids=lambda kind: kind.name)
def test_things_of_one_stranger_are_alike_and_others_are_not(kind):
    other = STRANGERS[(STRANGERS.index(kind) + 80) % len(STRANGERS)]
    first, second, third = (outline_of(*drawn) for drawn in ((kind, 1), (kind, 2), (other, 1)))
    assert min(first.sum(), second.sum(), third.sum()) > 50
    assert share_of(first, second) > share_of(first, third)


def test_things_without_a_name_are_each_of_a_kind_of_its_own():
    named = [next(kind for kind in STRANGERS if kind.draw.family == number) for number in range(len(NAMELESS))]
    assert set(NAMELESS) <= set(kinds_of("stranger")) and set(NAMELESS).isdisjoint(STRANGERS)
    alike = {}
    for which, kinds in (("named", named), ("nameless", NAMELESS)):
        outlines = [[outline_of(kind, seed) for seed in range(4)] for kind in kinds]
        assert min(outline.sum() for of_kind in outlines for outline in of_kind) > 20
        pairs = [share_of(one, other) for of_kind in outlines for one, other in combinations(of_kind, 2)]
        alike[which] = np.mean(pairs)
    assert alike["nameless"] < alike["named"] - 0.1
    for kind in NAMELESS:  # the same thing in each frame of its drive
        assert (outline_of(kind, 1) == outline_of(kind, 1)).all()


def outline_of(kind, seed):
    """Return which pixels of a small picture one thing of a kind covers, looked at from the side."""
    camera = Camera(160, 120, 160.0, 80.0, 50.0, 1.5)
    light = make_light(WEATHERS["clear"], np.random.default_rng(0))
    canvas = Canvas(camera, light, np.zeros((120, 160, 3), np.uint8))
    canvas.number = 1
    kind.draw(place_body(canvas, 0.0, 9.0, 1.2), np.random.default_rng(seed), COLOURS["red"])
    return canvas.numbers == 1


def share_of(first, second):
    """Return the overlap of two outlines over their union."""
    return (first & second).sum() / (first | second).sum()


def test_detector_labels_are_classes_and_shares(tmp_path):
    save_detector_set(tmp_path, n_scenes=2, seed=1, mix=DETECTOR_TRAINING, longer_side=320, workers=1)
    labels = np.loadtxt(tmp_path / "labels" / "00000.txt")
    assert cv2.imread(str(tmp_path / "images" / "00001.jpg")).shape == (180, 320, 3)
    assert set(labels[:, 0]) <= set(range(len(DETECTOR_CLASSES)))
    assert (labels[:, 1:] > 0).all() and (labels[:, 1:] <= 1).all()


def test_detector_class_of_odd_clutter_and_rare_kinds():
    assert detector_class("overturned car") == DETECTOR_CLASSES.index("car")
    assert detector_class("bench") == DETECTOR_CLASSES.index(OTHER)
    assert detector_class("deer") is None


def test_crops_of_what_a_detector_finds_are_squares_with_their_kinds():
    found = {"detector": demo_model("yolo_model"), "imgsz": 448}
    crops = draw_crops(n_scenes=2, seed=1, mix=CLIP_STRANGERS, size=32, colour=(1, 2, 3), workers=1, **found)
    assert crops.crops.shape == (len(crops.kinds), 32, 32, 3) and len(crops.colours) == len(crops.kinds)
    assert SCENERY.name in crops.kinds and "car" in crops.kinds
    assert {KINDS[kind].role for kind in crops.kinds} == {"common", "clutter", "scenery", "stranger"}


def placed(name, *box, visible=1.0):
    row = dict(zip(("x_min", "y_min", "x_max", "y_max"), map(float, box), strict=True))
    return {"class_name": name, "colour": "", "role": KINDS[name].role, "visible": visible, **row}


CAR, DEER, HIDDEN = (
    placed("car", 0, 0, 100, 50),
    placed("deer", 60, 10, 90, 60),
    placed("bus", 300, 0, 400, 100, visible=0.1),
)


@pytest.mark.parametrize(
    ("box", "kind"),
    [
        ((0, 0, 100, 50), "car"),
        ((5, 5, 50, 45), "car"),  # a piece of it
        ((60, 10, 90, 60), "deer"),
        ((60, 10, 85, 50), "deer"),  # inside the car's box as well: what is strange is said
        ((200, 0, 260, 60), SCENERY.name),
        ((80, 0, 180, 100), SCENERY.name),  # little of the car and of the deer
        ((75, 30, 110, 90), None),  # a piece of the deer, which is more than scenery
        ((300, 0, 400, 100), None),  # what is in front of it would be called a bus
    ],
)
def test_what_a_box_shows_is_said_only_where_it_can_be_told(box, kind):
    shown = what_shows(np.array(box, float), [CAR, DEER, HIDDEN])
    assert (shown and shown["class_name"]) == kind


def test_map_scenes_keeps_the_order():
    assert list(map_scenes(str, 60, workers=2)) == [str(index) for index in range(60)]


def test_a_core_draws_scenes_quickly():
    """Twenty a second on a free core; a busy machine may take several times as long."""
    import time

    start = time.process_time()
    for index in range(FRAMES_PER_DRIVE):
        draw_scene(9, index)
    assert FRAMES_PER_DRIVE / (time.process_time() - start) > 5
