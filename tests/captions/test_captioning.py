"""Every selected object gets words, whatever the server does, and no answered crop is asked for twice."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pandas as pd
import pytest
from captioned import caption
from crop_table import selected_objects
from scripted_server import scripted_server

from rarelib.captions import CaptionError, caption_counts, choose_captioned
from rarelib.captions.answers import Reply
from rarelib.captions.captioning import COLUMNS, _questions
from rarelib.captions.dialogue import Question, hold_dialogues, run_beside
from rarelib.captions.journal import Journal
from rarelib.captions.prompts import Message
from rarelib.run.folder import RunFolder
from rarelib.settings import CaptionSettings

KILLED_RUN = """
import sys
from pathlib import Path
import pandas as pd
from rarelib.captions import caption_objects
from rarelib.settings import CaptionSettings
root, server = Path(sys.argv[1]), sys.argv[2]
selected = pd.read_parquet(root / "selected.parquet")
caption_objects(selected, root, root, CaptionSettings(caption_base_url=server, caption_concurrency=4))
"""


def test_each_object_gets_the_words_of_the_model(tmp_path):
    with scripted_server() as server:
        table = caption(selected_objects(tmp_path, 5), tmp_path, server)
    first = table.iloc[0]
    assert list(table.columns) == list(COLUMNS)
    assert table["object_id"].tolist() == [f"{number:04d}-00" for number in range(5)]
    assert (first["caption"], first["kind"], first["attributes"]) == ("A vehicle.", "vehicle", "red")
    assert (first["source"], first["error"], first["agrees"], first["certainty"]) == ("model", "", "yes", "high")
    assert (first["input_tokens"], first["output_tokens"]) == (300, 40)
    assert first["prompt_version"].startswith("1-")
    assert caption_counts(table) | {"call_seconds": 0} == {
        "selected": 5, "asked": 5, "captioned": 5, "failed": 0, "over_budget": 0, "asked_twice": 0, "disagree": 0,
        "failures": {}, "input_tokens": 1500, "output_tokens": 200, "call_seconds": 0,
    }  # fmt: skip


def test_a_thousand_crops_with_a_tenth_of_faults(tmp_path):
    selected = selected_objects(tmp_path, 1000)
    with scripted_server(fault_share=0.1) as server:
        table = caption(selected, tmp_path, server, caption_retries=1, caption_timeout_s=3.0)
        stats = server.stats()
        got = [answers.count("good") for answers in stats["requests"].values()]
        assert len(got) == 1000
        assert max(got) == 1  # no crop that was answered is asked for again
        assert stats["peak"] <= 16
        assert table["source"].isin(["model", "fallback"]).all()
        assert (table["source"] == "model").sum() == sum(got)
        failed = table[table["source"] == "fallback"]
        assert 30 <= len(failed) <= 110
        assert (failed["caption"] == "vehicle").all()
        assert (failed["error"] != "").all()
        again = caption(selected, tmp_path, server, caption_timeout_s=0.5)
        later = server.stats()["requests"]
        assert max(answers.count("good") for answers in later.values()) == 1
        answered = [picture for picture, answers in stats["requests"].items() if "good" in answers]
        assert all(later[picture] == stats["requests"][picture] for picture in answered)
        assert again.loc[table["source"] == "model"].equals(table.loc[table["source"] == "model"])


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    selected = selected_objects(tmp_path, 120)
    selected.to_parquet(tmp_path / "selected.parquet")
    with scripted_server(latency_s=0.05) as server:
        killed = subprocess.Popen([sys.executable, "-c", KILLED_RUN, str(tmp_path), server.base_url])
        while len(server.stats()["requests"]) < 40:
            assert killed.poll() is None
            time.sleep(0.02)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        time.sleep(0.2)
        before = len(server.stats()["requests"])
        table = caption(selected, tmp_path, server)
        requests = server.stats()["requests"]
    assert 40 <= before < 120
    assert len(requests) == 120
    assert sum(len(answers) > 1 for answers in requests.values()) <= 6  # the conversations of 4 slots
    assert (table["source"] == "model").all()


def test_the_budget_goes_to_the_rarest_and_the_rest_keep_their_class_name(tmp_path):
    selected = selected_objects(tmp_path, 6).assign(to_caption=[True, False, True, True, True, False])
    with scripted_server() as server:
        table = caption(selected, tmp_path, server, caption_max_objects=2)
        assert len(server.stats()["requests"]) == 2
    assert table["source"].tolist() == ["model", "class_name", "model", "class_name", "class_name", "class_name"]
    assert table["error"].tolist() == ["", "", "", "beyond caption_max_objects", "beyond caption_max_objects", ""]
    assert caption_counts(table)["over_budget"] == 2


@pytest.mark.parametrize("count", [0, 3])
def test_with_nothing_to_ask_there_is_still_a_whole_table(tmp_path, count):
    selected = selected_objects(tmp_path, count).assign(to_caption=False)
    table = caption(selected, tmp_path, caption_base_url="http://127.0.0.1:9/v1")
    assert (table["source"] == "class_name").all()
    run = RunFolder(tmp_path)
    run.write_table("captions", table)
    assert run.read_table("captions")["caption"].tolist() == ["vehicle"] * count


def test_equal_crops_are_asked_about_once(tmp_path):
    selected = selected_objects(tmp_path, 1)
    twice = pd.concat([selected, selected.assign(object_id="copy")])
    with scripted_server() as server:
        table = caption(twice, tmp_path, server)
        assert [len(answers) for answers in server.stats()["requests"].values()] == [1]
    assert table["source"].tolist() == ["model", "model"]
    assert table["input_tokens"].tolist() == [300, 0]  # what was paid


def test_other_settings_are_another_question(tmp_path):
    selected = selected_objects(tmp_path, 1)
    with scripted_server() as server:
        for options in ({}, {}, {"caption_max_side": 64}, {"caption_model": "other"}, {"language": "ja"}):
            caption(selected, tmp_path, server, **options)
        assert sum(len(answers) for answers in server.stats()["requests"].values()) == 4


def test_doubt_asks_once_more_with_the_disagreement_spelled_out(tmp_path):
    selected = selected_objects(tmp_path, 1, class_name="bus").assign(zero_shot_phrase="truck")
    fire_engine = {"kind": "fire engine", "agrees": "no"}
    answers = json.dumps([fire_engine, fire_engine | {"caption": "A fire engine with a ladder."}])
    with scripted_server(answers=answers) as server:
        for _ in range(2):
            table = caption(selected, tmp_path, server)
        bodies = server.stats()["bodies"]
    row = table.iloc[0]
    assert len(bodies) == 2  # the second run took both answers from the journal
    question = bodies[1]["messages"][-1]["content"]
    assert all(said in question for said in ('"bus"', '"fire engine"', '"truck"'))
    assert (row["first_caption"], row["caption"]) == ("A vehicle.", "A fire engine with a ladder.")
    assert (row["disagrees"], row["agrees"], row["input_tokens"]) == (True, "no", 600)


def test_without_doubt_there_is_one_answer(tmp_path):
    with scripted_server(answers='[{"agrees": "no"}]') as server:
        row = caption(selected_objects(tmp_path, 1), tmp_path, server, caption_doubt=False).iloc[0]
        assert len(server.stats()["bodies"]) == 1
    assert (row["disagrees"], row["first_caption"]) == (True, "")


def test_a_second_answer_that_cannot_be_read_leaves_the_first(tmp_path):
    with scripted_server(answers='[{"agrees": "unsure"}, "nonsense"]') as server:
        row = caption(selected_objects(tmp_path, 1), tmp_path, server).iloc[0]
    assert (row["source"], row["caption"], row["first_caption"]) == ("model", "A vehicle.", "")
    assert "holds no complete JSON object" in row["error"]


def test_one_repair_is_tried_and_the_text_of_a_failure_is_kept(tmp_path):
    with scripted_server(answers='["a bus, I think", {"kind": "bus"}]') as server:
        row = caption(selected_objects(tmp_path, 1), tmp_path, server).iloc[0]
        assert len(server.stats()["bodies"]) == 2
    assert (row["source"], row["kind"], row["output_tokens"]) == ("model", "bus", 80)
    with scripted_server(answers='["no bus, I think"]') as server:
        row = caption(selected_objects(tmp_path, 1), tmp_path, server, language="ja").iloc[0]
    assert row["source"] == "fallback"
    assert "no bus, I think" in (tmp_path / "captions.jsonl").read_text()


def test_it_gives_up_when_the_first_twenty_fail(tmp_path):
    selected = selected_objects(tmp_path, 60)
    with scripted_server(fault_share=1, faults="503") as server:
        with pytest.raises(CaptionError, match=r"first 20 caption calls all failed.*HTTP 503.*--skip_caption true"):
            caption(selected, tmp_path, server, caption_concurrency=4)
        assert 20 <= len(server.stats()["requests"]) <= 30
        few = caption(selected.tail(19), tmp_path, server)
    assert (few["source"] == "fallback").all()


def test_what_cannot_be_read_is_a_row_with_its_reason(tmp_path):
    selected = selected_objects(tmp_path, 4)
    (tmp_path / selected["crop_path"][0]).unlink()
    (tmp_path / selected["path"][1]).unlink()
    (tmp_path / selected["path"][2]).write_bytes(b"no picture")
    with scripted_server() as server:
        table = caption(selected, tmp_path, server)
    assert table["source"].tolist() == ["fallback", "fallback", "fallback", "model"]
    assert table["error"][0].startswith("crops/0000.jpg")
    assert table["error"][1:3].str.startswith("the picture cannot be read").all()
    assert not table["error"].str.contains(str(tmp_path)).any()


def test_errors_speak_the_language_of_the_run(tmp_path):
    selected = selected_objects(tmp_path, 21)
    (tmp_path / selected["path"][0]).write_bytes(b"no picture")
    with scripted_server(fault_share=1, faults="no_json") as server:
        rows = caption(selected.head(2), tmp_path, server, language="ja")
    with (
        scripted_server(fault_share=1, faults="no_json") as server,
        pytest.raises(CaptionError, match="最初の 20 件のキャプション生成がすべて失敗しました"),
    ):
        caption(selected.tail(20), tmp_path, server, language="ja")
    assert rows["error"][0].startswith("画像を読み込めません")
    assert rows["error"][1] == "応答がチャット補完の形式ではありません"
    with scripted_server(answers='["no object"]') as server:
        row = caption(selected.tail(1), tmp_path, server, language="ja").iloc[0]
    assert row["error"] == "回答を読み取れません: 完結した JSON オブジェクトがありません"


def test_answers_of_another_model_of_the_same_name_are_not_taken_up(tmp_path):
    selected = selected_objects(tmp_path, 1).assign(to_caption=True)
    keys = [_questions(selected, tmp_path, tmp_path, CaptionSettings(), identity)["0000-00"].key for identity in "aab"]
    assert keys[0] == keys[1] != keys[2]


class FailingModel:
    """Raises what no one expects of a model, or of a picture's decoder."""

    name = "failing"
    parallel = 4

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception: object) -> None:
        pass

    async def ask(self, messages: list[Message]) -> Reply:
        raise KeyError


