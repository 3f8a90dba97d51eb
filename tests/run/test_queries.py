"""Questions to the tables of a run: what is answered, what is refused, and what goes to disk."""

import json

import numpy as np
import pandas as pd
import pytest
from planted_run import planted_run

from rarelib.run import queries
from rarelib.run.files import Inside, files_below, path_tables
from rarelib.run.json_rows import write_json_rows
from rarelib.run.queries import ROW, Tables
from rarelib.run.rows import read_selected, rows_of, vectors_of
from rarelib.tables import TableError


def test_a_folder_may_have_any_name(tmp_path):
    run = planted_run(tmp_path / "a run[1] of *all? it's")
    with Tables(run, "objects") as tables:
        assert tables.value("SELECT count(*) FROM objects") == 7


def test_tables_are_joined_counted_and_kept(tmp_path):
    with Tables(planted_run(tmp_path), "objects", "scores", optional=("map",)) as tables:
        assert "map" not in tables.columns and ROW not in tables.columns["objects"]
        tables.keep("wanted", pd.DataFrame({"object_id": ["img2-06", "nobody"]}))
        rows = tables.rows(
            "SELECT class_name, rank FROM scores JOIN objects USING (object_id) SEMI JOIN wanted USING (object_id)"
        )
        assert rows.to_dict("records") == [{"class_name": "horse", "rank": 1}]
        tables.make("counts", "SELECT class_name, count(*) AS n FROM objects GROUP BY class_name")
        assert tables.value("SELECT n FROM counts WHERE class_name = $name", name="car") == 4
        assert [len(part) for part in tables.batches("SELECT * FROM objects WHERE false")] == []


def test_blocks_of_the_ranking_hold_all_rows_once_in_their_order(tmp_path, monkeypatch):
    run = planted_run(tmp_path)
    monkeypatch.setattr(queries, "ROW_BYTES", 1e9)  # two rows a block
    with Tables(run, "scores") as tables:
        assert tables.block_rows == 2
        blocks = list(tables.ranked_blocks())
        assert [len(block) for block in blocks] == [2, 2, 1]
        assert pd.concat(blocks)["rank"].tolist() == [1, 2, 3, 4, 5]
        tables.keep("wanted", pd.DataFrame({"object_id": ["img0-02", "img1-05"]}))
        found = pd.concat(tables.ranked_blocks(("object_id", "rank"), among="wanted"))
        assert found["object_id"].tolist() == ["img1-05", "img0-02"]
        tables.keep("wanted", pd.DataFrame({"object_id": pd.Series(dtype="str")}))
        assert list(tables.ranked_blocks(among="wanted")) == []


def test_what_does_not_fit_goes_to_disk_and_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.setenv("RARELIB_CACHE", str(tmp_path / "cache"))
    run = planted_run(tmp_path / "run")
    config = run.read_json("config.json")
    run.write_json("config.json", {**config, "parameters": {**config["parameters"], "memory_gb": 0.1}})
    with Tables(run, "objects") as tables:
        numbers = "SELECT i, repeat('x', 200) || i AS text FROM range(500000) t(i)"
        sizes = [len(part) for part in tables.batches(f"{numbers} ORDER BY hash(i)")]
        assert sum(sizes) == 500_000 and max(sizes) < 3 * queries.BATCH_ROWS
        assert list((tmp_path / "cache" / "queries").iterdir()) != []
    assert list((tmp_path / "cache" / "queries").iterdir()) == []


def test_a_question_that_needs_more_memory_gets_more_and_ends_with_an_error_when_it_is_never_enough(tmp_path):
    with Tables(planted_run(tmp_path), "objects") as tables:
        assert tables._memory_gb == 2.0  # a quarter of the default
        tables._memory_gb = 0.02
        tables._database.execute("SET memory_limit = '20MB'")
        whole = "SELECT length(string_agg(repeat('x', 200), '')) FROM range({}) t(i)"
        assert tables.value(whole.format(100_000)) == 20_000_000
        assert 0.02 < tables._memory_gb < 0.4
        with pytest.raises(TableError, match="Out of Memory"):
            tables.value(whole.format(3_000_000))


