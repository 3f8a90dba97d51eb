"""What is refused before the first kernel starts, each in one line."""

import dataset_trees as trees
import pytest

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
