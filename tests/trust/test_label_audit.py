"""Labels with planted faults: swapped classes, a box labelled twice, one thing in many frames, a stranger."""

import numpy as np
import pandas as pd
import pytest

from rarelib.trust import label_audit
from rarelib.trust.label_audit import ISSUES, audit_labels, class_distances, label_sentence, worst_labels

PER_CLASS, DIM = 30, 16


def planted(*, n_classes=3, seed=0):
    """Three classes of thirty, each its own direction, one object a picture; events are single."""
    rng = np.random.default_rng(seed)
    centres = np.eye(n_classes, DIM)
    vectors = np.repeat(centres, PER_CLASS, axis=0) + rng.normal(0, 0.08, (n_classes * PER_CLASS, DIM))
    count = len(vectors)
    objects = pd.DataFrame({
        "object_id": [f"i{n:03d}-00" for n in range(count)], "image_id": [f"i{n:03d}" for n in range(count)],
        "class_name": np.repeat([f"class_{n}" for n in range(n_classes)], PER_CLASS), "origin": "label",
        "x_min": 0.0, "y_min": 0.0, "x_max": 10.0, "y_max": 10.0,
    })  # fmt: skip
    return objects, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def audited(objects, vectors, events=None, **options):
    ids = objects["object_id"].tolist()
    events = pd.Series(ids if events is None else events, index=ids)
    return audit_labels(objects, vectors, ids, events, **options)


def test_swapped_labels_come_first_with_the_class_they_look_like():
    objects, vectors = planted()
    vectors[[3, 40, 77]] = np.eye(3, DIM)  # as their true class looks
    objects.loc[[3, 40, 77], "class_name"] = ["class_2", "class_0", "class_1"]
    table = audited(objects, vectors)
    assert set(table["object_id"][:3]) == {"i003-00", "i040-00", "i077-00"}
    looks = table.set_index("object_id")["looks_like"]
    assert [looks[name] for name in ("i003-00", "i040-00", "i077-00")] == ["class_0", "class_1", "class_2"]
    assert (table["issue"] == "mislabelled").sum() == 3
    assert table["mislabelled"].between(0, 1).all() and table["mislabelled"].is_monotonic_decreasing


def test_a_stranger_is_not_accused_of_being_of_the_nearest_other_class():
    objects, vectors = planted()
    stranger = 0.6 * np.eye(DIM)[1] + 0.5 * np.eye(DIM)[0] + 0.6 * np.eye(DIM)[9]
    vectors[3] = stranger / np.linalg.norm(stranger)
    row = audited(objects, vectors).set_index("object_id").loc["i003-00"]
    assert row["mislabelled"] > 0.5 and row["looks_like"] == "class_1" and not row["fits"]
    assert row["issue"] == "odd"


def test_where_vectors_cannot_tell_the_classes_it_says_so():
    objects, vectors = planted()
    mixed = objects.assign(class_name=np.random.default_rng(0).permutation(objects["class_name"]))
    assert "cannot tell" in label_sentence(audited(mixed, vectors))
    assert "cannot tell" not in label_sentence(audited(objects, vectors))
    assert "見分けられない" in label_sentence(audited(mixed, vectors), "ja")


def test_the_order_of_the_rows_does_not_matter():
    objects, vectors = planted()
    objects.loc[3, "class_name"] = "class_2"
    order = np.random.default_rng(1).permutation(len(objects))
    mixed = audited(objects.iloc[order].reset_index(drop=True), vectors[order])
    plain = audited(objects, vectors).sort_values("object_id", ignore_index=True)
    pd.testing.assert_frame_equal(mixed.sort_values("object_id", ignore_index=True), plain, atol=1e-5)