def test_whatever_a_model_or_a_decoder_raises_ends_in_an_answer(tmp_path):
    def broken_decoder() -> tuple[bytes, ...]:
        raise SyntaxError("broken PNG file")

    questions = [
        Question(str(number), "crop", "bus", 0.5, "", broken_decoder if number == 0 else lambda: (b"jpeg",))
        for number in range(3)
    ]
    with Journal(tmp_path / "captions.jsonl") as journal:
        hold = partial(hold_dialogues, questions, FailingModel(), journal, language="en", doubt=True)
        errors = {key: outcome.error for key, outcome in run_beside(hold)}
    assert errors["0"] == "the picture cannot be read: SyntaxError: broken PNG file"
    assert errors["1"] == errors["2"] == "the call failed: KeyError"


def test_it_runs_where_an_event_loop_runs_already(tmp_path):
    selected = selected_objects(tmp_path, 2)

    async def cell() -> pd.DataFrame:
        with scripted_server() as server:
            return caption(selected, tmp_path, server)

    assert (asyncio.run(cell())["source"] == "model").all()


def test_an_interrupted_caller_cancels_the_work():
    ended = []

    async def produce(emit) -> None:
        try:
            emit("first")
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    items = run_beside(produce)
    assert next(items) == "first"
    start = time.monotonic()
    items.close()
    assert ended == ["cancelled"]
    assert time.monotonic() - start < 30


