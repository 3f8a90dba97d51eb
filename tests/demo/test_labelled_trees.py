"""The drawn world in the schemas of five data sets: recognised, and its labels are the drawn truth."""

import numpy as np
import pandas as pd
import pytest

from rarelib.datasets.labels import read_labels
from rarelib.datasets.recognition import list_dataset
from rarelib.demo.draw.labelled_trees import WRITERS, write_tree
from rarelib.demo.draw.world import save_world
from rarelib.tables import BOX

N_SCENES = 8


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    save_world(folder, n_scenes=N_SCENES, seed=5, workers=1)
    return folder


@pytest.mark.parametrize("name", WRITERS)
def test_labels_read_back_are_the_drawn_truth(world, tmp_path, name):
    placed = write_tree(world, tmp_path / "tree", layout=name)
    images, layout = list_dataset(tmp_path / "tree")
    assert layout.name == name
    drawn = images[images["sampled"]]
    assert sorted(drawn["path"]) == sorted(placed.values()) and len(drawn) == N_SCENES
    truth = pd.read_parquet(world / "truth.parquet")
    labels = read_labels(layout, tmp_path / "tree", drawn)
    assert len(labels) == len(truth) > 40
    spelled = {"kitti": lambda text: text.title().replace(" ", "_")}.get(name, str)
    for path, rows in truth.groupby("path"):
        own = labels[labels["path"] == placed[path]]
        assert own["class_name"].tolist() == [spelled(each) for each in rows["class_name"]]
        np.testing.assert_allclose(own[BOX], rows[BOX], atol=1.0 if name == "nuscenes" else 0.01)
        assert np.abs(own[BOX].to_numpy() - rows[BOX].to_numpy()).max() < 1


def test_drives_of_the_world_are_scenes(world, tmp_path):
    placed = write_tree(world, tmp_path / "tree", layout="nuscenes")
    images, _ = list_dataset(tmp_path / "tree")
    group = images.set_index("path")["group"]
    drives = pd.Series({path: path.rpartition("/")[0] for path in placed})
    scenes = drives.index.map(lambda path: group[placed[path]])
    assert pd.Series(scenes).nunique() == drives.nunique() == len(set(zip(scenes, drives, strict=True)))