def test_a_thing_labelled_wrong_in_all_its_frames_has_no_witness_in_its_event():
    objects, vectors = planted()
    track = [0, 1, 2, 3, 4]
    vectors[track] = np.eye(DIM)[0]
    objects.loc[track, "class_name"] = "class_2"
    ids = objects["object_id"].tolist()
    events = [ids[0] if n in track else ids[n] for n in range(len(ids))]
    alone = audited(objects, vectors).set_index("object_id")
    together = audited(objects, vectors, events).set_index("object_id")
    assert (alone.loc[ids[:5], "mislabelled"] < 0.5).all()  # its own frames speak for it
    assert (together.loc[ids[:5], "mislabelled"] > 0.5).all()
    shown = worst_labels(together.reset_index(), "mislabelled")
    assert shown["object_id"].isin(ids[:5]).tolist() == [True] + [False] * (len(shown) - 1)  # first, and once
    assert together.loc[ids[1], "near_duplicate"] == ids[0] and together.loc[ids[0], "near_duplicate"] == ""


def test_objects_of_the_same_picture_are_no_witnesses():
    names, distance = class_distances(
        np.eye(4)[[0, 0, 1, 1]], pd.Series(["a", "a", "b", "b"]), [pd.Series(["p", "p", "p", "q"])]
    )
    assert names == ["a", "b"]
    np.testing.assert_allclose(distance, [[np.nan, 1], [np.nan, 1], [np.nan, 0], [1, 0]], atol=1e-6)


def test_two_labels_on_one_box_and_a_stranger_in_its_class():
    objects, vectors = planted()
    objects.loc[11, ["image_id", "x_max"]] = ["i010", 9.5]  # as good as the box of i010-00
    objects.loc[12, ["image_id", "x_min", "x_max"]] = ["i010", 100.0, 110.0]
    stranger = np.zeros(DIM)
    stranger[[1, 12]] = 0.75, 0.66
    vectors[50] = stranger / np.linalg.norm(stranger)
    table = audited(objects, vectors).set_index("object_id")
    assert table.loc["i011-00", "doubled"] == "i010-00" and table.loc["i011-00", "issue"] == "doubled"
    assert table.loc[["i010-00", "i012-00"], "doubled"].tolist() == ["", ""]
    assert table["odd"].idxmax() == "i050-00" and table.loc["i050-00", "issue"] == "odd"
    assert table["issue"].value_counts().to_dict() == {"": len(table) - 2, "doubled": 1, "odd": 1}


def test_the_only_one_of_its_class_cannot_be_told():
    objects, vectors = planted()
    objects.loc[5, "class_name"] = "lonely"
    row = audited(objects, vectors).set_index("object_id").loc["i005-00"]
    assert (
        np.isnan(row["mislabelled"]) and np.isnan(row["odd"]) and row["issue"] == "" and row["looks_like"] == "class_0"
    )


def test_a_single_class_and_no_label_at_all():
    objects, vectors = planted(n_classes=1)
    table = audited(objects, vectors)
    assert table["mislabelled"].isna().all() and set(table["looks_like"]) == {""}
    nothing = audited(objects.assign(origin="detected"), vectors)
    assert nothing.empty and "boxes: labels" in label_sentence(nothing)


def test_large_classes_are_represented_by_a_sample(monkeypatch):
    monkeypatch.setattr(label_audit, "CLASS_SAMPLE", 8)
    objects, vectors = planted()
    objects.loc[3, "class_name"] = "class_2"
    table = audited(objects, vectors, seed=1)
    assert table["object_id"][0] == "i003-00" and table.equals(audited(objects, vectors, seed=1))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_it_is_told_in_words(language):
    objects, vectors = planted()
    objects.loc[3, "class_name"] = "class_2"
    objects.loc[11, "image_id"] = "i010"
    table = audited(objects, vectors)
    assert " 90 " in label_sentence(table, language) or "90 個" in label_sentence(table, language)
    worst = worst_labels(table, "mislabelled", language=language)
    assert worst["object_id"].tolist() == ["i003-00"] and "class_0" in worst["reason"][0]
    for issue in ISSUES:
        assert len(worst_labels(table, issue, language=language)) == (issue in ("mislabelled", "doubled"))
