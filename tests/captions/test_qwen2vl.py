"""A real, tiny Qwen2-VL describes crops by their colour, behind its real server and in this process."""

import asyncio
import io
import json
import shutil
from pathlib import Path

import jinja2
import pandas as pd
import pytest
from crop_table import BOX
from PIL import Image
from tiny_qwen2vl import COLOURS, answer_for, picture, serve
from travelling_pool import TravellingPool

from rarelib.captions import caption_objects
from rarelib.captions.answers import Reply
from rarelib.captions.local import LocalModel, checkpoint_identity
from rarelib.captions.prompts import first_messages
from rarelib.settings import CaptionSettings

ASKED = {"caption_margin": 0.0, "caption_retries": 1, "caption_timeout_s": 60.0}


@pytest.fixture(scope="module")
def model(tiny_qwen2vl: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the trained model."""
    return shutil.copytree(tiny_qwen2vl, tmp_path_factory.mktemp("models") / tiny_qwen2vl.name)


@pytest.fixture
def selected(tmp_path: Path) -> pd.DataFrame:
    """Eighteen crops of three colours."""
    colours = COLOURS * 6
    for number, colour in enumerate(colours):
        (tmp_path / f"{number}.jpg").write_bytes(picture(colour, 90_000 + number))
    names = [f"{number}.jpg" for number in range(len(colours))]
    table = pd.DataFrame(
        {"object_id": names, "path": names, "crop_path": names, "class_name": "car", "confidence": 0.7}
    )
    return table.assign(colour=colours, **BOX)


def check(table: pd.DataFrame, selected: pd.DataFrame) -> None:
    """Every crop is described by its colour; the blue ones, which the model doubts, were asked about twice."""
    blue = (selected["colour"] == "blue").to_numpy()
    assert (table["source"] == "model").all()
    assert table["kind"].tolist() == [f"{colour} object" for colour in selected["colour"]]
    assert (table["caption"] == "A " + table["kind"] + " on the road.").all()
    assert (table["disagrees"].to_numpy() == blue).all()
    assert ((table["first_caption"] != "").to_numpy() == blue).all()
    assert (table["input_tokens"] > 150).all()
    assert (table["model"] == "tiny-qwen2-vl").all()


def test_behind_its_real_server_every_crop_is_answered(model, selected, tmp_path):
    with serve(model) as base_url:
        asking = CaptionSettings(caption_base_url=base_url, caption_model=model.name, caption_concurrency=8, **ASKED)
        table = caption_objects(selected, tmp_path, tmp_path, asking)
    check(table, selected)
    # with the server gone, the journal answers
    again = caption_objects(selected, tmp_path, tmp_path, asking)
    assert again.equals(table)


def test_in_this_process_the_answers_are_the_same(model, selected, tmp_path):
    asking = CaptionSettings(caption_source="local", caption_model=str(model), **ASKED)
    table = caption_objects(selected, tmp_path, tmp_path, asking)
    check(table, selected)


def test_workers_that_load_it_each_give_the_same(model, selected, tmp_path):
    asking = CaptionSettings(caption_source="local", caption_model=str(model), caption_concurrency=1, **ASKED)
    pool = TravellingPool(1)
    table = caption_objects(selected, tmp_path, tmp_path, asking, workers=pool)
    check(table, selected)
    assert pool.asked == [3]  # the model is opened for each task, and loaded once


def test_a_picture_that_the_model_cannot_take_fails_alone(model):
    file = io.BytesIO()
    Image.new("RGB", (1, 400)).save(file, "JPEG")  # Qwen2-VL refuses sides of more than 200 : 1
    shown = [picture("red", 1), file.getvalue(), picture("green", 2)]

    async def talk() -> list[Reply]:
        async with LocalModel(model) as local:
            return await asyncio.gather(*(local.ask(first_messages("car", 0.5, (jpeg,), "en")) for jpeg in shown))

    replies = asyncio.run(talk())
    assert [reply.text for reply in replies] == [answer_for("red"), "", answer_for("green")]
    assert replies[1].error.startswith("ValueError: absolute aspect ratio")


def test_an_error_that_nobody_expects_is_an_answer(model, monkeypatch):
    def fail(self, conversations):
        raise jinja2.TemplateError("no such role") if len(conversations) == 1 else MemoryError

    monkeypatch.setattr(LocalModel, "_generate", fail)

    async def talk() -> list[Reply]:
        async with LocalModel(model) as local:
            return await asyncio.gather(*(local.ask(first_messages("car", 0.5, (b"",), "en")) for _ in range(3)))

    replies = asyncio.run(asyncio.wait_for(talk(), 60))
    assert {reply.error for reply in replies} == {"TemplateError: no such role"}


def test_nobody_waits_for_a_worker_that_has_ended(model, monkeypatch):
    def leave(self, conversations):
        raise SystemExit

    monkeypatch.setattr(LocalModel, "_replies", leave)

    async def talk() -> None:
        async with LocalModel(model) as local:
            local._worker = asyncio.create_task(asyncio.sleep(0))
            await local.ask(first_messages("car", 0.5, (b"",), "en"))

    with pytest.raises(RuntimeError, match="worker has ended"):
        asyncio.run(asyncio.wait_for(talk(), 60))


def test_another_model_in_the_same_folder_has_another_identity(model, tmp_path):
    shutil.copytree(model, tmp_path / model.name)
    first, same = (checkpoint_identity(folder) for folder in (model, tmp_path / model.name))
    config = tmp_path / model.name / "generation_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "repetition_penalty": 1.01}))
    assert first == same != checkpoint_identity(tmp_path / model.name)


def test_a_folder_that_is_no_checkpoint_is_refused(selected, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="holds no image-text-to-text checkpoint"):
        asking = CaptionSettings(caption_source="local", caption_model=str(tmp_path))
        caption_objects(selected, tmp_path, tmp_path, asking)
