import numpy as np
import pytest

from rarelib.pictures.boxes import Boxes, anchor_points, fit_letterbox, overlaps, suppress


def boxes_of(*rows):
    xyxy, confidence, class_id = zip(*rows, strict=True)
    return Boxes(np.array(xyxy, float).reshape(-1, 4), np.array(confidence, float), np.array(class_id, int))


NONE = Boxes(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))


def test_letterbox_of_a_wide_picture_is_padded_to_the_next_multiple_of_32():
    letterbox = fit_letterbox((1600, 900), 640)  # 640 x 360, 24 px to spare
    assert (letterbox.inner_wh, letterbox.left_top, letterbox.canvas_wh) == ((640, 360), (0, 12), (640, 384))


def test_letterbox_of_a_fixed_canvas_is_padded_on_both_sides():
    letterbox = fit_letterbox((100, 400), (640, 640))
    assert (letterbox.inner_wh, letterbox.left_top, letterbox.canvas_wh) == ((160, 640), (240, 0), (640, 640))


@pytest.mark.parametrize("picture_wh", [(1600, 900), (1, 1), (3000, 1), (37, 411), (640, 640)])
def test_letterbox_maps_the_whole_picture_back(picture_wh):
    letterbox = fit_letterbox(picture_wh, 640)
    (left, top), (width, height) = letterbox.left_top, letterbox.inner_wh
    back = letterbox.to_picture(np.array([[left, top, left + width, top + height]], float))
    assert back[0] == pytest.approx([0, 0, *picture_wh])
    assert letterbox.draw(np.zeros((picture_wh[1], picture_wh[0], 3), np.uint8)).shape[1::-1] == letterbox.canvas_wh


def test_letterbox_equals_the_one_of_ultralytics():
    from ultralytics.data.augment import LetterBox

    rng = np.random.default_rng(0)
    for size_hw in ((90, 160), (375, 500), (370, 1224), (33, 31), (900, 1600)):
        picture = rng.integers(0, 255, (*size_hw, 3), dtype=np.uint8)
        expected = LetterBox((640, 640), auto=True, stride=32)(image=picture)
        assert np.array_equal(fit_letterbox(size_hw[::-1], 640).draw(picture), expected)


@pytest.mark.parametrize(("imgsz", "stride"), [(33, 32), (100, 32), (500, 32), (650, 32), (1000, 32), (672, 64)])
def test_any_size_is_rounded_up_to_the_stride_as_ultralytics_does(imgsz, stride):
    from ultralytics.data.augment import LetterBox
    from ultralytics.utils.checks import check_imgsz

    rng = np.random.default_rng(0)
    for size_hw in ((90, 160), (375, 500), (33, 31)):
        picture = rng.integers(0, 255, (*size_hw, 3), dtype=np.uint8)
        side = check_imgsz(imgsz, stride=stride)
        letterbox = fit_letterbox(size_hw[::-1], imgsz, stride=stride)
        assert max(letterbox.canvas_wh) == side and not any(length % stride for length in letterbox.canvas_wh)
        expected = LetterBox((side, side), auto=True, stride=stride)(image=picture)
        assert np.array_equal(letterbox.draw(picture), expected)


def test_boxes_outside_the_picture_are_clipped():
    back = fit_letterbox((100, 50), 640).to_picture(np.array([[-50.0, -50, 9999, 9999]]))
    assert back.tolist() == [[0, 0, 100, 50]]


def test_anchor_points_are_cell_centres_finest_grid_first():
    points, sizes = anchor_points((64, 32), (16, 32))
    assert points[:4].tolist() == [[8, 8], [24, 8], [40, 8], [56, 8]]
    assert points[-2:].tolist() == [[16, 16], [48, 16]]
    assert sizes[:, 0].tolist() == [16] * 8 + [32] * 2


def test_overlaps_by_hand():
    union_share, own_share = overlaps(np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10], [20, 20, 30, 30]]))
    assert union_share[0] == pytest.approx([50 / 150, 0])
    assert own_share[0] == pytest.approx([0.5, 0])


def test_suppress_drops_the_weaker_of_the_same_class_only():
    boxes = boxes_of(
        ([0, 0, 10, 10], 0.6, 0), ([1, 0, 11, 10], 0.9, 0), ([0, 0, 10, 10], 0.5, 1), ([50, 0, 60, 9], 0.3, 0)
    )
    kept = suppress(boxes, iou=0.45, limit=10)
    assert kept.confidence.tolist() == [0.9, 0.5, 0.3]
    assert suppress(boxes, iou=0.45, limit=10, any_class=True).confidence.tolist() == [0.9, 0.3]
    assert suppress(boxes, iou=0.45, limit=1).confidence.tolist() == [0.9]
    assert len(suppress(NONE, iou=0.45, limit=5)) == 0


def test_suppress_equals_torchvision():
    import torch
    from torchvision.ops import batched_nms

    rng = np.random.default_rng(1)
    low = rng.uniform(0, 200, (300, 2))
    xyxy = np.concatenate([low, low + rng.uniform(5, 80, (300, 2))], axis=1)
    confidence, class_id = rng.permutation(300) / 300, rng.integers(0, 3, 300)
    order = batched_nms(torch.tensor(xyxy), torch.tensor(confidence), torch.tensor(class_id), 0.45)
    assert (
        suppress(Boxes(xyxy, confidence, class_id), iou=0.45, limit=300).confidence.tolist()
        == confidence[order].tolist()
    )