def test_who_is_captioned_and_what_clip_says_of_them():
    scores = pd.DataFrame(
        {"object_id": list("abcd"), "selected": [True, True, False, True], "is_rare_class": [True, False, True, True],
         "rank": [3, 1, 2, 4]}
    )  # fmt: skip
    objects = pd.DataFrame({"object_id": list("abcd"), "image_id": ["i"] * 4, "class_name": ["bus"] * 4})
    objects["origin"] = "detected"
    images = pd.DataFrame({"image_id": ["i"], "path": ["i.jpg"]})
    zero_shot = pd.DataFrame(
        {"object_id": list("abcd"), "phrase": ["car", "dog", "cat", "bus"], "similarity": [0.3, 0.3, 0.3, 0.3],
         "class_similarity": [0.25, 0.29, 0.1, 0.3]}
    )  # fmt: skip
    chosen = choose_captioned(scores, objects, images, zero_shot, selection="union")
    assert chosen["object_id"].tolist() == ["b", "a", "d"]
    assert chosen["to_caption"].tolist() == [False, True, True]
    assert chosen["zero_shot_phrase"].tolist() == ["", "car", ""]  # dog is hardly nearer than bus
    assert chosen["path"].tolist() == ["i.jpg"] * 3
    assert choose_captioned(scores, objects, images, language="ja")["called"].isin(["バス", "乗用車", "犬"]).all()
    looks = zero_shot.assign(looks_like=["deer", "", "", "bus"])
    assert choose_captioned(scores, objects, images, looks)["looks_like"].tolist() == ["", "deer", "bus"]
    ranked = choose_captioned(scores, objects, images)
    assert ranked["to_caption"].all()
    assert (ranked["zero_shot_phrase"] == "").all()


def test_importing_it_loads_no_heavy_library():
    heavy = {"torch", "transformers", "openai", "sklearn", "matplotlib"}
    code = f"import sys, rarelib.captions; sys.exit(len({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
