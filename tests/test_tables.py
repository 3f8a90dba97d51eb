"""The schema: every column is explained, and what breaks it is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rarelib.tables import STAGES, TABLES, TableError, check_table, empty_table, require_columns, schema_markdown

PROJECT = Path(__file__).parents[1]
NEIGHBOURS = pd.DataFrame({"object_id": ["a-00"], "neighbour_id": ["b-00"], "position": [1], "similarity": [0.5]})


def test_every_table_has_a_stage_a_key_and_meanings():
    for name, table in TABLES.items():
        names = [column.name for column in table.columns]
        assert table.stage in STAGES and table.row
        assert len(set(names)) == len(names), name
        assert table.key in (*names, "")
        assert all(column.meaning for column in table.columns)


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_fits_its_schema(name):
    check_table(name, empty_table(name))
    check_table(name, empty_table(name).head(0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"similarity": [2.0]}, r"'similarity' must lie in \[-1.001, 1.001\]. Got 2 instead"),
        ({"similarity": [np.nan]}, "'similarity' must be finite. Got nan"),
        ({"position": [0]}, "'position' must lie in"),
        ({"position": [1.5]}, "'position' must hold integers. Got float64"),
        ({"neighbour_id": [7]}, "'neighbour_id' must hold texts. Got int64"),
    ],
)
def test_what_breaks_the_schema_is_refused(wrong, message):
    check_table("neighbours", NEIGHBOURS)
    with pytest.raises(TableError, match=message):
        check_table("neighbours", NEIGHBOURS.assign(**wrong))


def test_gaps_stand_only_where_they_may():
    objects = empty_table("objects").reindex([0]).assign(confidence=0.5, x_min=0.0, y_min=0.0, x_max=1.0, y_max=1.0)
    texts = ["object_id", "image_id", "class_name", "crop_path", "origin"]
    objects[texts] = "a"
    objects["touches_border"] = False
    check_table("objects", objects.astype(dict.fromkeys(texts, "str")))


def test_missing_columns_are_named_with_their_meaning():
    require_columns(NEIGHBOURS, "neighbours", "position")
    with pytest.raises(TableError, match=r"'origin' of 'objects' \(detected, proposal, label"):
        require_columns(NEIGHBOURS, "objects", "origin")


def test_the_documents_show_the_schema():
    assert schema_markdown() in (PROJECT / "docs" / "tables.md").read_text(encoding="utf-8")
