"""A run whose results lie in an object store: as on disk, whatever the server does, and wherever it goes on."""

import io
import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
from exported_run import exported_run
from faults import differences
from s3_server import serve_s3
from small_demo import DEMO, PROJECT, run_demo

from rarelib import open_run
from rarelib.addresses import stores
from rarelib.command_line.app import main
from rarelib.params import ParameterError, load_params
from rarelib.pipeline import mirroring
from rarelib.pipeline.check import check_run
from rarelib.pipeline.mirroring import NotSaved, kept_at_its_place
from rarelib.pipeline.terminal import Terminal
from rarelib.run.folder import RunFolder
from rarelib.run.ledger import Ledger
from rarelib.run.overview import list_runs
from rarelib.run.places import CACHE, run_place, working_folder

RUNS = "s3://fleet/runs"
DETECTING = "stages/02_detect_objects."  # begins a finished part, and the marker


@pytest.fixture
def s3(tmp_path, monkeypatch):
    stores.forget_stores()
    (tmp_path / "served" / "fleet").mkdir(parents=True)
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    with serve_s3(tmp_path / "served", monkeypatch) as server:
        yield server
    stores.forget_stores()


@pytest.fixture
def quick(monkeypatch):
    """A store that is given up soon."""
    monkeypatch.setattr(stores, "WAITS_S", (0.01,))


SAVING_OFTEN = """
import sys
from rarelib.pipeline import mirroring
mirroring.SAVE_EVERY_S, mirroring.SHARE = 0.2, 0
from rarelib.command_line.app import main
sys.exit(main(sys.argv[1:]))
"""


def start_demo(*way):
    """Start the demo run in a process of its own."""
    arguments = ["run", str(DEMO), "--runs_dir", RUNS, "--demo_scenes", "30", "--task_size", "3"]
    command = [sys.executable, *way, *arguments]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def start_and_kill():
    """Start the demo run and kill it as soon as parts of the detection were saved."""
    process = start_demo("-c", SAVING_OFTEN)
    ledger = Ledger(run_place(RUNS, "demo"))
    while not any(path.startswith(DETECTING) for path in ledger.entries) and process.poll() is None:
        time.sleep(0.1)
        ledger.read()
    process.send_signal(signal.SIGKILL)
    _, told = process.communicate()
    assert process.returncode == -signal.SIGKILL, told.decode()


def crops_older_than(moment, run):
    return [path for path in (run.root / "cropped_objects").rglob("*.jpg") if path.stat().st_mtime < moment]


def results_there(s3):
    return [key for key in s3.written if "/mirror/" not in key]


def test_a_killed_run_goes_on_elsewhere_and_equals_the_one_on_disk(s3, demo, tmp_path, monkeypatch):
    start_and_kill()
    killed = time.time()
    monkeypatch.setenv(CACHE, str(tmp_path / "another machine"))
    s3.fail_every = 20
    run, said = run_demo(RUNS)
    assert "01_select_images     up to date" in said and f"Saved at {RUNS}/demo." in said
    assert s3.failed > 10
    assert differences(run.root, demo[0].root) == []
    assert crops_older_than(killed, run)  # of parts that were finished
    written = len(results_there(s3))
    monkeypatch.setenv(CACHE, str(tmp_path / "a third machine"))
    again, said = run_demo(RUNS)
    assert said.count("up to date") == 7 and len(results_there(s3)) == written
    assert not (again.root / "cropped_objects").exists()
    monkeypatch.setenv(CACHE, str(tmp_path / "a reader"))
    read = open_run(f"{RUNS}/demo")
    assert check_run(read.root) == [] and differences(read.root, demo[0].root) == []
    kept = {path for path in s3.root.rglob("*") if path.is_file()}
    secrets = [path for path in kept for key in (b"AKIAPLANTED", b"planted-secret") if key in path.read_bytes()]
    assert secrets == []
    shared = [path for path in kept if path.suffix in (".ipynb", ".html")]
    assert len(shared) == 8 and [path for path in shared if str(tmp_path).encode() in path.read_bytes()] == []


