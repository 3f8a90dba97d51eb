"""What any road is full of: the names of the data sets that people have, and their translations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from rarelib.words.ordinary import ordinariness
from rarelib.words.vocabulary import shown_name

VALUES = {"ordinary": 1, "unusual": 0, "unknown": np.nan}
COCO_ORDINARY = {
    "person", "bicycle", "car", "motorcycle", "bus", "train", "truck", "traffic light", "fire hydrant", "stop sign",
    "parking meter", "bench", "backpack", "umbrella", "handbag", "potted plant", "cell phone", "clock",
}  # fmt: skip


def cases():
    """Return the names of names.yaml with the value that each must have."""
    tables = yaml.safe_load((Path(__file__).parent / "names.yaml").read_text(encoding="utf-8"))
    return [
        pytest.param(name, VALUES[kind], id=f"{table}-{name}")
        for table, kinds in tables.items()
        for kind, names in kinds.items()
        for name in names
    ]


@pytest.mark.parametrize(("name", "value"), cases())
def test_names_of_data_sets(name, value):
    found = ordinariness(pd.Series([name]))
    np.testing.assert_array_equal(found, [value])


def names_of(dataset):
    import ultralytics

    file = Path(ultralytics.__file__).parent / "cfg" / "datasets" / f"{dataset}.yaml"
    return pd.Series(list(yaml.safe_load(file.read_text(encoding="utf-8"))["names"].values()))


def test_every_name_of_coco():
    names = names_of("coco")
    values = ordinariness(names)
    assert set(names[values == 1]) == COCO_ORDINARY
    assert not np.isnan(values).any()


def test_nearly_every_name_of_lvis_is_known_and_few_are_ordinary():
    names = names_of("lvis")
    values = dict(zip(names.str.split("/").str[0], ordinariness(names), strict=True))
    assert len(values) > 1190
    assert np.isnan([*values.values()]).mean() < 0.03
    assert 0.08 < np.mean([value == 1 for value in values.values()]) < 0.15  # clothes, cars and their parts, the street
    for name in ("car", "bus", "stop sign", "streetlight", "pole", "person", "jacket", "license plate", "trash can"):
        assert values[name] == 1, name
    for name in ("cow", "cone", "ambulance", "wheelchair", "baby buggy", "mattress", "forklift", "horse carriage",
                 "police cruiser", "tow truck", "ladder", "shopping cart", "bulldozer", "crate", "deer"):  # fmt: skip
        assert values[name] == 0, name


def test_unknown_names_are_neutral_and_the_index_does_not_matter():
    names = pd.Series(["klasse_17", "car", "klasse_17", "horse"], index=[4, 4, 0, 1])
    np.testing.assert_array_equal(ordinariness(names), [np.nan, 1, np.nan, 0])
    assert ordinariness(names.head(0)).shape == (0,)


def test_a_users_list_takes_the_place_of_the_packages(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("# what our quarry is full of\nexcavator\nダンプトラック\nzorb\n", encoding="utf-8")
    names = pd.Series(["Excavators", "dump truck", "ショベルカー", "zorb", "foobar", "toy excavator", "horse"])
    np.testing.assert_array_equal(ordinariness(names, str(mine)), [1, 1, 1, 1, np.nan, 0, 0])
    only_the_package_calls_ordinary = pd.Series(["car", "vehicle.bus", "信号機", "red car", "overturned car"])
    values = ordinariness(only_the_package_calls_ordinary, str(mine))
    np.testing.assert_array_equal(values, [np.nan, np.nan, np.nan, np.nan, 0])
    mine.write_text("car\n", encoding="utf-8")  # changed while the process lives
    np.testing.assert_array_equal(ordinariness(pd.Series(["Excavators", "乗用車"]), str(mine)), [0, 1])


def test_a_users_list_that_is_none_is_refused():
    with pytest.raises(ValueError, match="is not there"):
        ordinariness(pd.Series(["car"]), "/nowhere/list.txt")


def test_classes_that_hold_all_else_have_japanese_names_and_stay_neutral():
    named = [shown_name(name, "ja") for name in ("other object", "OtherObject", "Misc", "car", "klasse_17")]
    assert named == ["その他の物体", "その他の物体", "その他", "乗用車", "klasse_17"]
    assert shown_name("Misc", "en") == "Misc"
    assert np.isnan(ordinariness(pd.Series(["other object", "Misc", "unknown"]))).all()
