"""Captions asked for by workers elsewhere: the table of one process, however many workers, and whatever is lost."""

import json

import pandas as pd
import pytest
from crop_table import selected_objects
from scripted_server import scripted_server
from travelling_pool import TravellingPool

from rarelib.captions import CaptionError, caption_objects
from rarelib.settings import CaptionSettings

FAULTS = "503,half_json,wrong_schema,empty,refusal,no_json"
DOUBTFUL = [{"agrees": "no"}, {"agrees": "yes", "caption": "A red vehicle."}]


def caption(selected, root, server, workers=1, journal="captions.jsonl", **options):
    options = {"caption_retries": 0, "caption_timeout_s": 20.0, "caption_base_url": server.base_url, **options}
    return caption_objects(
        selected, root, root, CaptionSettings(**options), journal=root / journal, workers=workers
    ).drop(columns="seconds")


def requests_of(server):
    return {picture: len(answers) for picture, answers in server.stats()["requests"].items()}


@pytest.mark.parametrize("size", [1, 3, 40])
def test_the_table_is_that_of_one_process_with_failures_and_doubts(size, tmp_path):
    selected = selected_objects(tmp_path, 60)
    with scripted_server(fault_share=0.2, faults=FAULTS, answers=json.dumps(DOUBTFUL)) as server:
        expected = caption(selected, tmp_path, server, journal="alone.jsonl")
    with scripted_server(fault_share=0.2, faults=FAULTS, answers=json.dumps(DOUBTFUL), latency_s=0.01) as server:
        table = caption(selected, tmp_path, server, TravellingPool(size), caption_concurrency=6)
        stats = server.stats()
        assert stats["peak"] <= 6
        answered = table["source"] == "model"
        again = caption(selected, tmp_path, server, TravellingPool(size), caption_concurrency=6)
        asked = sum(requests_of(server).values()) - sum(len(answers) for answers in stats["requests"].values())
    pd.testing.assert_frame_equal(table, expected)
    assert answered.sum() > 40 and (table["source"] == "fallback").sum() > 3 and (table["first_caption"] != "").any()
    pd.testing.assert_frame_equal(again[answered], table[answered])
    assert 0 < asked <= 4 * (~answered).sum()  # what failed, and nothing else
    assert not (tmp_path / "captions.workers").exists()


def test_all_is_known_so_nobody_is_asked(tmp_path):
    selected = selected_objects(tmp_path, 8)
    with scripted_server(answers=json.dumps(DOUBTFUL)) as server:
        caption(selected, tmp_path, server)
        before, pool = requests_of(server), TravellingPool(2)
        caption(selected, tmp_path, server, pool)
        assert requests_of(server) == before and pool.asked == [0]


def test_a_second_look_that_is_missing_is_all_that_is_asked_for(tmp_path):
    selected = selected_objects(tmp_path, 8)
    with scripted_server(answers=json.dumps(DOUBTFUL)) as server:
        table = caption(selected, tmp_path, server)
        journal = tmp_path / "captions.jsonl"
        first = [line for line in journal.read_text().splitlines() if json.loads(line)["round"] == "first"]
        journal.write_text("\n".join(first) + "\n")
        before = requests_of(server)
        again = caption(selected, tmp_path, server, TravellingPool(2))
        after = requests_of(server)
    pd.testing.assert_frame_equal(again, table)
    assert all(after[picture] == before[picture] + 1 for picture in after)


def test_what_a_lost_worker_was_answered_is_not_paid_for_twice(tmp_path):
    selected = selected_objects(tmp_path, 20)
    with scripted_server() as server:
        table = caption(selected, tmp_path, server, TravellingPool(1, lose_first=True), caption_doubt=False)
        assert set(requests_of(server).values()) == {1}
    assert (table["source"] == "model").all()
    keys = [json.loads(line)["key"] for line in (tmp_path / "captions.jsonl").read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 20


def test_a_killed_driver_finds_what_its_workers_have_written(tmp_path):
    class Killed(TravellingPool):
        def run(self, make, tasks, *, limit=None):
            yield next(super().run(make, tasks, limit=limit))
            raise KeyboardInterrupt

    selected = selected_objects(tmp_path, 20)
    with scripted_server() as server:
        with pytest.raises(KeyboardInterrupt):
            caption(selected, tmp_path, server, Killed(1), caption_concurrency=1)
        table = caption(selected, tmp_path, server, TravellingPool(2))
        assert set(requests_of(server).values()) == {1}
    assert (table["source"] == "model").all()


def test_it_gives_up_when_the_first_twenty_fail(tmp_path):
    selected = selected_objects(tmp_path, 60)
    with scripted_server(fault_share=1, faults="503") as server, pytest.raises(CaptionError, match="20"):
        caption(selected, tmp_path, server, TravellingPool(12), caption_concurrency=12)


def test_a_worker_with_another_model_is_refused(tmp_path, monkeypatch):
    selected = selected_objects(tmp_path, 3)
    identities = iter(["a", "b", "b"])
    with scripted_server() as server:
        monkeypatch.setattr("rarelib.captions.spread.identity_of", lambda _: next(identities))
        with pytest.raises(ValueError, match="A worker asks b and the run a; give all the same model"):
            caption(selected, tmp_path, server, TravellingPool(1))
