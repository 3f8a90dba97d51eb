"""Maps of planted clusters, of hardly any vectors, and of identical ones."""

import numpy as np
import pandas as pd
import pytest
from planted_run import planted_run

from rarelib.objects.projection import METHODS, choose_rows, project_table, project_vectors, ranked_vectors
from rarelib.run.folder import RunFolder


def clusters(n_each: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    centres = np.eye(16)[:3]
    labels = np.repeat(np.arange(3), n_each)
    vectors = centres[labels] + generator.normal(0, 0.05, (3 * n_each, 16))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


@pytest.mark.parametrize("method", METHODS)
def test_neighbours_on_the_map_are_of_the_same_cluster(method):
    vectors, labels = clusters()
    positions = project_vectors(vectors, method=method)
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=2) + np.eye(len(labels)) * 1e9
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.95


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 9])
def test_hardly_any_vectors_have_a_place_each(method, n):
    vectors, _ = clusters(3)
    positions = project_vectors(vectors[:n], method=method)
    assert positions.shape == (n, 2)
    assert np.isfinite(positions).all()


@pytest.mark.parametrize("method", METHODS)
def test_identical_vectors_stand_in_one_place(method):
    positions = project_vectors(np.full((12, 8), 8**-0.5, np.float32), method=method)
    assert np.ptp(positions, axis=0).max() == 0


@pytest.mark.parametrize("method", METHODS)
def test_twins_and_vectors_on_a_line_are_finite(method):
    line = np.repeat(np.linspace(-1, 1, 4)[:, None] * np.ones(6), 2, axis=0)
    assert np.isfinite(project_vectors(line, method=method)).all()


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_map(method):
    vectors, _ = clusters()
    assert np.array_equal(
        project_vectors(vectors, method=method, seed=3), project_vectors(vectors, method=method, seed=3)
    )


def test_three_vectors_keep_their_distances():
    vectors, _ = clusters(1)
    positions = project_vectors(vectors)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(positions[a] - positions[b]) == pytest.approx(np.linalg.norm(vectors[a] - vectors[b]))


def test_wrong_method_and_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"'method' parameter of project_vectors must be one of .* Got 'pca' instead"):
        project_vectors(np.zeros((3, 2)), method="pca")
    with pytest.raises(ValueError, match=r"'vectors' parameter .* shape \(n, dim\). Got \(3,\) instead"):
        project_vectors(np.zeros(3))


def planted_scores(n: int = 100) -> pd.DataFrame:
    """Objects in reverse order of rank; the ten rarest are selected."""
    ids = [f"o{number:03}" for number in range(n)]
    ranks = np.arange(n, 0, -1)
    return pd.DataFrame({"object_id": ids, "rank": ranks, "selected": ranks <= 10})


def test_selected_come_first_and_the_rest_is_drawn():
    scores = planted_scores()
    ranked = scores["selected"], scores["rank"]
    rows = choose_rows(*ranked, max_points=30)
    assert len(rows) == len(set(rows)) == 30
    assert set(range(90, 100)) <= set(rows)
    assert choose_rows(*ranked, max_points=30).tolist() == rows.tolist()
    assert choose_rows(*ranked, max_points=30, seed=1).tolist() != rows.tolist()


def test_of_too_many_selected_the_rarest_are_shown():
    scores = planted_scores()
    assert choose_rows(scores["selected"], scores["rank"], max_points=4).tolist() == [96, 97, 98, 99]


def test_all_rows_are_shown_where_they_fit():
    scores = planted_scores(7)
    assert choose_rows(scores["selected"], scores["rank"]).tolist() == list(range(7))
    assert choose_rows([], []).tolist() == []


def test_map_table_names_the_rows_it_shows(tmp_path):
    vectors, _ = clusters()
    ids = [f"o{number:03}" for number in range(len(vectors))]
    run = RunFolder(tmp_path)
    run.write_vectors(vectors, ids, {})
    table = project_table(run, np.array([0, 5, 59]))
    assert table["object_id"].tolist() == ["o000", "o005", "o059"]
    assert list(table) == ["object_id", "x", "y"]
    empty = project_table(run, np.zeros(0, int))
    assert empty.empty
    assert pd.api.types.is_string_dtype(empty["object_id"])


def test_ranks_stand_in_the_order_of_the_vectors(tmp_path):
    run = planted_run(tmp_path)
    run.write_table("scores", run.read_table("scores").sample(frac=1, random_state=1).iloc[1:])
    ranked, (_, ids) = ranked_vectors(run), run.read_vectors()
    known = run.read_table("scores").set_index("object_id")
    assert ranked["rank"].tolist() == known["rank"].reindex(ids).fillna(0).tolist()
    assert ranked["selected"].tolist() == known["selected"].reindex(ids).eq(True).tolist()
