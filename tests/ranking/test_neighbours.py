"""The nearest common objects are of other events and other drives; those like one object begin with itself."""

import numpy as np
import pandas as pd
import pytest
from planted import cluster, unit

from rarelib.ranking.nearest import most_similar
from rarelib.ranking.neighbours import nearest_common


def selected_one(groups):
    """One selected object, a second box of its part beside it, and common ones; all in pictures of their own."""
    common = cluster(len(groups) - 2, 1)
    rare = cluster(1, 7)
    part = unit(rare + 0.05 * common[:1])
    ids = [f"{n:02d}" for n in range(len(groups))]
    table = pd.DataFrame({"object_id": ids, "image_id": ids, "group": groups, "event": ids, "rank": range(len(groups)),
                          "selected": np.arange(len(groups)) == 0, "origin": "detected"})  # fmt: skip
    return table, np.concatenate([rare, part, common])


def test_parts_of_the_same_thing_are_no_neighbours():
    neighbours, nearest = nearest_common(*selected_one(["a", "a", *["b"] * 5, *["a"] * 5]))
    assert len(neighbours) == 3 and set(neighbours["neighbour_id"]) <= {f"{n:02d}" for n in range(2, 7)}
    assert nearest[0] == neighbours["similarity"].iloc[0] and np.isnan(nearest[1:]).all()


def test_with_one_drive_other_pictures_count():
    neighbours, _ = nearest_common(*selected_one(["a"] * 12))
    assert neighbours["neighbour_id"].iloc[0] == "01" and neighbours["position"].tolist() == [1, 2, 3]


def test_what_the_detector_never_boxed_is_no_common_object_while_there_are_others():
    table, vectors = selected_one(["a"] * 12)
    proposal = table.assign(origin=["detected", "proposal", *["detected"] * 10])  # 01, the nearest
    assert "01" not in set(nearest_common(proposal, vectors)[0]["neighbour_id"])
    alone = table.assign(origin=["detected", *["proposal"] * 11])
    assert nearest_common(alone, vectors)[0]["neighbour_id"].iloc[0] == "01"


def test_an_object_is_the_first_of_those_like_it_and_its_copies_come_after():
    vectors = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    vectors[0] = vectors[4]  # stands before it in the table
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    table = most_similar("e", vectors, list("abcdef"), n_similar=3)
    assert table["object_id"].tolist()[:2] == ["e", "a"] and len(table) == 3
    assert table["similarity"].tolist() == sorted(table["similarity"], reverse=True)
    assert table["similarity"][0] == pytest.approx(1)
    with pytest.raises(ValueError, match="'z' has no vector; the early filter may have left it out"):
        most_similar("z", vectors, list("abcdef"))
