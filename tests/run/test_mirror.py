"""A run's working folder and its address: what goes, what comes, what is never written over, and who may write."""

import json
import os
import socket
import subprocess
import sys
import time
import uuid

import pytest
from s3_server import serve_s3

from rarelib.addresses import stores
from rarelib.addresses.remote import remote_path
from rarelib.run import claim as claims
from rarelib.run.claim import Claim, InUse
from rarelib.run.ledger import Entry, Ledger
from rarelib.run.mirror import Mirror, Torn, place_of
from rarelib.run.places import copy_name, run_place, working_folder


@pytest.fixture(autouse=True)
def claims_once(monkeypatch):
    monkeypatch.setattr(claims, "TRIES", 1)  # two that came at the same moment are no matter here


@pytest.fixture
def place():
    return remote_path(f"memory://{uuid.uuid4().hex}/runs") / "night"


@pytest.fixture
def s3(tmp_path, monkeypatch):
    stores.forget_stores()
    monkeypatch.setattr(stores, "WAITS_S", (0.01, 0.01, 0.01))
    (tmp_path / "served" / "fleet").mkdir(parents=True)
    with serve_s3(tmp_path / "served", monkeypatch) as server:
        yield server
    stores.forget_stores()


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        later = time.time_ns() + 1000
        os.utime(path, ns=(later, later))


def run_files(root):
    paths = (path for path in root.rglob("*") if path.is_file())
    return {p.relative_to(root).as_posix(): p.read_text() for p in paths if ".mirror" not in p.parts}


def test_what_is_new_changed_or_deleted_goes_and_comes(tmp_path, place):
    here, there = Mirror(tmp_path / "here", place), Mirror(tmp_path / "there", place)
    write(here.root, tables__scores="1", stages__04_dot_json="marker", cropped_objects__car__a_dot_jpg="crop", empty="")
    here.fetch()
    assert here.save() == 4 and here.save() == 0
    assert there.fetch() == 4 and there.fetch() == 0
    assert run_files(there.root) == run_files(here.root)
    write(there.root, tables__scores="2")
    (there.root / "empty").unlink()
    assert there.save() == 1
    assert here.fetch() == 1
    assert run_files(here.root) == run_files(there.root)
    assert "empty" not in run_files(here.root) and run_files(here.root)["tables/scores"] == "2"
    assert not [path for path, _, _ in place.list_files() if path == "empty"]


def test_what_is_written_again_with_the_same_content_does_not_go_again(tmp_path, place):
    mirror = Mirror(tmp_path, place)
    write(mirror.root, config_dot_json="same")
    assert mirror.save() == 1
    write(mirror.root, config_dot_json="same")
    assert mirror.save() == 0


def test_transient_and_hidden_files_stay_here(tmp_path, place):
    mirror = Mirror(tmp_path, place)
    write(
        mirror.root, stages__lock_dot_json="1", stages__progress_dot_json="1", _dot_partial="1", report_dot_html="r",
        stages__01_dot_running_dot_ipynb="1",
    )  # fmt: skip
    assert mirror.save() == 1
    assert [path for path, _, _ in place.list_files() if not path.startswith("mirror/")] == ["report.html"]


def test_pictures_are_fetched_only_when_they_are_wanted_and_not_taken_for_deleted(tmp_path, place):
    here, there = Mirror(tmp_path / "here", place), Mirror(tmp_path / "there", place)
    write(here.root, report_dot_html="r", cropped_objects__a_dot_jpg="crop")
    here.save()
    assert there.fetch(lambda path: path.endswith(".html")) == 1
    assert there.elsewhere() == {"cropped_objects/a.jpg"}
    write(there.root, report_dot_html="changed")
    there.save()
    assert Mirror(tmp_path / "third", place).fetch() == 2
    assert there.fetch() == 1 and there.elsewhere() == frozenset()


