"""Outlier scores: planted outliers, other people's implementations, and what must not matter."""

import numpy as np
import pytest
from planted import cluster, unit
from scipy.stats import spearmanr
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from rarelib.params import OUTLIER_METHODS
from rarelib.ranking import indexes, nearest, stored
from rarelib.ranking.outliers import (
    class_conditional_knn_scores,
    embedding_rarity,
    isolation_forest,
    knn_scores,
    lof_per_class_scores,
    lof_scores,
    mahalanobis_scores,
    outlier_scores,
    percentiles,
    plain_outliers,
    surprise,
)

N_COMMON = 300


@pytest.fixture(scope="module")
def planted():
    """Two clusters, and last two strangers that lie by themselves."""
    strangers = np.concatenate([cluster(1, 7), cluster(1, 8)])
    vectors = np.concatenate([cluster(N_COMMON // 2, 1), cluster(N_COMMON // 2, 2), strangers])
    return vectors, np.array(["car"] * (N_COMMON // 2) + ["person"] * (N_COMMON // 2) + ["car"] * 2)


@pytest.mark.parametrize("method", OUTLIER_METHODS)
def test_strangers_score_highest(planted, method):
    vectors, names = planted
    scores = outlier_scores(vectors, methods=[method], class_names=names, n_neighbors=10)[method]
    assert set(np.argsort(-scores)[:2]) == {N_COMMON, N_COMMON + 1}


def test_fusion_puts_strangers_first_and_stays_in_its_range(planted):
    vectors, names = planted
    for rarity in (embedding_rarity(vectors), embedding_rarity(vectors, class_names=names)):
        assert set(np.argsort(-rarity)[:2]) == {N_COMMON, N_COMMON + 1}
        assert rarity.min() >= 0 and rarity.max() <= 1


def test_a_car_among_persons_is_odd_for_its_class_only(planted):
    vectors, names = planted
    disguised = names.copy()
    disguised[200] = "car"  # looks like the persons around it
    own_class = class_conditional_knn_scores(vectors, disguised)
    assert own_class[200] > np.delete(own_class, [200, N_COMMON, N_COMMON + 1]).max()
    assert percentiles(knn_scores(vectors))[200] < 0.95


def test_lof_agrees_with_sklearn(planted):
    vectors, _ = planted
    oracle = LocalOutlierFactor(n_neighbors=20, metric="cosine").fit(vectors)
    np.testing.assert_allclose(lof_scores(vectors), -oracle.negative_outlier_factor_, rtol=2e-3)


def test_knn_agrees_with_sklearn(planted):
    vectors, _ = planted
    distance, _ = NearestNeighbors(n_neighbors=10, metric="cosine").fit(vectors).kneighbors()
    np.testing.assert_allclose(knn_scores(vectors), distance.mean(axis=1), atol=1e-5)


def test_knn_against_a_reference_by_hand():
    reference = np.eye(3, dtype=np.float32)
    queries = unit(np.array([[1, 0, 0], [1, 1, 0]], np.float32))
    np.testing.assert_allclose(knn_scores(queries, n_neighbors=2, reference=reference), [0.5, 1 - 0.5**0.5], atol=1e-6)


def test_isolation_forest_agrees_with_sklearn(planted):
    from sklearn.ensemble import IsolationForest

    vectors, _ = planted
    ordered = vectors[stored.content_order(vectors)]  # so that the trees do not depend on the order of rows
    oracle = IsolationForest(random_state=3).fit(ordered)
    np.testing.assert_allclose(isolation_forest(vectors, seed=3), -oracle.score_samples(vectors))


def test_mahalanobis_agrees_with_sklearn(planted):
    vectors, _ = planted
    oracle = LedoitWolf().fit(vectors.astype(np.float64)).mahalanobis(vectors)
    assert spearmanr(mahalanobis_scores(vectors, trimmed_share=0.0), oracle).statistic > 0.99


@pytest.mark.parametrize("method", [*OUTLIER_METHODS, "fusion"])
def test_order_of_rows_does_not_matter(planted, method):
    vectors, names = planted
    order = np.random.default_rng(3).permutation(len(vectors))
    before, after = score(method, vectors, names), score(method, vectors[order], names[order])
    np.testing.assert_allclose(after, before[order], atol=2e-3 if method == "lof" else 1e-5)


@pytest.mark.parametrize("method", [*OUTLIER_METHODS, "fusion"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 30])
def test_few_or_equal_vectors(method, n):
    for vectors in (cluster(n, 0), np.tile(cluster(1, 0), (n, 1))):
        scores = score(method, vectors, np.array(["car"] * n))
        assert scores.shape == (n,)
        assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, scores[:1].repeat(n), atol=1e-5)  # equal vectors, equal scores


def test_unknown_method_is_named():
    with pytest.raises(ValueError, match=r"must name isolation_forest, lof.* Got 'magic' instead"):
        outlier_scores(cluster(5, 0), methods=["magic"])


def test_percentiles_by_hand():
    assert percentiles(np.array([3.0, 1.0, 2.0, 2.0])).tolist() == [0.875, 0.125, 0.5, 0.5]
    assert percentiles(np.zeros(0)).tolist() == []


def test_percentiles_among_others_by_hand():
    scores, among = np.array([3.0, 1.0, 2.0, 2.0, 9.0]), np.array([True, True, True, False, False])
    found = percentiles(scores, among=among)
    np.testing.assert_allclose(found, [2.5 / 3, 0.5 / 3, 0.5, 0.5, 3.5 / 4])
    np.testing.assert_array_equal(percentiles(scores[:3]), found[:3])  # what is added does not move them


def test_proposals_push_no_detected_object_down(planted):
    vectors, names = planted
    junk = unit(np.random.default_rng(5).normal(size=(5 * len(vectors), 32)))
    both, reference = np.concatenate([vectors, junk]), np.arange(6 * len(vectors)) < len(vectors)
    alone = embedding_rarity(vectors, class_names=names)
    beside = embedding_rarity(both, class_names=[*names, *["car"] * len(junk)], reference=reference)
    np.testing.assert_allclose(beside[reference], alone, atol=1e-6)
    assert np.median(beside[~reference]) > 0.95


def test_what_surprises_does_not_depend_on_how_many_there_are():
    for n in (1_000, 100_000):
        values = surprise(percentiles(np.arange(n)))
        np.testing.assert_allclose(values[[int(0.9 * n), int(0.99 * n)]], [0.44, 0.68], atol=0.01)
        assert (np.diff(values) > 0).all() and values.max() < 1
    assert surprise(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]


def test_plain_outliers_are_those_of_either_method():
    scores = {"isolation_forest": np.arange(20.0), "lof": -np.arange(20.0), "knn": np.zeros(20)}
    assert np.flatnonzero(plain_outliers(scores, 0.1)).tolist() == [0, 1, 18, 19]
    alike = {"isolation_forest": np.arange(20.0), "lof": np.arange(20.0) + 1e-9}
    assert np.flatnonzero(plain_outliers(alike, 0.1)).tolist() == [18, 19]
    with pytest.raises(ValueError, match=r"must hold lof. Got \['knn', 'isolation_forest'\] instead"):
        plain_outliers({"knn": np.zeros(3), "isolation_forest": np.zeros(3)}, 0.1)


def test_lof_per_class_is_lof_of_each_class(planted):
    vectors, names = planted
    scores = lof_per_class_scores(vectors, names)
    for name in ("car", "person"):
        np.testing.assert_allclose(scores[names == name], lof_scores(vectors[names == name]), rtol=1e-3)
    few = names.copy()
    few[:5] = "bus"  # too few to be a neighbourhood
    np.testing.assert_allclose(lof_per_class_scores(vectors, few)[:5], lof_scores(vectors)[:5], rtol=1e-3)


def test_vectors_on_disk_are_scored_like_those_in_memory(planted, tmp_path):
    vectors, names = planted
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    for method in (*OUTLIER_METHODS, "fusion"):
        np.testing.assert_allclose(score(method, mapped, names), score(method, vectors, names), atol=1e-6)


def test_many_objects_are_searched_like_few(monkeypatch):
    vectors = np.concatenate([cluster(400, seed, dim=16) for seed in range(10)])
    exact = knn_scores(vectors), lof_scores(vectors)
    monkeypatch.setattr(indexes, "EXACT_ROWS", 1000)
    assert spearmanr(knn_scores(vectors), exact[0]).statistic > 0.98
    assert spearmanr(lof_scores(vectors), exact[1]).statistic > 0.95


def test_a_query_is_never_its_own_neighbour():
    vectors = np.tile(cluster(1, 0), (6, 1))  # all alike, so that the search may not find the query itself
    similarity, rows = nearest.find_nearest(vectors, vectors, k=3, own_rows=np.arange(6))
    assert similarity.shape == rows.shape == (6, 3)
    assert (rows != np.arange(6)[:, None]).all()


def test_neighbours_elsewhere_are_of_other_scenes():
    vectors = unit(np.array([[1, 0], [1, 0.1], [1, 0.2], [1, 0.4]], np.float32))
    scenes = np.array(["a", "a", "b", "b"])
    similarity, rows = nearest.find_elsewhere(
        vectors, vectors, k=3, scenes=scenes, reference_scenes=scenes, rows=np.arange(1)
    )
    assert rows.tolist() == [[2, 3, -1]]
    np.testing.assert_allclose(similarity[0], [(1 / 1.04) ** 0.5, (1 / 1.16) ** 0.5, np.nan], rtol=1e-5)


def test_draws_depend_on_content_alone():
    vectors = cluster(50, 0)
    order = np.random.default_rng(1).permutation(50)
    drawn = vectors[stored.draw_rows(vectors, 10)]
    np.testing.assert_array_equal(vectors[order][stored.draw_rows(vectors[order], 10)], drawn)


def score(method, vectors, names):
    """One method's scores, or the fusion's."""
    if method == "fusion":
        return embedding_rarity(vectors, class_names=names)
    return outlier_scores(vectors, methods=[method], class_names=names, n_neighbors=10)[method]
