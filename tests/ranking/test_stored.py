"""Vectors that stay where they lie are ranked like those in memory, in bounded memory; a stranger is still found."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted import cluster, unit
from scipy.stats import spearmanr

from rarelib.params import OUTLIER_METHODS
from rarelib.ranking import copies, indexes, looks, nearest, neighbours, outliers, reasons, stored, tracks, whitening
from rarelib.ranking.scoring import score_objects
from rarelib.ranking.stored import StoredVectors, arrange, draw_rows, mean_row, row_blocks
from rarelib.settings import ScoreSettings

STRANGERS = 8


@pytest.fixture(scope="module")
def crowd():
    """Twelve kinds of 400, eight strangers among them, in rows that are shuffled."""
    many = [cluster(400, seed, dim=32) for seed in range(12)]
    strangers = unit(np.random.default_rng(99).normal(size=(STRANGERS, 32)).astype(np.float32))
    order = np.random.default_rng(1).permutation(12 * 400 + STRANGERS)
    kinds = np.repeat([*[f"kind {number}" for number in range(12)], "kind 0"], [*[400] * 12, STRANGERS])
    return np.concatenate([*many, strangers])[order], kinds[order], order >= 12 * 400


@pytest.fixture
def coarse(monkeypatch):
    """Indexes as for many rows, so that few rows show what they do."""
    monkeypatch.setattr(indexes, "COARSE_ROWS", 100)
    monkeypatch.setattr(indexes, "TRAINED_ROWS", 1000)


def test_rows_are_read_in_stored_order_and_numbered_anew():
    lying = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    order = np.random.default_rng(1).permutation(50)
    rows = StoredVectors(lying, order)
    np.testing.assert_array_equal(rows[np.array([3, 3, 0])], lying[order[[3, 3, 0]]])
    np.testing.assert_array_equal(rows[5:9], lying[order[5:9]])
    read, found = [], np.zeros((50, 4))
    for block, values in row_blocks(rows, size=7):
        found[block] = values
        read.append(values)
    np.testing.assert_array_equal(found, lying[order])
    np.testing.assert_array_equal(np.concatenate(read), lying)
    some = np.array([7, 1, 30])
    for block, values in row_blocks(rows, rows=some, size=2):
        np.testing.assert_array_equal(values, lying[order[some[block]]])


def test_what_is_found_of_all_rows_is_that_of_rows_in_memory():
    lying = cluster(300, 0, dim=8)
    order = np.random.default_rng(1).permutation(300)
    rows = StoredVectors(lying, order)
    np.testing.assert_allclose(mean_row(rows), lying.mean(axis=0, dtype=float))
    np.testing.assert_array_equal(rows[draw_rows(rows, 20)], lying[draw_rows(lying, 20)])
    some = np.arange(100)
    np.testing.assert_array_equal(draw_rows(rows, 20, rows=some), draw_rows(lying[order], 20, rows=some))


def test_only_what_fits_is_held():
    lying, order = np.zeros((1000, 100), np.float16), np.arange(1000)
    assert isinstance(arrange(lying, order, memory_gb=8 * 4e-4), np.ndarray)
    assert arrange(lying, order, memory_gb=8 * 4e-4).dtype == np.float32
    assert isinstance(arrange(lying, order, memory_gb=7 * 4e-4), StoredVectors)
    assert arrange(lying, order, memory_gb=7 * 4e-4)[:2].dtype == np.float32


def test_the_memory_decides_what_an_index_is_made_of():
    held, lying = np.zeros((10, 64), np.float32), np.zeros((10, 64), np.float32)
    assert indexes.index_kind(held, 10**9) == "float"
    assert indexes.index_kind(StoredVectors(lying, memory_gb=8), 20_000) == "bytes"
    assert indexes.index_kind(StoredVectors(lying, memory_gb=0.004), 20_000) == "codes"


@pytest.mark.parametrize(("kind", "least"), [("bytes", 0.93), ("codes", 0.65)])
def test_a_coarse_index_orders_like_an_exact_one_and_finds_the_strangers(crowd, coarse, monkeypatch, kind, least):
    vectors, _, strange = crowd
    scenes, reference = np.arange(len(vectors)), np.arange(0, len(vectors), 2)
    exact = nearest.mean_distance_elsewhere(vectors, reference, k=5, scenes=scenes)
    monkeypatch.setattr("rarelib.ranking.indexes.index_kind", lambda *_: kind)
    found = nearest.mean_distance_elsewhere(StoredVectors(vectors), reference, k=5, scenes=scenes)
    assert spearmanr(found, exact).statistic > least
    for order in (exact, found):
        assert set(np.argsort(-order)[:STRANGERS]) == set(np.flatnonzero(strange))


@pytest.mark.parametrize("method", OUTLIER_METHODS)
def test_outlier_scores_of_stored_vectors_are_those_of_vectors_in_memory(crowd, coarse, method):
    vectors, kinds, _ = crowd
    options = {"methods": [method], "class_names": kinds}
    held = outliers.outlier_scores(vectors, **options)[method]
    found = outliers.outlier_scores(StoredVectors(vectors), **options)[method]
    assert spearmanr(held, found).statistic > 0.95
    assert set(np.argsort(-found)[:STRANGERS]) == set(np.argsort(-held)[:STRANGERS])


def test_the_look_of_stored_vectors_finds_the_same_strangers(crowd, coarse):
    vectors, kinds, strange = crowd
    held = looks.embedding_rarity(vectors, class_names=kinds)
    for memory_gb in (0.1, 4 * 4 * 32 * 1000 / 1e9):  # with the less, classes are measured in several readings
        found = looks.embedding_rarity(StoredVectors(vectors, memory_gb=memory_gb), class_names=kinds)
        assert spearmanr(held, found).statistic > 0.95
        for order in (held, found):
            assert set(np.argsort(-order)[:STRANGERS]) == set(np.flatnonzero(strange))


def tables_of(kinds, n_pictures=120):
    """Objects in pictures of six drives, by ids whose order is not that of the rows."""
    n = len(kinds)
    picture = np.random.default_rng(4).permutation(n) % n_pictures
    image_id = pd.Series([f"{number:04d}" for number in picture], dtype="str")
    place = pd.Series(picture).groupby(picture).cumcount()
    corner = np.stack([40 * (place % 40), 40 * (place // 40)], axis=1).astype(float)
    objects = pd.DataFrame({"object_id": image_id + place.map("-{:02d}".format), "image_id": image_id,
                            "class_name": kinds, "confidence": 0.8, "x_min": corner[:, 0], "y_min": corner[:, 1],
                            "x_max": corner[:, 0] + 30, "y_max": corner[:, 1] + 30, "crop_path": "",
                            "origin": "detected"})  # fmt: skip
    numbers = range(n_pictures)
    drives = [f"drive {number // 20}" for number in numbers]
    told = {"image_id": [f"{number:04d}" for number in numbers], "width": 1600, "height": 900, "group": drives}
    return objects, pd.DataFrame(told)


def ranked(vectors, kinds, *, memory_gb):
    """Rank the crowd with that memory."""
    objects, pictures = tables_of(kinds)
    settings = ScoreSettings(memory_gb=memory_gb, outlier_methods=("knn",))
    return score_objects(objects, pictures, vectors, objects["object_id"].tolist(), settings=settings)


def test_the_whole_ranking_reads_from_disk_what_memory_does_not_hold(crowd, coarse, tmp_path, monkeypatch):
    vectors, kinds, strange = crowd
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    held, beside = ranked(vectors, kinds, memory_gb=8)
    monkeypatch.setattr(copies, "EXACT_ROWS", 1000)
    monkeypatch.setattr(tracks, "OTHER_THINGS", 1000)
    found, near = ranked(mapped, kinds, memory_gb=vectors.size * 4 * 7 / 1e9)
    assert found["object_id"].tolist() == held["object_id"].tolist()
    assert spearmanr(held["rarity"], found["rarity"]).statistic > 0.95
    first = [set(table.nsmallest(3 * STRANGERS, "rank").index) for table in (held, found)]
    assert set(np.flatnonzero(strange)) <= first[1] and len(first[0] & first[1]) > 2 * STRANGERS
    assert (found["selected"] == held["selected"]).mean() > 0.97 and len(near) == len(beside)


def test_ranking_never_reads_more_than_a_part_of_the_vectors_at_once(crowd, coarse, monkeypatch):
    vectors, kinds, _ = crowd
    read, limits = [], {"BLOCK_ROWS": 500, "REFERENCE_ROWS": 500, "FOREST_ROWS": 500, "FIT_ROWS": 500,
                        "CLASS_ROWS": 500, "OTHER_THINGS": 500, "EXACT_ROWS": 500, "LIST_ROWS": 100,
                        "AXES_FIT_ROWS": 500}  # fmt: skip
    for module in (stored, nearest, whitening, neighbours, outliers, looks, tracks, copies):
        for name, limit in limits.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, limit)
    take = StoredVectors.__getitem__
    monkeypatch.setattr(StoredVectors, "__getitem__", lambda self, rows: read.append(rows) or take(self, rows))
    objects, pictures = tables_of(kinds)
    settings = ScoreSettings(memory_gb=0.004, outlier_methods=OUTLIER_METHODS)
    score_objects(objects, pictures, vectors, objects["object_id"].tolist(), settings=settings)
    assert max(len(rows) for rows in read if not isinstance(rows, slice)) <= 1000
    assert len(read) > len(vectors) / 500


def test_reasons_are_made_for_what_is_shown(crowd, monkeypatch):
    vectors, kinds, _ = crowd
    monkeypatch.setattr(reasons, "EXPLAINED", 300)
    scores, _ = ranked(vectors, kinds, memory_gb=8)
    told = scores["selected"] | (scores["rank"] <= 300)
    assert (scores["reason"] != "").tolist() == (scores["reason_codes"] != "").tolist() == told.tolist()
    assert 300 <= told.sum() < len(scores)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells what a mapping was advised")
def test_of_rows_here_and_there_nothing_else_is_read(tmp_path):
    """With reading ahead the events of 10 million took 670 MB/s from the disk, without it 24 MB/s."""
    np.save(tmp_path / "many.npy", np.zeros((5000, 64), np.float32))
    rows = StoredVectors(np.load(tmp_path / "many.npy", mmap_mode="r"))

    def is_advised():
        smaps = Path("/proc/self/smaps").read_text().split("many.npy")[1]
        return "rr" in re.search(r"VmFlags:(.*)", smaps).group(1).split()

    told = []
    for wanted in (np.arange(0, 5000, 50), slice(0, 100), np.arange(300, 400), np.array([7, 4000])):
        assert rows[wanted].shape[1] == 64
        told.append(is_advised())
    assert told == [True, False, False, True]
