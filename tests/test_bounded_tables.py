"""What reads a finished run holds what it shows, and blocks of the rest, whatever the number of objects."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from crowded_run import SELECTED, crowded_run, read_all, twin_of

from rarelib.run import queries
from rarelib.run.folder import RunFolder
from rarelib.run.queries import BATCH_ROWS, LEAST_MEMORY_GB, Tables

COUNTS = (20_000, 60_000)
BATCH = 1.25 * BATCH_ROWS  # an answer comes in whole vectors of the database
BLOCK = 10_000  # rows of the ranking that are taken in at once
BYTES_EACH = 1_500  # allowed for each object more; 2,600 to 7,600 where tables were held whole


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    return crowded_run(tmp_path_factory.mktemp("runs") / "crowded", 30_000)


def test_no_table_of_objects_is_taken_in_whole(crowded, monkeypatch):
    held = []

    def watched(function):
        def call(*given, **options):
            found = function(*given, **options)
            held.append((len(found), str(given[1:])[:300]))
            return found

        return call

    def watched_batches(self, sql, **options):
        for batch in batches(self, sql, **options):
            assert len(batch) <= BATCH, sql
            yield batch

    batches = Tables.batches
    monkeypatch.setattr(queries, "ROW_BYTES", LEAST_MEMORY_GB * 1e9 / BLOCK)
    monkeypatch.setattr(Tables, "batches", watched_batches)
    monkeypatch.setattr(Tables, "rows", watched(Tables.rows))
    monkeypatch.setattr(RunFolder, "read_table", watched(RunFolder.read_table))
    monkeypatch.setattr(RunFolder, "read_vectors", watched(RunFolder.read_vectors))
    told = read_all(crowded.root, twin_of(crowded))
    assert [(count, asked) for count, asked in held if count > 1.1 * BLOCK] == [] and len(held) > 40
    assert told["funnel"]["embedded"] == told["written"] == told["vectors"] == 30_000
    assert told["exported"] == SELECTED and told["boxes"] == 10 and told["held"] <= 1000


def test_each_object_more_costs_little_memory(tmp_path):
    small = crowded_run(tmp_path / "small", 1000)
    bytes_of = {}
    for count in COUNTS:
        run = crowded_run(tmp_path / str(count), count)
        paths = [str(path) for path in (small.root, run.root, twin_of(run))]
        command = [sys.executable, str(Path(__file__).with_name("crowded_run.py")), *paths]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        bytes_of[count] = json.loads(done.stdout.strip().splitlines()[-1])["bytes"]
    each = (bytes_of[COUNTS[1]] - bytes_of[COUNTS[0]]) / (COUNTS[1] - COUNTS[0])
    assert each < BYTES_EACH, bytes_of
