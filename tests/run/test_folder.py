"""The run folder: whole-or-nothing writes, checked reads, parts."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarelib.pictures.sources import source_of
from rarelib.run.folder import (
    RunFolder,
    find_upwards,
    fingerprint,
    open_run,
    whole_file,
)
from rarelib.run.parts import Parts
from rarelib.run.places import working_folder
from rarelib.tables import TABLES, TableError

MAP = pd.DataFrame({"object_id": ["a-00", "b-00"], "x": [0.0, 1.0], "y": [2.0, 3.0]})


def test_tables_come_back_as_written(tmp_path):
    run = RunFolder(tmp_path)
    run.write_table("map", MAP)
    pd.testing.assert_frame_equal(run.read_table("map"), MAP)
    assert list(run.read_table("map", columns=["x"])) == ["x"]
    assert run.seconds["read"] > 0
    assert run.seconds["write"] > 0


def test_a_table_that_was_read_can_be_changed(tmp_path):
    run = RunFolder(tmp_path)
    run.write_table("map", MAP)
    table = run.read_table("map")
    table.loc[0, "x"] = 5.0
    table.iloc[1, 2] = 7.0
    assert table["x"].tolist() == [5.0, 1.0] and table["y"].tolist() == [2.0, 7.0]
    pd.testing.assert_frame_equal(run.read_table("map"), MAP)


def test_a_missing_table_names_the_stage_to_run(tmp_path):
    with pytest.raises(TableError, match=r"objects\.parquet is missing; run stage 02_detect_objects first"):
        RunFolder(tmp_path).read_table("objects")


def test_what_no_table_has_is_said_and_not_taken_for_a_broken_file(tmp_path):
    run = RunFolder(tmp_path)
    run.write_table("map", MAP)
    with pytest.raises(TableError, match=r"no table 'maps'; it has images, objects"):
        run.read_table("maps")
    with pytest.raises(TableError, match=r"'map' has no column 'X'; it has object_id, x, y\.$"):
        run.read_table("map", ["X"])
    assert list(run.read_table("map", "x")) == ["x"]
    run.table_path("map").unlink()
    MAP[["object_id", "x"]].to_parquet(run.table_path("map"))
    with pytest.raises(TableError, match="run stage 05_map_objects again"):
        run.read_table("map", ["y"])


def test_a_run_is_opened_by_folder_by_name_or_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "runs" / "monday" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    runs = [open_run(way) for way in ("monday", "runs/monday", tmp_path / "runs" / "monday")]
    assert {run.root.resolve() for run in [*runs, open_run(runs[0])]} == {tmp_path / "runs" / "monday"}
    monkeypatch.chdir(tmp_path / "runs" / "monday" / "deep")
    assert open_run("monday").root.resolve() == tmp_path / "runs" / "monday"
    for wrong in ("tuesday", "runs/tuesday", tmp_path / "tuesday", ""):
        with pytest.raises(FileNotFoundError, match="does not exist; `rarelib runs` lists those in runs/"):
            open_run(wrong)
    assert open_run(tmp_path / "tuesday", stage="01_select_images").root == tmp_path / "tuesday"


def test_a_broken_table_is_refused(tmp_path):
    run = RunFolder(tmp_path)
    run.write_table("map", MAP)
    whole = run.table_path("map").read_bytes()
    run.table_path("map").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TableError, match="cannot be read"):
        run.read_table("map")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=40))
def test_a_damaged_table_is_read_or_refused(tmp_path_factory, position, damage):
    run = RunFolder(tmp_path_factory.mktemp("damaged"))
    run.write_table("map", MAP)
    content = bytearray(run.table_path("map").read_bytes())
    position %= len(content)
    content[position : position + len(damage)] = damage
    run.table_path("map").write_bytes(bytes(content))
    try:
        run.read_table("map")
    except TableError as error:
        assert "map.parquet" in str(error)


@pytest.mark.parametrize("table", TABLES)
def test_promised_columns_are_held(tmp_path, table):
    run = RunFolder(tmp_path)
    first = TABLES[table].columns[0].name
    with pytest.raises(TableError, match=f"has no column '{first}'"):
        run.write_table(table, pd.DataFrame({"other": [1]}))


def test_a_column_of_another_type_is_refused(tmp_path):
    with pytest.raises(TableError, match="column 'x' must hold numbers"):
        RunFolder(tmp_path).write_table("map", MAP.assign(x=["left", "right"]))


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(ZeroDivisionError), whole_file(path) as partial:
        partial.write_text("new", encoding="utf-8")
        raise ZeroDivisionError
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_vectors_come_back_with_their_ids_and_maker(tmp_path):
    run = RunFolder(tmp_path)
    vectors = np.eye(3, dtype=np.float32)
    run.write_vectors(vectors, ["a-00", "a-01", "b-00"], {"model": "small", "dim": 3})
    read, ids = run.read_vectors()
    np.testing.assert_array_equal(read, vectors)
    assert ids.tolist() == ["a-00", "a-01", "b-00"]
    assert run.read_json("tables/embeddings.json")["dim"] == 3


def test_no_vectors_at_all_come_back_empty(tmp_path):
    run = RunFolder(tmp_path)
    run.write_vectors(np.zeros((0, 4)), [], {})
    vectors, ids = run.read_vectors()
    assert vectors.shape == (0, 4)
    assert ids.tolist() == []


def test_vectors_that_do_not_fit_their_ids_are_refused(tmp_path):
    run = RunFolder(tmp_path)
    run.write_vectors(np.eye(3), ["a", "b", "c"], {})
    np.save(tmp_path / "tables" / "embeddings.npy", np.eye(2))
    with pytest.raises(TableError, match=r"has shape \(2, 2\) for 3 ids"):
        run.read_vectors()


def test_pickled_vectors_are_refused(tmp_path):
    run = RunFolder(tmp_path)
    run.write_vectors(np.eye(1), ["a"], {})
    np.save(tmp_path / "tables" / "embeddings.npy", np.array([{"run": "code"}], dtype=object), allow_pickle=True)
    with pytest.raises(TableError, match="cannot be read"):
        run.read_vectors()


@pytest.mark.parametrize(("content", "message"), [(None, "is missing"), ("{", "is not JSON")])
def test_json_is_checked(tmp_path, content, message):
    if content:
        (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(TableError, match=message):
        RunFolder(tmp_path).read_json("config.json")


def test_opening_a_stage_takes_its_marker_away(tmp_path):
    run = RunFolder(tmp_path)
    run.write_json("stages/05_map_objects.json", {"fingerprint": "x"})
    open_run(tmp_path, stage="05_map_objects").finish("05_map_objects", {"points": 2})
    assert not run.marker_path("05_map_objects").exists()
    result = json.loads(run.result_path("05_map_objects").read_text(encoding="utf-8"))
    assert result["counts"] == {"points": 2}
    assert set(result["seconds"]) == {"total", "read", "compute", "write"}


def test_a_run_is_found_from_a_folder_below(tmp_path, monkeypatch):
    (tmp_path / "runs" / "demo").mkdir(parents=True)
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert find_upwards("runs/demo").resolve() == (tmp_path / "runs" / "demo").resolve()


def test_a_tilde_is_the_home_folder_wherever_a_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "runs" / "a").mkdir(parents=True)
    assert working_folder("~/runs", "a") == tmp_path / "runs" / "a"
    assert source_of("~/runs") == source_of(Path("~/runs")) == tmp_path / "runs"
    assert open_run("~/runs/a").root == tmp_path / "runs" / "a"


def test_parts_of_other_settings_are_not_taken_up(tmp_path):
    parts = Parts(tmp_path / "parts", {"conf": 0.25})
    parts.write_table(0, MAP)
    parts.write_vectors(0, np.eye(2))
    assert [name for name, _ in Parts(tmp_path / "parts", {"conf": 0.25}).tables()] == [f"000000-{parts.go}"]
    assert not list(Parts(tmp_path / "parts", {"conf": 0.5}).tables())
    assert not list(Parts(tmp_path / "parts", {"conf": 0.25}).tables())


def test_fingerprints_do_not_depend_on_key_order():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1}) != fingerprint({"a": 1, "b": [3]})
    with pytest.raises(TypeError, match="set is not JSON"):
        fingerprint({1})


def test_the_runs_own_verdicts_are_taken_where_there_are_any(tmp_path):
    run = RunFolder(tmp_path)
    assert run.verdicts_path("auto") is None and run.verdicts_path("") is None
    (tmp_path / "verdicts.csv").write_text("object_id,rare\n", encoding="utf-8")
    assert run.verdicts_path("auto") == tmp_path / "verdicts.csv"
    assert run.verdicts_path("") is None
    assert run.verdicts_path("/elsewhere/mine.csv").as_posix() == "/elsewhere/mine.csv"
