import json
import os
import pickle
import zipfile

import pytest

from rarelib.models import pickles, weights


class Exploit:
    """A pickle that would leave a file behind if it were run."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return (exec, (f"open({self.target!r}, 'w').close()",))


def save_pickle(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
    return path


@pytest.fixture
def clip_folder(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "clip"}))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_malicious_pickle_is_refused_and_not_run(tmp_path):
    path = save_pickle(tmp_path / "evil.pt", {"model": Exploit(tmp_path / "ran")})
    with pytest.raises(ValueError, match=r"'evil\.pt', a pickle that asks for '\w+\.exec' .* set --trust_pickles true"):
        weights.check_yolo_model(str(path))
    weights.check_yolo_model(str(path), trust_pickles=True)  # a check never loads
    assert not (tmp_path / "ran").exists()


def test_a_malicious_pickle_is_not_run_when_loaded(tmp_path):
    """The loader refuses by itself, also what the quick look would let pass."""
    import torch

    from rarelib.models.yolo import load_net

    class Sneaky:
        def __reduce__(self):
            return (torch.hub.download_url_to_file, ("file:///etc/hostname", str(tmp_path / "ran")))

    path = tmp_path / "sneaky.pt"
    torch.save({"model": Sneaky()}, path)
    weights.check_yolo_model(str(path))
    with pytest.raises(ValueError, match="trust_pickles"):
        load_net(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_names_in_a_pickle_are_found_in_every_protocol(tmp_path, protocol):
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps([Exploit(tmp_path / "ran")], protocol=protocol))
    with pytest.raises(ValueError, match="trust_pickles"):
        pickles.check_pickle(path, "yolo_model")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"plain text", pickle.dumps({"a": 1})])
def test_what_is_no_torch_archive_is_refused(tmp_path, content):
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"must be weights saved by torch\. 'a\.pt' is not"):
        weights.check_yolo_model(str(path))


def test_an_archive_without_a_pickle_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match="must be weights saved by torch"):
        weights.check_yolo_model(str(tmp_path / "a.pt"))


@pytest.mark.parametrize(("model", "hint"), [("nowhere.pt", ""), ("yolov8x.pt", "--yolo_model demo")])
def test_a_missing_detector_is_refused(tmp_path, monkeypatch, model, hint):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"'yolo_model' parameter .* '{model}' is not there.*{hint}"):
        weights.check_yolo_model(model)


def test_a_release_is_fetched_or_found_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLO_OFFLINE", "false")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights.find_yolo_model("yolov8x.pt") is None
    fetched = tmp_path / "rarelib" / "releases" / "yolov8x.pt"
    fetched.parent.mkdir(parents=True)
    fetched.touch()
    assert weights.find_yolo_model("yolov8x.pt") == fetched


def test_another_suffix_is_refused(tmp_path):
    (tmp_path / "a.onnx").touch()
    with pytest.raises(ValueError, match=r"must be a \.pt file, an OpenVINO folder, .* Got '.*' instead"):
        weights.check_yolo_model(str(tmp_path / "a.onnx"))


def test_an_openvino_folder_needs_both_files_and_names(tmp_path):
    with pytest.raises(ValueError, match=r"a folder with one \.xml and its \.bin"):
        weights.check_yolo_model(str(tmp_path))
    (tmp_path / "a.xml").touch()
    (tmp_path / "a.bin").touch()
    assert weights.openvino_file(tmp_path).name == "a.xml"
    for text in ("", "names: 3", "names: [", "other: 1"):
        (tmp_path / "metadata.yaml").write_text(text)
        with pytest.raises(ValueError, match=r"metadata\.yaml has names"):
            weights.read_class_names(tmp_path)
    (tmp_path / "metadata.yaml").write_text("names: {1: b, 0: a}")
    assert weights.read_class_names(tmp_path) == ["a", "b"]


def test_a_clip_folder_is_checked_without_loading(clip_folder):
    weights.find_clip_model(str(clip_folder))
    (clip_folder / "model.safetensors").rename(clip_folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"'pytorch_model\.bin', a pickle .* set --trust_pickles true"):
        weights.find_clip_model(str(clip_folder))
    weights.find_clip_model(str(clip_folder), trust_pickles=True)
    (clip_folder / "pytorch_model.bin").unlink()
    with pytest.raises(ValueError, match=r"has no model\.safetensors"):
        weights.find_clip_model(str(clip_folder))
    (clip_folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"has no config\.json"):
        weights.find_clip_model(str(clip_folder))


@pytest.mark.parametrize("model", ["openai/never-heard-of", "./nowhere", "one-word"])
def test_an_unknown_clip_offline_is_one_clear_line(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        FileNotFoundError, match=r"is not there; give a folder with --clip_model, or use --embedder yolo"
    ) as caught:
        weights.find_clip_model(model)
    assert "\n" not in str(caught.value)


def test_sha256_of_a_file_and_of_a_folder(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert weights.sha256_of(tmp_path / "a").startswith("ba7816bf")  # FIPS 180-2, appendix B.1
    before = weights.sha256_of(tmp_path)
    os.utime(tmp_path / "a", (1, 1))
    (tmp_path / ".DS_Store").write_bytes(b"left by a file manager")
    assert weights.sha256_of(tmp_path) == before
    (tmp_path / "a").rename(tmp_path / "c")
    assert weights.sha256_of(tmp_path) != before
    (tmp_path / "c").rename(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"d")
    assert weights.sha256_of(tmp_path) != before


def test_a_clip_is_known_by_what_is_loaded_of_it(clip_folder):
    before = weights.clip_sha256(clip_folder)
    for beside in ("open_clip_model.safetensors", "pytorch_model.bin", "README.md"):
        (clip_folder / beside).write_bytes(b"not loaded")
    assert weights.clip_sha256(clip_folder) == before
    (clip_folder / "model.safetensors").write_bytes(b"other weights")
    assert weights.clip_sha256(clip_folder) != before


def test_shards_are_known_by_their_index(clip_folder):
    (clip_folder / "model.safetensors").unlink()
    index = clip_folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}))
    (clip_folder / "model-1.safetensors").write_bytes(b"1")
    with pytest.raises(ValueError, match=r"lacks model-2\.safetensors; give a folder"):
        weights.find_clip_model(str(clip_folder))
    (clip_folder / "model-2.safetensors").write_bytes(b"2")
    weights.find_clip_model(str(clip_folder))
    before = weights.clip_sha256(clip_folder)
    (clip_folder / "model-2.safetensors").write_bytes(b"3")
    assert weights.clip_sha256(clip_folder) != before
    index.write_text("[]")
    with pytest.raises(ValueError, match="is not an index"):
        weights.find_clip_model(str(clip_folder))


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub's cache with one model in it, of which the tests put files there."""
    folder = tmp_path / "hub" / "models--some--clip"
    snapshot = folder / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return snapshot


