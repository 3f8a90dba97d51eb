import numpy as np
import pandas as pd
import pytest
from PIL import Image
from s3_server import serve_s3

from rarelib.addresses import stores
from rarelib.pictures import sources
from rarelib.pictures.listing import has_pictures, list_images, read_image
from rarelib.pictures.sources import RemotePath, is_address, read_ahead, source_of

FILE = ["size", "modified"]


def fill(folder, n_pictures=7):
    for number in range(n_pictures):
        path = folder / f"drive {number % 2}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40 + number, 20), (number, 30, 60)).save(path)
    (folder / "notes.txt").write_text("no picture")
    (folder / "broken.jpg").write_bytes(b"no picture either")


@pytest.fixture
def s3(tmp_path, monkeypatch):
    fill(tmp_path / "fleet" / "day 1")
    stores.forget_stores()
    with serve_s3(tmp_path, monkeypatch) as server:
        yield server
    stores.forget_stores()


@pytest.fixture
def memory(tmp_path):
    import fsspec

    fill(tmp_path)
    store = fsspec.filesystem("memory")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            store.pipe(f"/fleet/{path.relative_to(tmp_path).as_posix()}", path.read_bytes())
    yield "memory://fleet"
    store.rm("/fleet", recursive=True)


def test_pictures_in_s3_are_listed_and_read_as_on_disk(s3):
    on_disk = list_images(s3.root / "fleet" / "day 1")
    in_s3 = list_images("s3://fleet/day 1")
    pd.testing.assert_frame_equal(in_s3.drop(columns="modified"), on_disk.drop(columns="modified"))
    assert (in_s3["modified"] // 10**9 == on_disk["modified"] // 10**9).all()
    assert in_s3["error"].ne("").sum() == 1 and in_s3["width"].max() == 46
    assert has_pictures("s3://fleet/day 1/") and not has_pictures("s3://fleet/day 2")
    for path in in_s3.loc[in_s3["error"] == "", "path"]:
        np.testing.assert_array_equal(
            read_image(source_of("s3://fleet/day 1") / path), read_image(s3.root / "fleet" / "day 1" / path)
        )


def test_pictures_in_any_fsspec_file_system_are_listed_and_read(memory, tmp_path):
    images = list_images(memory)
    assert images.drop(columns=FILE).equals(list_images(tmp_path).drop(columns=FILE))
    path = "drive 1/003.png"
    np.testing.assert_array_equal(read_image(source_of(memory) / path), read_image(tmp_path / path))


def test_an_index_of_links_is_a_folder_of_pictures(tmp_path):
    import functools
    import http.server
    import threading

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    fill(tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        images = list_images(f"http://127.0.0.1:{server.server_address[1]}")
        assert images.drop(columns=FILE).equals(list_images(tmp_path).drop(columns=FILE))
    finally:
        server.shutdown()
        server.server_close()


def test_each_twentieth_request_fails_and_nothing_is_missing(s3):
    s3.fail_every = 20
    names = [f"{number:03d}.png" for number in range(150)]
    for name in names:
        (s3.root / "fleet" / name).write_bytes((s3.root / "fleet" / "day 1" / "drive 0" / "000.png").read_bytes())
    images = list_images("s3://fleet")
    assert images["error"].ne("").sum() == 1 and len(images) == 158
    with read_ahead(source_of("s3://fleet"), names) as folder:
        assert {read_image(folder / name).shape for name in names} == {(20, 40, 3)}
    assert s3.failed > 10


def test_a_picture_that_never_comes_is_a_reason_without_an_address(s3, monkeypatch):
    monkeypatch.setattr(stores, "WAITS_S", (0.01,))
    s3.down_until = float("inf")
    with pytest.raises(ValueError) as told:
        read_image(source_of("s3://fleet/day 1") / "drive 0/000.png")
    assert str(told.value) and "127.0.0.1" not in str(told.value) and "fleet" not in str(told.value)


def test_what_is_not_there_is_not_asked_for_again(s3):
    with pytest.raises(ValueError, match="missing"):
        read_image(source_of("s3://fleet") / "none.png")
    assert s3.requests <= 2


def test_what_a_web_server_forbids_is_not_asked_for_again():
    import http.server
    import threading

    asked = []

    class Forbidding(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(403)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forbidding) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = RemotePath(f"http://127.0.0.1:{server.server_address[1]}/day")
        with pytest.raises(PermissionError, match="no access"):
            place.list_folder()
        server.shutdown()
    assert len(asked) == 1


def test_pictures_are_fetched_ahead_but_not_far_and_none_twice(s3, monkeypatch):
    monkeypatch.setattr(sources, "AHEAD", 3)
    fetched = []
    fetch = RemotePath.fetch
    monkeypatch.setattr(RemotePath, "fetch", lambda place: fetched.append(place.path) or fetch(place))
    names = [f"drive {number % 2}/{number:03d}.png" for number in range(7)]
    with read_ahead(source_of("s3://fleet/day 1"), names) as folder:
        read_image(folder / names[5])  # out of order
        assert len(fetched) <= 4
        for name in [*names[:5], names[6]]:
            read_image(folder / name)
    assert sorted(fetched) == sorted(names)


def test_a_folder_on_disk_is_given_as_it_is(tmp_path):
    assert source_of(str(tmp_path)) == tmp_path and source_of(f"file://{tmp_path}") == tmp_path
    assert source_of((tmp_path / "my #1 drive").as_uri()) == tmp_path / "my #1 drive"
    assert not is_address(str(tmp_path)) and is_address("gs://fleet") and is_address(source_of("gs://fleet"))
    with read_ahead(tmp_path, ["a.jpg"]) as folder:
        assert folder == tmp_path


@pytest.mark.parametrize("address", ["s3://key:secret@fleet", "https://host/index?token=abcdef"])
def test_credentials_in_an_address_are_refused_and_not_repeated(address):
    with pytest.raises(ValueError, match="give credentials by the environment") as told:
        source_of(address)
    assert "secret" not in str(told.value) and "abcdef" not in str(told.value)


def test_an_outage_of_half_a_minute_is_outlived():
    assert 0.7 * sum(stores.WAITS_S) > 30  # however the waits are spread
