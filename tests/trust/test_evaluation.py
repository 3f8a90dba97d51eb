"""Truth in three steps: the numbers here are worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from rarelib.trust.evaluation import cluster_interval, evaluate_ranking, match_boxes, match_truth, read_truth

IMAGES = pd.DataFrame({"image_id": ["a", "b"], "path": ["a.jpg", "b.jpg"], "sampled": [True, True]})
TRUTH = pd.DataFrame(
    {
        "path": ["a.jpg", "a.jpg", "b.jpg", "b.jpg"],
        "x_min": [0, 100, 0, 100], "y_min": [0, 0, 0, 0], "x_max": [10, 110, 10, 110], "y_max": [10, 10, 10, 10],
        "class_name": ["deer", "car", "deer", "cone"], "rare": [True, False, True, True],
        "seen": [True, True, True, False],
    }
)  # fmt: skip


def objects_at(*places):
    rows = [(f"{image}-{n:02}", image, x, 0.0, x + 10.0, 10.0) for n, (image, x) in enumerate(places)]
    return pd.DataFrame(rows, columns=["object_id", "image_id", "x_min", "y_min", "x_max", "y_max"])


def scores_of(ids, ranks, events=None):
    ranks = np.array(ranks)
    return pd.DataFrame({"object_id": ids, "rank": ranks, "rarity": 1 - ranks / 100, "event": events or ids})


def truth_of(tmp_path, table, name="truth.csv"):
    table.to_csv(tmp_path / name, index=False)
    return read_truth(str(tmp_path / name))


def test_overlap_by_hand():
    true = np.array([[0.0, 0, 10, 10]])
    boxes = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [0, 0, 10, 4], [2, 2, 4, 4], [20, 20, 30, 30]])
    shown = match_boxes(true, boxes)[0]
    assert shown[0] == 1  # the same box
    assert shown[1] == 0  # IoU 1/3, half inside
    assert shown[2] == pytest.approx(0.4)  # a fragment: all inside, covers 40 %
    assert shown[3] == 0  # inside, but covers 4 %
    assert shown[4] == 0


def test_every_box_shows_at_most_one_true_object():
    truth = TRUTH.assign(wanted=TRUTH["rare"])
    pairs = match_truth(truth, objects_at(("a", 0), ("a", 101), ("b", 50)), IMAGES)
    assert pairs[["truth_row", "object_id"]].values.tolist() == [[0, "a-00"], [1, "a-01"]]


def test_the_three_steps_by_hand(tmp_path):
    truth = truth_of(tmp_path, TRUTH)
    objects = objects_at(("a", 0), ("a", 100), ("b", 0))  # the cone has no box
    filler = [f"z-{n:02}" for n in range(37)]
    scores = scores_of(["a-00", "b-02", "a-01", *filler], [1, 30, 2, *[n for n in range(3, 41) if n != 30]])
    found = evaluate_ranking(truth, objects, IMAGES, scores)  # 40 objects: the budget of 5 % is 2
    value = {(step["step"], step["kind"]): step["value"] for step in found["steps"]}
    assert value["detected", "all"] == pytest.approx(2 / 3)
    assert value["ranked", "all"] == pytest.approx(1 / 2)
    assert value["end_to_end", "all"] == pytest.approx(1 / 3)
    assert value["detected", "unseen"] == 0
    assert value["detected", "seen"] == 1
    assert found["precision_at"]["10"] == pytest.approx(0.1)
    assert next(s for s in found["steps"] if s["step"] == "ranked")["random"] == pytest.approx(0.05, abs=0.05)
    assert "67%" in found["sentence"]


def test_a_near_duplicate_counts_when_its_entry_shows_the_same_kind(tmp_path):
    truth = truth_of(tmp_path, TRUTH)
    objects = objects_at(("a", 0), ("a", 100), ("b", 0))
    ids = ["a-00", "b-02", "a-01", *[f"z-{n:02}" for n in range(37)]]
    ranks = [1, 40, *range(2, 40)]

    def ranked(events):
        steps = evaluate_ranking(truth, objects, IMAGES, scores_of(ids, ranks, events))["steps"]
        return next(step["value"] for step in steps if (step["step"], step["kind"]) == ("ranked", "all"))

    assert ranked(["a-00", "a-00", *ids[2:]]) == 1.0  # folded under the other deer
    assert ranked(["a-00", "a-01", *ids[2:]]) == 0.5  # folded under a car: nobody would see it


def test_a_detected_object_that_was_not_embedded_is_never_shown(tmp_path):
    truth = truth_of(tmp_path, TRUTH)
    found = evaluate_ranking(truth, objects_at(("a", 0)), IMAGES, scores_of(["z-00"], [1]))
    assert next(step for step in found["steps"] if step["step"] == "ranked")["value"] == 0


@pytest.mark.parametrize(("truth", "word"), [(None, "No truth table"), (TRUTH.assign(wanted=False), "no rare or odd")])
def test_without_anything_to_find_it_says_so(truth, word):
    found = evaluate_ranking(truth, objects_at(("a", 0)), IMAGES, scores_of(["a-00"], [1]))
    assert not found["available"]
    assert word in found["sentence"]


def test_wrong_truth_tables_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must have a column 'rare'"):
        truth_of(tmp_path, TRUTH.drop(columns="rare"))
    (tmp_path / "truth.parquet").write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"truth\.parquet cannot be read"):
        read_truth(tmp_path / "truth.parquet")
    assert read_truth(None) is None
    with pytest.raises(FileNotFoundError, match=r"The truth table none\.csv is not there"):
        read_truth("none.csv")


def test_intervals_widen_when_frames_are_alike():
    values = np.tile([1.0, 0.0], 50)
    alone = cluster_interval(values, np.arange(100), np.random.default_rng(0))
    in_drives = cluster_interval(np.sort(values), np.repeat(np.arange(4), 25), np.random.default_rng(0))
    assert alone[0] < 0.5 < alone[1]
    assert in_drives[1] - in_drives[0] > 2 * (alone[1] - alone[0])


def test_the_random_control_has_the_credit_of_events():
    """5 bursts of 20 among 1,000: in a random order some view of a burst comes early, and speaks for all."""
    ids = [f"i{n:03}-00" for n in range(1000)]
    images = pd.DataFrame({"image_id": [i[:4] for i in ids], "path": [i[:4] + ".jpg" for i in ids], "sampled": True})
    boxes = {"x_min": 0.0, "y_min": 0.0, "x_max": 10.0, "y_max": 10.0}
    objects = pd.DataFrame({"object_id": ids, "image_id": images["image_id"], **boxes})
    truth = images[["path"]].head(100).assign(**boxes, class_name="deer", rare=True, wanted=True)
    events = [ids[20 * (n // 20)] if n < 100 else ids[n] for n in range(1000)]
    found = evaluate_ranking(truth, objects, images, scores_of(ids, list(range(1, 1001)), events))
    ranked = next(step for step in found["steps"] if (step["step"], step["kind"]) == ("ranked", "all"))
    assert ranked["random"] == pytest.approx(1 - 0.95**20, abs=0.08)
    at = np.searchsorted(found["curve"]["budgets"], 0.05)
    assert found["curve"]["random"][at] == pytest.approx(ranked["random"], abs=0.02)


def test_yes_and_no_are_read_as_they_are_meant(tmp_path):
    truth = truth_of(tmp_path, TRUTH.assign(rare=["yes", "no", "はい", "FALSE"]))
    assert truth["wanted"].tolist() == [True, False, True, False]
    with pytest.raises(ValueError, match="row 3: 'rare' must be yes or no"):
        truth_of(tmp_path, TRUTH.assign(rare=["yes", "perhaps", "no", "no"]))


def test_a_few_clusters_give_a_wide_interval():
    low, high = cluster_interval(np.ones(50), np.zeros(50), np.random.default_rng(0))
    assert low < 0.2 and high == 1.0
