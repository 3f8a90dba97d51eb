"""cleanlab's object detection scores of labels, where cleanlab is installed."""

import numpy as np
import pandas as pd
import pytest

from rarelib.trust import cleanlab_scores as module
from rarelib.trust.cleanlab_scores import cleanlab_scores

BOXES = [[0, 0, 10, 10], [20, 20, 60, 60], [100, 0, 140, 40]]


def labels(classes, image="p"):
    rows = pd.DataFrame(BOXES[: len(classes)], columns=["x_min", "y_min", "x_max", "y_max"], dtype=float)
    return rows.assign(object_id=[f"{image}-{n:02d}" for n in range(len(rows))], image_id=image, class_name=classes)


def test_a_swapped_label_and_a_misplaced_box_score_low():
    pytest.importorskip("cleanlab")
    predicted = labels(["car", "bus", "car"]).assign(confidence=0.95)
    given = pd.concat([labels(["Car", "car", "car"]), labels(["unicorn"], image="q")], ignore_index=True)
    given.loc[2, ["x_min", "x_max"]] = [105.0, 150.0]
    scores = cleanlab_scores(given, predicted).set_index("object_id")
    assert scores["swap"].idxmin() == "p-01" and scores.loc["p-01", "swap"] < 0.5 < scores.loc["p-00", "swap"]
    assert scores.loc["p-02", "badloc"] < scores.loc["p-00", "badloc"]
    assert np.isnan(scores.loc["q-00", "swap"]) and scores.index.tolist() == given["object_id"].tolist()


def test_pictures_in_which_the_detector_sees_nothing():
    pytest.importorskip("cleanlab")
    predicted = labels(["car", "car"]).assign(confidence=0.9)
    given = pd.concat([labels(["car"]), labels(["car"], image="q")], ignore_index=True)
    assert len(cleanlab_scores(given, predicted)) == 2


def test_without_cleanlab_nothing_is_known(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    scores = cleanlab_scores(labels(["car", "bus"]), labels(["car"]).assign(confidence=0.9))
    assert scores["swap"].isna().all() and len(scores) == 2