def test_a_reader_between_two_states_finds_no_half_stage(tmp_path, place, monkeypatch):
    here = Mirror(tmp_path / "here", place)
    write(here.root, tables__scores="old", stages__04_dot_json="old", tables__objects="kept")
    here.save()
    write(here.root, tables__scores="new", stages__04_dot_json="new")
    seen = []

    def looks(mirror, paths, check, send=Mirror._send):
        reader = Mirror(tmp_path / "reader", place)
        reader.fetch()
        seen.append(run_files(reader.root))
        return send(mirror, paths, check)

    monkeypatch.setattr(Mirror, "_send", looks)
    here.save()
    assert seen == [{"tables/objects": "kept"}]
    reader = Mirror(tmp_path / "reader", place)
    reader.fetch()
    assert run_files(reader.root) == {"tables/scores": "new", "stages/04.json": "new", "tables/objects": "kept"}


def test_a_file_that_is_not_what_was_entered_is_told_and_can_be_struck_out(tmp_path, place):
    here = Mirror(tmp_path / "here", place)
    write(here.root, tables__scores="as entered", report_dot_html="r")
    here.save()
    (place / "tables/scores").write_bytes(b"something else")
    there = Mirror(tmp_path / "there", place)
    with pytest.raises(
        Torn, match=r"1 files of memory://.* are not what the run has written, such as tables/scores"
    ) as e:
        there.fetch()
    there.strike(e.value.paths)
    assert there.fetch() == 0 and run_files(there.root) == {"report.html": "r"}


def test_changes_on_both_sides_are_taken_from_the_address_but_for_verdicts(tmp_path, place):
    here, there = Mirror(tmp_path / "here", place), Mirror(tmp_path / "there", place)
    write(here.root, tables__scores="1", verdicts_dot_csv="one")
    here.save()
    there.fetch()
    write(there.root, tables__scores="theirs", verdicts_dot_csv="theirs")
    there.save()
    write(here.root, tables__scores="mine")
    here.fetch()
    assert run_files(here.root) == {"tables/scores": "theirs", "verdicts.csv": "theirs"}
    write(there.root, verdicts_dot_csv="theirs again")
    there.save()
    write(here.root, verdicts_dot_csv="mine")
    with pytest.raises(ValueError, match=r"Verdicts were given both in .*verdicts\.csv and at memory://"):
        here.fetch()
    assert run_files(here.root)["verdicts.csv"] == "mine"


def test_a_run_that_was_copied_there_by_other_means_is_read_and_taken_over(tmp_path, place):
    (place / "tables/scores").write_bytes(b"copied")
    mirror = Mirror(tmp_path, place)
    assert mirror.fetch() == 1 and mirror.fetch() == 0
    write(mirror.root, report_dot_html="r")
    assert mirror.save() == 1
    assert Mirror(tmp_path / "other", place).fetch() == 2


def test_the_folder_of_a_run_knows_its_address(tmp_path, place):
    mirror = Mirror(tmp_path, place)
    write(mirror.root, report_dot_html="r")
    mirror.save()
    assert place_of(tmp_path) == place
    assert place_of(tmp_path / "none") is None


def test_a_killed_upload_leaves_the_earlier_state_and_its_remains_are_tidied(tmp_path, place):
    here = Mirror(tmp_path / "here", place)
    write(here.root, tables__scores="old")
    here.save()
    (place / "tables/left.parquet").write_bytes(b"of a killed run")
    (place / "notes.txt").write_bytes(b"of a person")
    there = Mirror(tmp_path / "there", place)
    there.fetch()
    assert run_files(there.root) == {"tables/scores": "old"}
    there.tidy()
    left = {path for path, _, _ in place.list_files() if not path.startswith("mirror/")}
    assert left == {"tables/scores", "notes.txt"}