def test_what_is_missing_or_broken_is_named(tmp_path):
    run = planted_run(tmp_path)
    with pytest.raises(TableError, match=r"map.parquet is missing; run stage 05_map_objects first"):
        Tables(run, "map")
    scores = run.read_table("scores")
    scores.drop(columns="rarity").to_parquet(run.table_path("scores"))
    with pytest.raises(TableError, match="has no column 'rarity'; run stage 04_score_rarity again"):
        Tables(run, optional=("scores",))
    run.table_path("scores").write_bytes(b"no table")
    with pytest.raises(TableError, match=r"cannot be read .*; run stage 04_score_rarity again"):
        Tables(run, "scores")
    with Tables(run, "objects") as tables, pytest.raises(TableError, match="cannot be read"):
        tables.rows("SELECT nothing FROM objects")


def test_rows_and_vectors_of_some_objects(tmp_path):
    run = planted_run(tmp_path)
    assert rows_of(run, "objects", ["img2-06", "img0-00", "x"])["object_id"].tolist() == ["img0-00", "img2-06"]
    assert list(rows_of(run, "images", ["img1"], key="image_id", columns=["path"])["path"]) == ["drive a/1.jpg"]
    np.testing.assert_array_equal(vectors_of(run, ["img2-06", "img0-02", "img2-06"]).argmax(axis=1), [4, 0, 4])
    with pytest.raises(TableError, match="has no row of 'x'"):
        vectors_of(run, ["x"])
    scores, images, captions = read_selected(run, "scores", "images", "captions")
    assert len(scores) == len(captions) == 3 and images["image_id"].tolist() == ["img1", "img2"]


@pytest.mark.parametrize("sizes", [(), (0,), (3,), (0, 1, 0, 2)])
def test_rows_of_json_are_those_of_a_list(tmp_path, sizes, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key-0123456789")
    run = planted_run(tmp_path)
    batches = [[{"n": n, "at": [1.5, n], "text": 'a "b"\n道 sk-very-secret-key-0123456789'}] * n for n in sizes]
    assert write_json_rows(run, "rows.json", batches) == sum(sizes)
    run.write_json("list.json", [row for batch in batches for row in batch])
    text = (run.root / "rows.json").read_text(encoding="utf-8")
    assert text == (run.root / "list.json").read_text(encoding="utf-8") and "very-secret" not in text
    with Tables(run) as tables:
        assert tables.count_json(run, "rows.json") == len(json.loads(text)) == sum(sizes)
        (run.root / "rows.json").write_text("{")
        with pytest.raises(TableError, match="cannot be read"):
            tables.count_json(run, "rows.json")
        with pytest.raises(TableError, match=r"none.json is missing"):
            tables.count_json(run, "none.json")


def test_paths_that_lead_out_of_a_run_are_told(tmp_path):
    (tmp_path / "run" / "crops").mkdir(parents=True)
    (tmp_path / "out.jpg").touch()
    (tmp_path / "run" / "crops" / "link.jpg").symlink_to(tmp_path / "out.jpg")
    (tmp_path / "run" / "other").symlink_to(tmp_path)
    inside = Inside(tmp_path / "run")
    within, without = ("crops/a.jpg", "a.jpg", "crops/../b.jpg", "", "crops/.."), ("../out.jpg", "/etc/passwd",
        "crops/link.jpg", "other/out.jpg", "..", "crops/../..")  # fmt: skip
    assert [inside.holds(path) for path in (*within, *without)] == [True] * 5 + [False] * 6
    assert sorted(files_below(tmp_path / "run", "crops")) == ["crops/link.jpg"]
    assert list(files_below(tmp_path / "run", "none")) == []
    assert [len(part) for part in path_tables(["a"] * 10_001)] == [0, 10_000, 1]