def begun(tmp_path, **overrides):
    params = load_params(DEMO, {"runs_dir": RUNS, **overrides})
    return params, RunFolder(working_folder(params.runs_dir, params.name))


def test_parts_of_a_stage_are_saved_while_it_works(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(mirroring, "SAVE_EVERY_S", 0.05)
    monkeypatch.setattr(mirroring, "SHARE", 0)
    params, run = begun(tmp_path)
    part = "stages/02_detect_objects.parts/settings/000000.parquet"
    with kept_at_its_place(run, params, Terminal(io.StringIO())) as place, place.saving_meanwhile():
        run.path(part).write_text("part")
        end = time.monotonic() + 20
        while f"fleet/runs/demo/{part}" not in s3.written and time.monotonic() < end:
            time.sleep(0.02)
    assert f"fleet/runs/demo/{part}" in s3.written
    monkeypatch.setenv(CACHE, str(tmp_path / "another"))
    _, other = begun(tmp_path)
    with kept_at_its_place(other, params, Terminal(io.StringIO())):
        assert (other.root / part).read_text() == "part" and other.root != run.root


def test_a_stage_that_fails_is_saved_as_far_as_it_came(s3, tmp_path):
    params, run = begun(tmp_path)
    with kept_at_its_place(run, params, Terminal(io.StringIO())) as place:
        with pytest.raises(RuntimeError, match="planted"), place.saving_meanwhile():
            run.path("01_select_images.ipynb").write_text("failed")
            raise RuntimeError("planted")
        assert "fleet/runs/demo/01_select_images.ipynb" in s3.written


def test_a_run_that_is_asked_to_end_saves_what_it_has_finished(s3, tmp_path):
    process = start_demo("-m", "rarelib")
    here = working_folder(RUNS, "demo")
    while not any(here.glob(f"{DETECTING}parts/*/*.parquet")) and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate()
    assert process.returncode == 130, told.decode()
    ledger = Ledger(run_place(RUNS, "demo"))
    ledger.read()
    assert [path for path in ledger.entries if path.startswith(DETECTING)]


def test_saving_at_last_ends_in_time(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(mirroring, "LAST_S", 0.2)
    params, run = begun(tmp_path)
    with kept_at_its_place(run, params, Terminal(io.StringIO())) as place:
        monkeypatch.setattr(place, "save", lambda: time.sleep(30))
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt), place.saving_meanwhile():
            raise KeyboardInterrupt
        assert time.monotonic() - start < 10


def test_an_outage_that_lasts_ends_the_run_and_nothing_is_lost(s3, tmp_path, quick):
    params, run = begun(tmp_path)
    with kept_at_its_place(run, params, Terminal(io.StringIO())) as place:
        run.path("report.html").write_text("made")
        s3.fail_every = 1
        with pytest.raises(NotSaved) as error:
            place.save()
        assert f"could not be written to {RUNS}/demo: the server gave nothing" in str(error.value)
        assert f"All is whole in {run.root}; the same command goes on" in str(error.value)
        s3.fail_every = 0
    with kept_at_its_place(run, params, Terminal(io.StringIO())) as place:
        place.save()
    assert results_there(s3) == ["fleet/runs/demo/report.html"]


def test_crops_that_cannot_be_fetched_end_the_run_in_one_line(s3, tmp_path, quick, monkeypatch):
    params, run = begun(tmp_path)
    with kept_at_its_place(run, params, Terminal(io.StringIO())) as place:
        run.path("cropped_objects/a.jpg").write_text("crop")
        place.save()
    monkeypatch.setenv(CACHE, str(tmp_path / "another"))
    _, other = begun(tmp_path)
    with kept_at_its_place(other, params, Terminal(io.StringIO())) as place:
        assert other.elsewhere == {"cropped_objects/a.jpg"} and other.has("cropped_objects/a.jpg")
        s3.fail_every = 1
        with pytest.raises(NotSaved, match=r"Crops could not be fetched from s3://.*: the server gave nothing"):
            place.fetch_rest()
        s3.fail_every = 0
        place.fetch_rest()
        assert other.elsewhere == frozenset() and (other.root / "cropped_objects/a.jpg").is_file()


def test_a_bucket_that_may_not_be_written_ends_the_run_before_work_starts(s3, quick, capsys, tmp_path):
    s3.read_only = True
    assert main(["run", str(DEMO), "--runs_dir", RUNS]) == 2
    told = capsys.readouterr().err
    assert f"The 'runs_dir' parameter: {RUNS}/demo cannot be used: no access." in told and told.count("\n") == 1
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("runs_dir", "message"),
    [
        ("s3://nobucket/runs", "no such bucket"),
        ("nowhere://fleet", "Protocol not known: nowhere"),
        ("https://host.invalid/runs", "cannot be used"),
        ("s3://key:secret@fleet/runs", "give credentials by the environment"),
    ],
)
def test_an_address_where_nothing_can_lie_is_refused(s3, quick, runs_dir, message, capsys):
    assert main(["run", str(DEMO), "--runs_dir", runs_dir]) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1 and "secret@" not in told


