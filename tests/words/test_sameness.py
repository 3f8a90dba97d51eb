"""Names of one thing, and of kinds of it, are told by what they are about, not by shared words."""

import pytest

from rarelib.words.sameness import is_kind_of, is_same_thing


@pytest.mark.parametrize(
    ("one", "other", "same", "kind"),
    [
        ("traffic light", "traffic sign", False, False),
        ("truck", "vehicle.truck", True, True),
        ("truck", "トラック", True, True),
        ("garbage truck", "truck", False, True),
        ("boat on a trailer", "boat", False, True),
        ("boat on a trailer", "trailer", False, False),
        ("airplane", "road", False, False),
        ("gizmo", "Gizmo", True, True),
        ("class_1", "class_2", False, False),
    ],
)
def test_names_of_one_thing(one, other, same, kind):
    assert is_same_thing(one, other) is is_same_thing(other, one) is same
    assert is_kind_of(one, other) is is_kind_of(other, one) is kind
