"""Large JSON files read record by record."""

import json

import pytest

from rarelib.datasets import records
from rarelib.datasets.records import LabelError, read_records, top_level_keys

VALUES = [{"a": 1.25, "b": '] } " \\ 東京'}, {"c": [[1, 2], {"d": None}]}, {"e": -3e-7}]


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_records_are_those_of_the_json_module(tmp_path, monkeypatch, chunk, indent):
    monkeypatch.setattr(records, "CHUNK", chunk)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(VALUES, indent=indent, ensure_ascii=False), encoding="utf-8")
    assert list(read_records(path)) == VALUES
    whole = {"n": 12345, "info": {"x": [1]}, "first": VALUES, "t": "a", "second": VALUES[::-1], "empty": []}
    path.write_text(json.dumps(whole, indent=indent, ensure_ascii=False), encoding="utf-8")
    assert list(read_records(path, "second")) == VALUES[::-1]
    assert list(read_records(path, "empty")) == []


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("[{}, {", None, "a.json is not JSON"),
        ("[{}, ", None, "a.json is cut off"),
        ("{}", None, "must hold an array there. Got '{'"),
        ("[]", "images", r"must be an object. Got '\['"),
        ('{"a": []}', "images", "must have an array 'images'"),
        ("", None, "must hold an array there. Got ''"),
    ],
)
def test_what_is_no_such_file_is_named(tmp_path, text, key, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(LabelError, match=message):
        list(read_records(path, key))


def test_keys_are_seen_without_reading_all(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"images": [{"id": {"x": 1}}], "info": {"year": "annotations"}, "cat')
    assert top_level_keys(path) == ["images", "info"]
    path.write_text('[{"images": 1}]')
    assert top_level_keys(path) == []