@pytest.mark.parametrize("offline", ["1", "0"])
def test_a_cached_configuration_alone_is_no_model(offline, hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    if offline == "0":
        assert weights.find_clip_model("some/clip") is None
        return
    with pytest.raises(FileNotFoundError, match=r"'some/clip' is not there; give a folder .* --embedder yolo"):
        weights.find_clip_model("some/clip")


def test_a_cached_pickle_is_not_loaded_unless_it_is_trusted(hub, monkeypatch):
    (hub / "pytorch_model.bin").write_bytes(b"pickle")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert weights.find_clip_model("some/clip") is None  # the hub may have safe weights
    assert weights.find_clip_model("some/clip", trust_pickles=True) == hub
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match=r"'pytorch_model\.bin', a pickle"):
        weights.find_clip_model("some/clip")
    (hub / "model.safetensors").write_bytes(b"weights")
    assert weights.find_clip_model("some/clip") == hub


def test_a_fetched_release_that_is_another_file_is_deleted(tmp_path, monkeypatch):
    from rarelib.models import yolo

    monkeypatch.setattr(yolo, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(yolo, "attempt_download_asset", lambda path: path.write_bytes(b"something else"))
    with pytest.raises(ValueError, match=r"'yolov8n\.pt', but what was fetched is not that release"):
        yolo.fetch_release("yolov8n.pt")
    assert not (tmp_path / "releases" / "yolov8n.pt").exists()
    assert yolo.fetch_release("yolov8x.pt").is_file()


def test_what_cannot_be_fetched_is_told_in_plain_words(tmp_path, monkeypatch):
    from rarelib.models import yolo

    def fail(path):
        raise ConnectionError("❌ Download failure for a place.\nEnvironment may be offline.")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(yolo, "attempt_download_asset", fail)
    told = r"cannot be fetched \(Download failure for a place. Environment may be offline\)\. Give the path"
    with pytest.raises(FileNotFoundError, match=told):
        yolo.fetch_release("yolov8x.pt")