def test_a_save_that_was_cut_off_goes_on_with_the_next(tmp_path, place, monkeypatch):
    here = Mirror(tmp_path / "here", place)
    write(here.root, tables__scores="old", report_dot_html="old")
    here.save()
    write(here.root, tables__scores="new")
    with monkeypatch.context() as cut:
        cut.setattr(Mirror, "_send", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            here.save()
    again = Mirror(tmp_path / "here", place)
    again.fetch()
    assert run_files(again.root)["tables/scores"] == "new" and again.save() == 1
    reader = Mirror(tmp_path / "reader", place)
    reader.fetch()
    assert run_files(reader.root) == {"tables/scores": "new", "report.html": "old"}


def test_pages_are_joined_and_say_the_same(place):
    ledger = Ledger(place)
    for number in range(4):
        ledger.write({f"file{number}": Entry(number, "0" * 64)})
    ledger.write({"file0": None})
    ledger.join()
    again = Ledger(place)
    again.read()
    assert again.pages == 1 and again.entries == ledger.entries
    assert set(again.entries) == {"file1", "file2", "file3"}


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", "C:/x", "a\\b"])
def test_a_ledger_that_names_files_outside_the_run_is_refused(place, tmp_path, path):
    with pytest.raises(OSError, match="not inside the run"):
        Ledger(place).write({path: Entry(1, "")})


def test_objects_of_many_sizes_go_to_s3_and_come_back_though_requests_fail(s3, tmp_path):
    s3.fail_every = 20
    place = remote_path("s3://fleet/runs") / "night"
    here, there = Mirror(tmp_path / "here", place), Mirror(tmp_path / "there", place)
    write(here.root, **{f"cropped_objects__{n}_dot_jpg": str(n) * n for n in range(150)})
    (here.root / "vectors.npy").write_bytes(bytes(range(256)) * 50_000)  # more than one part
    here.fetch()
    assert here.save() == 151 and s3.failed > 5
    assert there.fetch() == 151
    assert (there.root / "vectors.npy").read_bytes() == (here.root / "vectors.npy").read_bytes()
    asked = s3.requests
    assert here.save() == 0 and s3.requests == asked


def test_a_second_writer_is_refused_with_the_name_and_age_of_the_first(place):
    first = Claim(place)
    first.take()
    try:
        with pytest.raises(
            InUse, match=rf"written by process {os.getpid()} on {socket.gethostname()}, started 20.*ago"
        ):
            Claim(place).take()
        first.check()
    finally:
        first.leave()
    second = Claim(place)
    second.take()
    second.leave()


def other_writer(place, **about):
    told = {"host": "elsewhere", "pid": 7, "started": 1.0, "since": "then", "beat": time.time(), **about}
    (place / "mirror/writers/other.json").write_bytes(json.dumps(told).encode())


def test_a_writer_that_was_killed_on_this_machine_is_followed_at_once_and_elsewhere_after_a_while(place, monkeypatch):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    other_writer(place, host=socket.gethostname(), pid=dead.pid)
    follower = Claim(place)
    follower.take()
    follower.leave()
    other_writer(place, beat=time.time() - claims.DEAD_S + 60)
    with pytest.raises(InUse, match="on elsewhere"):
        Claim(place).take()
    other_writer(place, beat=time.time() - claims.DEAD_S - 60)
    follower = Claim(place)
    follower.take()
    follower.leave()


def test_a_writer_that_was_silent_for_long_notices_that_another_took_over(place):
    first = Claim(place)
    first.take()
    (place / "mirror/writers" / first._name).delete()
    with pytest.raises(InUse, match="taken over by another machine"):
        first.check()
    first.leave()


def test_an_age_is_told_by_the_clock_of_the_store(s3):
    place = remote_path("s3://fleet/runs") / "night"
    other_writer(place, beat=0)  # a clock that stands wrong by years
    with pytest.raises(InUse):
        Claim(place).take()
    path = s3.root / "fleet/runs/night/mirror/writers/other.json"
    long_ago = time.time() - claims.DEAD_S - 60
    os.utime(path, (long_ago, long_ago))
    follower = Claim(place)
    follower.take()
    follower.leave()


def test_a_run_works_in_a_folder_of_its_store(monkeypatch, tmp_path):
    monkeypatch.setenv("RARELIB_CACHE", str(tmp_path))
    one = working_folder("s3://fleet/runs/", "night")
    assert one == working_folder("s3://fleet/runs", "night") and one.is_relative_to(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://another.store")
    assert working_folder("s3://fleet/runs", "night") != one
    assert working_folder("runs", "night").as_posix() == "runs/night"
    assert working_folder(f"file://{tmp_path}", "night") == tmp_path / "night"
    assert copy_name("s3://a/b") != copy_name("s3://a-b")
    with pytest.raises(ValueError, match="The 'runs_dir' parameter must be an address without user"):
        run_place("s3://key:secret@fleet/runs", "night")
