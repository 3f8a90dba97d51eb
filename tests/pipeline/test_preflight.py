"""What is refused before the first kernel starts, each in one line."""

import dataset_trees as trees
import pytest

from rarelib.command_line import app
from rarelib.params import ParameterError, Params, load_params
from rarelib.pipeline.preflight import check_inputs


def test_labels_are_looked_for_before_a_run_starts(tmp_path):
    trees.save_picture(tmp_path / "plain" / "a.jpg")
    root = trees.kitti_tree(tmp_path / "set")
    check_inputs(Params(images_folder=str(root / "training" / "image_2"), boxes="labels", skip_caption=True))
    with pytest.raises(ParameterError, match=r"The layout recognised is 'folder'; name it by --dataset"):
        check_inputs(Params(images_folder=str(tmp_path / "plain"), boxes="labels", skip_caption=True))
    with pytest.raises(ParameterError, match=r"must be detector for the demo world"):
        check_inputs(Params(demo_scenes=3, boxes="labels", skip_caption=True))


@pytest.mark.parametrize("boxes", ["detector", "labels"])
def test_a_camera_and_a_layout_that_the_folder_has_not_are_refused_before_a_run_starts(tmp_path, boxes):
    scenes, benchmark = trees.nuscenes_tree(tmp_path / "nu"), trees.kitti_tree(tmp_path / "ki")
    trees.save_picture(tmp_path / "plain" / "a.jpg")

    def check(folder, **asked):
        check_inputs(Params(images_folder=str(folder), skip_caption=True, boxes=boxes, **asked))

    check(scenes, cameras=["CAM_FRONT", "CAM_BACK"], dataset="nuscenes")
    check(benchmark, cameras=["image_2"], dataset="kitti")
    with pytest.raises(
        ParameterError, match=r"cameras of the data set \(CAM_BACK, CAM_FRONT\). Got \['CAM_FRONT', 'X'"
    ):
        check(scenes, cameras=["CAM_FRONT", "X"])
    with pytest.raises(ParameterError, match=r"cameras of the data set \(image_2\). Got \['CAM_FRONT'\]"):
        check(benchmark, cameras=["CAM_FRONT"])
    with pytest.raises(ParameterError, match=r"Got 'kitti', but names such as .* are those of 'nuscenes'; with auto"):
        check(scenes, dataset="kitti")
    if boxes == "detector":
        with pytest.raises(
            ParameterError, match=r"must be empty for this data set. Got \['X'\], as the layout 'folder'"
        ):
            check(tmp_path / "plain", cameras=["X"])


def test_the_demo_world_is_a_plain_folder():
    for asked, must in (({"cameras": ["X"]}, "empty"), ({"dataset": "coco"}, "auto or folder")):
        with pytest.raises(ParameterError, match=rf"'{next(iter(asked))}' parameter must be {must} for the demo world"):
            check_inputs(Params(demo_scenes=3, skip_caption=True, **asked))


def test_a_wrong_group_pattern_is_refused_before_a_run_starts():
    for pattern, message in (("(", "is not a regular expression"), ("a+", "must have a group in brackets")):
        with pytest.raises(ParameterError, match=f"'group_pattern' parameter {message}"):
            check_inputs(Params(demo_scenes=3, group_pattern=pattern, skip_caption=True))


def test_a_device_that_is_not_there_is_refused_before_a_run_starts():
    with pytest.raises(ParameterError, match=r"asks for 'cuda:0,99', but torch sees"):
        check_inputs(Params(demo_scenes=3, device="cuda:0,99", skip_caption=True))
    with pytest.raises(ParameterError, match="'device' parameter must name each GPU once, but names GPU 1 twice"):
        load_params(None, {"device": "cuda:1,1"})
    with pytest.raises(ParameterError, match=r"must be auto, cpu, cuda, cuda:N.*Got 'gpu'"):
        load_params(None, {"device": "gpu"})
    with pytest.raises(ParameterError, match=r"must be auto, cpu or cuda with a ray_address"):
        check_inputs(Params(demo_scenes=3, device="cuda:1", engine="ray", ray_address="auto", skip_caption=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,rare\na-00,yes\n", r"verdicts file .*\.csv must have a column 'object_id'\. Got \['id', 'rare'\]"),
        ("object_id,rare\na-00,perhaps\n", "row 2: 'rare' must be yes, no or unsure. Got 'perhaps'"),
    ],
)
def test_verdicts_that_cannot_be_read_are_refused_before_a_run_starts(tmp_path, text, message):
    named, own = tmp_path / "mine.csv", tmp_path / "night" / "verdicts.csv"
    own.parent.mkdir()
    about = {"demo_scenes": 3, "skip_caption": True, "runs_dir": str(tmp_path), "name": "night"}
    for file, verdicts in ((named, str(named)), (own, "auto")):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ParameterError, match=message):
            check_inputs(Params(**about, verdicts=verdicts))
        for harmless in ("", "object_id,rare\nanother-00,yes\n"):  # what it fits is known when objects are
            file.write_text(harmless, encoding="utf-8")
            check_inputs(Params(**about, verdicts=verdicts))
    own.write_text(text, encoding="utf-8")
    check_inputs(Params(**about, verdicts=""))


def test_names_that_are_no_utf_8_are_refused_before_a_run_starts(tmp_path, capsys):
    folder = tmp_path / "lat\udce9n"  # as Python has a byte that is no UTF-8
    trees.save_picture(folder / "a.jpg")
    assert app.main(["run", str(folder), "--runs_dir", str(tmp_path / "runs")]) == 2
    assert "A run cannot have the name of" in capsys.readouterr().err
    with pytest.raises(ParameterError, match=r"The 'images_folder' parameter must be valid UTF-8.* or a link to it"):
        check_inputs(Params(images_folder=str(folder), skip_caption=True))
    with pytest.raises(ParameterError, match="The 'name' parameter must be a plain folder name"):
        load_params(None, {"name": "x\udce9"})