def test_a_ray_cluster_needs_a_folder_that_its_machines_share(s3, monkeypatch, capsys):
    monkeypatch.delenv(CACHE)
    assert main(["run", str(DEMO), "--runs_dir", RUNS, "--engine", "ray", "--ray_address", "auto"]) == 2
    assert "name one by the environment variable RARELIB_CACHE" in capsys.readouterr().err


def test_a_run_that_another_machine_writes_is_left_alone(s3, tmp_path):
    params, run = begun(tmp_path)
    with kept_at_its_place(run, params, Terminal(io.StringIO())):
        _, other = begun(tmp_path)
        second = kept_at_its_place(other, params, Terminal(io.StringIO()))
        with pytest.raises(ParameterError, match="is being written by process"), second:
            raise AssertionError("two at once")


@pytest.fixture
def kept(s3, demo, tmp_path, monkeypatch):
    """The finished demo run, copied to the store by other means than rarelib's."""
    shutil.copytree(demo[0].root, s3.root / "fleet" / "runs" / "demo")
    return s3


def test_runs_at_an_address_are_listed_opened_compared_and_exported(kept, demo, tmp_path, capsys):
    listed = list_runs(RUNS)
    assert listed["name"].tolist() == ["demo"] and listed["images"].tolist() == [30]
    assert listed["state"].tolist() == ["finished"]
    assert main(["runs", RUNS]) == 0 and "demo" in capsys.readouterr().out
    assert main(["open", f"{RUNS}/demo"]) == 0
    report = capsys.readouterr().out.strip()
    assert report.endswith("report.html") and str(tmp_path / "cache") in report
    assert main(["check", f"{RUNS}/demo"]) == 0
    assert main(["export", f"{RUNS}/demo", "--to", "csv", "--out", str(tmp_path / "csv")]) == 0
    assert results_there(kept) == []
    capsys.readouterr()
    assert main(["check", f"{RUNS}/none"]) == 2
    assert "There is no run at s3://fleet/runs/none" in capsys.readouterr().err


def test_verdicts_on_a_run_at_an_address_go_back_to_it(s3, tmp_path, capsys):
    run, pictures = exported_run(tmp_path)
    shutil.copytree(run.root, s3.root / "fleet" / "runs" / "night")
    out, there = tmp_path / "out", f"{RUNS}/night"
    assert main(["export", there, "--to", "label-studio", "--out", str(out), "--images_folder", str(pictures)]) == 0
    tasks = json.loads((out / "tasks.json").read_text(encoding="utf-8"))
    region = tasks[0]["predictions"][0]["result"][0]
    tasks[0]["annotations"] = [{"result": [region, {**region, "type": "choices", "value": {"choices": ["rare"]}}]}]
    (out / "back.json").write_text(json.dumps(tasks), encoding="utf-8")
    assert main(["import", there, "--from", "label-studio", str(out / "back.json")]) == 0
    assert f"saved at {RUNS}/night" in capsys.readouterr().err
    assert "rare" in (s3.root / "fleet/runs/night/verdicts.csv").read_text()
    s3.read_only = True
    assert main(["import", there, "--from", "label-studio", str(out / "back.json")]) == 2
    told = capsys.readouterr().err
    assert "and not saved at its address: no access" in told and "The next command that writes the run saves it" in told
