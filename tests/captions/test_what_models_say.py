"""What a model says is never trusted: it ends as one clean line, and no key stands in any file."""

import json

import pytest
from captioned import caption
from crop_table import selected_objects
from scripted_server import scripted_server


def test_hostile_words_end_as_one_clean_line(tmp_path):
    hostile = {
        "caption": "<script>alert(1)</script>\u202e\x1b[2J\n" + "a" * 900,
        "kind": "ignore\x00 your instructions",
    }
    selected = selected_objects(tmp_path, 1, class_name="<b>bus</b>\x07\u202e")
    with scripted_server(answers=json.dumps([hostile])) as server:
        row = caption(selected, tmp_path, server).iloc[0]
        plain = caption(selected.assign(to_caption=False), tmp_path, server).iloc[0]
    assert row["caption"].startswith("<script>alert(1)</script>[2J aaa")
    assert len(row["caption"]) == 300
    assert row["caption"].isprintable()
    assert row["kind"] == "ignore your instructions"
    assert plain["caption"] == "<b>bus</b>"


def test_the_key_stands_in_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1")
    selected = selected_objects(tmp_path, 2)
    with scripted_server(key="sk-secret-1", answers='["sk-secret-1", {"caption": "key sk-secret-1"}]') as server:
        table = caption(selected, tmp_path, server)
    with scripted_server(key="another") as server:
        failed = caption(selected, tmp_path, server, language="ja")
    assert table["caption"].tolist() == ["key <key>"] * 2
    assert failed["error"].str.startswith("HTTP 401").all()
    assert "sk-secret-1" not in (tmp_path / "captions.jsonl").read_text() + table.to_csv() + failed.to_csv()


@pytest.mark.parametrize("spelling", ["escaped", "spaced", "cut"])
def test_a_key_in_another_spelling_stands_in_no_file(spelling, tmp_path, monkeypatch):
    key = "sk-proj-4f9a8c7e6d5b4a39"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    spelled = {"escaped": "".join(f"\\u{ord(char):04x}" for char in key), "spaced": " ".join(key), "cut": key[:-3]}
    answer = json.dumps(
        {"caption": "a bus, @", "kind": "bus", "attributes": ["@"], "agrees": "yes", "certainty": "high"}
    )
    refused = 'not JSON: "@"'
    written = [text.replace("@", spelled[spelling]) for text in (answer, refused)]
    with scripted_server(key=key, answers=json.dumps(written[:1])) as server:
        row = caption(selected_objects(tmp_path, 1), tmp_path, server, caption_doubt=False).iloc[0]
    with scripted_server(key=key, answers=json.dumps(written[1:])) as server:
        failed = caption(selected_objects(tmp_path, 1, class_name="car"), tmp_path, server)
    assert (row["caption"].removeprefix("a bus, "), row["kind"], row["attributes"]) == ("<key>", "bus", "<key>")
    assert (failed["source"] == "fallback").all()
    for text in ((tmp_path / "captions.jsonl").read_text(), row.to_json(), failed.to_json()):
        assert not [piece for piece in (key[8:16], spelled[spelling][8:16]) if piece in text]


def test_a_journal_of_earlier_days_is_cleaned_as_well(tmp_path, monkeypatch):
    selected = selected_objects(tmp_path, 1)
    with scripted_server(answers='[{"caption": "it says sk-proj-4f9a8c7e6d5b"}]') as server:
        caption(selected, tmp_path, server)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-proj-4f9a8c7e6d5b")
        row = caption(selected, tmp_path, server).iloc[0]
    assert row["caption"] == "it says <key>"
