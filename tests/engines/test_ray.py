"""Two Ray nodes on this machine give what threads give, whatever is lost on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from crop_table import selected_objects
from scripted_server import scripted_server

from rarelib.captions import caption_objects
from rarelib.demo.draw.world import save_world
from rarelib.engines import choose_workers
from rarelib.engines.ray_pool import ENVIRONMENT
from rarelib.objects.detection import detect_objects, load_detector
from rarelib.objects.embedding import embed_objects, load_embedder
from rarelib.pictures.listing import list_images
from rarelib.settings import CaptionSettings, DetectSettings

os.environ.update(ENVIRONMENT)  # before Ray is loaded, which reads them then
ray = pytest.importorskip("ray", reason="the extra rarelib[ray] is not installed")
from ray.cluster_utils import Cluster  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what Ray and its processes say about themselves
SETTINGS = DetectSettings(task_size=2)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Pictures of the demo world, one of them broken; and what threads find in them."""
    place = tmp_path_factory.mktemp("world")
    save_world(place, n_scenes=16, seed=3, workers=1)
    next((place / "images").rglob("*.jpg")).write_bytes(b"no picture")
    images = list_images(place / "images").assign(error="")
    detector = load_detector("demo", runtime="openvino_f32", imgsz=320)
    found = detect_objects(images, place / "images", detector, place / "local", place / "parts", settings=SETTINGS)
    assert len(found[0]) > 50 and len(found[1]) == 1
    return place, images, detector, found


def start_cluster():
    """Return a cluster and its second node; None where the machine is too busy."""
    cluster = Cluster()
    try:
        cluster.add_node(num_cpus=3, include_dashboard=False)
        node = cluster.add_node(num_cpus=2)
        cluster.wait_for_nodes()
    except Exception as error:
        if "timed out during startup" not in str(error):
            raise
        cluster.shutdown()
        return None
    return cluster, node


@pytest.fixture(scope="module")
def cluster():
    """A head with three CPUs and a node with two more."""
    cluster, node = start_cluster() or start_cluster() or start_cluster() or (None, None)
    if cluster is None:
        pytest.skip("this machine is too busy to start Ray in three tries")
    pool = choose_workers("ray", threads=1, ray_address=cluster.address)
    yield cluster, node, pool
    ray.shutdown()
    cluster.shutdown()


class Interrupted:
    """A pool to which something happens after so many finished tasks."""

    def __init__(self, pool, after, happen):
        self.pool, self.after, self.happen, self.done = pool, after, happen, 0

    def run(self, make, tasks, *, limit=None):
        for count in self.pool.run(make, tasks, limit=limit):
            self.done += 1
            yield count
            if self.done == self.after:
                self.happen()


def stop():
    raise KeyboardInterrupt


def test_nodes_find_what_threads_find_though_the_driver_ends_and_a_node_is_killed(world, cluster):
    place, images, detector, (objects, unreadable) = world
    nodes, node, pool = cluster
    assert pool.size == 3
    work = (images, place / "images", detector, place / "ray", place / "ray_parts")
    with pytest.raises(KeyboardInterrupt):
        detect_objects(*work, settings=SETTINGS, workers=Interrupted(pool, 2, stop))
    again = Interrupted(pool, 1, lambda: nodes.remove_node(node, allow_graceful=False))
    found, failed = detect_objects(*work, settings=SETTINGS, workers=again)
    assert 1 <= again.done <= 6  # of eight tasks two were done before
    pd.testing.assert_frame_equal(found, objects)
    pd.testing.assert_frame_equal(failed, unreadable)
    crops = [{path.name: path.read_bytes() for path in (place / name).rglob("*.jpg")} for name in ("local", "ray")]
    assert crops[0] == crops[1]


def test_a_driver_that_is_killed_goes_on_while_its_workers_still_work(world, cluster):
    place, images, detector, (objects, unreadable) = world
    images.to_parquet(place / "images.parquet")
    script = Path(__file__).with_name("driver.py")
    driver = subprocess.Popen([sys.executable, script, cluster[0].address, place], stderr=subprocess.PIPE, text=True)
    while driver.poll() is None and len(list((place / "killed_parts").rglob("*.parquet"))) < 3:
        time.sleep(0.02)
    driver.kill()
    assert driver.wait() == -signal.SIGKILL, driver.stderr.read()
    driver.stderr.close()
    again = Interrupted(cluster[2], 0, stop)
    work = (images, place / "images", detector, place / "killed", place / "killed_parts")
    found, failed = detect_objects(*work, settings=DetectSettings(task_size=1), workers=again)
    assert 1 <= again.done <= 13  # of sixteen
    pd.testing.assert_frame_equal(found, objects)
    pd.testing.assert_frame_equal(failed, unreadable)
    crops = [{path.name: path.read_bytes() for path in (place / name).rglob("*.jpg")} for name in ("local", "killed")]
    assert crops[0] == crops[1]


def test_what_a_worker_raises_is_said_as_it_is(cluster):
    def make_fussy(threads):
        def work(number, task):
            if task == 2:
                raise ValueError("2 is no good")
            return task

        return work

    def make_nothing(threads):
        raise FileNotFoundError("no model")

    with pytest.raises(ValueError, match=r"^2 is no good$"):
        list(cluster[2].run(make_fussy, [(number, number) for number in range(4)]))
    with pytest.raises(FileNotFoundError, match=r"^no model$"):
        list(cluster[2].run(make_nothing, [(0, 0)]))


def test_captions_are_those_of_one_process_and_requests_are_bounded_in_all(cluster, tmp_path):
    selected = selected_objects(tmp_path, 48)
    given = {"caption_retries": 0, "caption_timeout_s": 30.0, "caption_concurrency": 4}
    tables = []
    for crew, name in ((1, "alone.jsonl"), (cluster[2], "captions.jsonl")):
        with scripted_server(fault_share=0.2, faults="503,half_json,refusal", latency_s=0.02) as server:
            asking = CaptionSettings(**given, caption_base_url=server.base_url)
            tables.append(caption_objects(selected, tmp_path, tmp_path, asking, journal=tmp_path / name, workers=crew))
            assert server.stats()["peak"] <= 4
            assert max(answers.count("good") for answers in server.stats()["requests"].values()) == 1
    alone, spread = (table.drop(columns="seconds") for table in tables)
    pd.testing.assert_frame_equal(spread, alone)
    assert set(spread["source"]) == {"model", "fallback"}


def test_vectors_are_those_of_threads(world, cluster):
    place, _, _, (objects, _) = world
    embedder = load_embedder("yolo", yolo_model="demo", runtime="openvino_f32")
    vectors, ids, failures = embed_objects(objects, place / "local", embedder, place / "vectors", batch_size=4)
    found, found_ids, found_failures = embed_objects(
        objects, place / "local", embedder, place / "ray_vectors", batch_size=4, workers=cluster[2]
    )
    assert found_ids == ids
    np.testing.assert_allclose(found, vectors, atol=1e-5)
    pd.testing.assert_frame_equal(found_failures, failures)
