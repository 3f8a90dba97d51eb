"""What crops look like by a text tower: planted things, numbers by hand, towers that know nothing."""

import numpy as np
import pandas as pd
import pytest
from planted_tower import PlantedTower, crops_of

from rarelib.objects import naming, zero_shot
from rarelib.objects.text_tower import TowerTest, group_coherence, try_text_tower
from rarelib.objects.zero_shot import shown_names, strangeness, strangest_objects, zero_shot_classes
from rarelib.settings import NamingSettings
from rarelib.tables import check_table

MIX = {"car": 40, "truck": 12, "pedestrian": 20, "bus": 8, "bicycle": 10}
ODD = {"wheelchair": "bicycle", "deer": "pedestrian", "overturned car": "car", "mattress": "car"}


def planted(rename=None, *, origin="detected"):
    """Return objects of a road with four odd ones, detected as something ordinary, and what they truly show."""
    true = [*(name for name, count in MIX.items() for _ in range(count)), *ODD]
    class_name = pd.Series([ODD.get(name, name) for name in true])
    table = pd.DataFrame({"object_id": [f"o-{row:03}" for row in range(len(true))], "confidence": 0.9})
    named = class_name.map(rename) if rename else class_name
    return table.assign(class_name=named, origin=origin, crop_path="x.jpg"), crops_of(true), np.array(true)


def compared(objects, vectors, tower=None, **settings):
    ids = objects["object_id"].tolist()
    return zero_shot_classes(vectors, ids, objects, tower or PlantedTower(), settings=NamingSettings(**settings))


def test_odd_things_look_like_what_they_are_and_strange():
    objects, vectors, true = planted()
    found, about = compared(objects, vectors)
    check_table("zero_shot", found)
    assert found["looks_like"].tolist() == true.tolist()
    odd = np.isin(true, [*ODD])
    assert found["strangeness"][odd].min() > 0.9 > 0.1 > found["strangeness"][~odd].max()
    assert found["margin"][odd].min() > 0.1
    np.testing.assert_allclose(found["margin"][~odd], 0, atol=1e-6)
    np.testing.assert_allclose(found["looks_like_similarity"] - found["class_similarity"], found["margin"], atol=1e-6)
    assert (found["phrase"].isin([*MIX])).all()  # as before: among the class names of the data
    assert about["vocabulary_used"] and about["names"] > 1600
    assert about["agreement"] > 0.9 and about["standing"] > 0.9 and "The text tower knows" in about["sentence"]


def test_names_are_shown_in_the_runs_language():
    objects, vectors, _ = planted()
    found, about = compared(objects, vectors, language="ja")
    assert found["looks_like"].tolist()[-4:] == ["車椅子", "鹿", "横転した車", "マットレス"]
    assert found["looks_like"][0] == "乗用車" and "一致" in about["sentence"]


JAPANESE = {"car": "乗用車", "truck": "トラック", "pedestrian": "歩行者", "bus": "バス", "bicycle": "自転車"}
NUSCENES = {"car": "vehicle.car", "truck": "vehicle.truck", "pedestrian": "human.pedestrian.adult",
            "bus": "vehicle.bus.rigid", "bicycle": "vehicle.bicycle"}  # fmt: skip
NUMBERS = {name: f"class_{number}" for number, name in enumerate(MIX)}


@pytest.mark.parametrize("rename", [JAPANESE, NUSCENES, NUMBERS], ids=["japanese", "nuscenes", "numbers"])
def test_what_the_classes_are_called_hardly_matters(rename):
    objects, vectors, true = planted(rename)
    found, about = compared(objects, vectors)
    odd = np.isin(true, [*ODD])
    assert about["vocabulary_used"]
    assert found["looks_like"][odd].tolist() == [*ODD]
    assert set(found.nlargest(4, "strangeness").index) == set(np.flatnonzero(odd))
    assert set(found.nlargest(4, "margin").index) == set(np.flatnonzero(odd))
    assert found["margin"][~odd].max() < 0.05 < 0.1 < found["margin"][odd].min()


@pytest.mark.parametrize("seed", range(4))
def test_a_tower_that_knows_no_words_is_not_believed(seed):
    objects, vectors, _ = planted()
    turned = np.roll(vectors, seed * 7, axis=1)  # other pictures to the same noise
    found, about = compared(objects, turned, PlantedTower(knows=False))
    assert not about["vocabulary_used"] and about["names"] == 0 and "was not used" in about["sentence"]
    assert found["looks_like"].equals(found["phrase"])
    assert found["strangeness"].isna().all()  # all class names are ordinary: they cannot tell


def test_names_that_the_tokenizer_cannot_read_are_left_out():
    objects, vectors, _ = planted()
    tower = PlantedTower(reads=lambda word: word in {*MIX, "wheelchair", "horse"})
    found, about = compared(objects, vectors, tower)
    assert about["readable"] == 7
    assert found["looks_like"].tolist()[-4] == "wheelchair"
    _, nothing = compared(objects, vectors, PlantedTower(reads=lambda word: False))
    assert not nothing["vocabulary_used"] and "reads none of them" in nothing["sentence"]


def test_without_a_class_to_ask_about_the_names_themselves_must_hang_together():
    objects, vectors, true = planted(NUMBERS)
    found, about = compared(objects.assign(confidence=0.1), vectors)
    assert about["vocabulary_used"] and about["classes"] == 0 and about["coherence"] > 3
    assert "No class with a known name" in about["sentence"]
    assert found["looks_like"].tolist()[-4:] == true[-4:].tolist()
    _, noise = compared(objects.assign(confidence=0.1), vectors, PlantedTower(knows=False))
    assert not noise["vocabulary_used"] and noise["coherence"] < 3


def test_a_vocabulary_of_ones_own_and_none(tmp_path):
    objects, vectors, _ = planted()
    mine = tmp_path / "mine.txt"
    mine.write_text("wheelchair\nhorse\ncar\n", encoding="utf-8")
    found, about = compared(objects, vectors, vocabulary=str(mine))
    assert about["listed"] == 3 and found["looks_like"].tolist()[-4] == "wheelchair"
    _, off = compared(objects, vectors, vocabulary="off")
    assert not off["vocabulary_used"] and "vocabulary: off" in off["sentence"]


def test_proposals_are_shown_by_what_they_look_like():
    objects, vectors, _ = planted()
    objects.loc[objects.index[-4:-2], "origin"] = "proposal"
    found, _ = compared(objects, vectors)
    assert shown_names(objects, found).tolist()[-4:] == ["wheelchair", "deer", "car", "car"]
    assert shown_names(objects, found.head(0)).tolist() == objects["class_name"].tolist()
    assert shown_names(objects, found[["object_id", "phrase"]]).tolist() == objects["class_name"].tolist()
    objects.loc[objects.index[-4], "origin"] = "yolo-world"  # a second model: its class is a guess as well
    assert shown_names(objects, found).tolist()[-4:] == ["wheelchair", "deer", "car", "car"]
    assert shown_names(objects.assign(origin="label"), found).tolist() == objects["class_name"].tolist()
    japanese = found.assign(looks_like=found["looks_like"].replace({"wheelchair": "車椅子"}))
    objects.loc[objects.index[-1], "class_name"] = "class_7"
    called = shown_names(objects, japanese, language="ja").tolist()
    assert (called[0], *called[-4:]) == ("乗用車", "車椅子", "deer", "乗用車", "class_7")
    assert shown_names(objects, found.head(0), language="ja")[0] == "乗用車"
    strangest = strangest_objects(found, objects, count=4)
    assert set(strangest["class_name"]) == {*ODD}
    assert strangest["strangeness"].is_monotonic_decreasing
    assert strangest_objects(found.head(0), objects).empty


def test_blocks_change_nothing(monkeypatch):
    objects, vectors, _ = planted()
    whole, _ = compared(objects, vectors)
    monkeypatch.setattr(zero_shot, "BLOCK", 7)
    parts, _ = compared(objects, vectors)
    pd.testing.assert_frame_equal(whole, parts, atol=1e-5)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_nearly_all_names_are_not_told_as_all(language):
    tested = TowerTest(classes=3, agreement=0.9, chance=0.3, standing=0.9999, coherence=0.0, passed=True)
    told = naming._about(10, 10, tested, NamingSettings(language=language))
    assert "99.9%" in told["sentence"] and "100" not in told["sentence"]


def test_strangeness_by_hand():
    ordinary = np.array([1.0, 0.0, 0.0, np.nan])
    step = 0.01 * np.log(2)  # twice the mass
    similarity = np.array([[0.3, 0.3, 0.3, 0.9], [0.3, 0.3 + step, 0.3, 0.9]])
    np.testing.assert_allclose(strangeness(similarity, ordinary), [2 / 3, 3 / 4])
    assert np.isnan(strangeness(similarity, np.array([1.0, 1.0, 1.0, np.nan]))).all()


def test_an_embedder_without_text_gives_an_empty_table():
    objects, vectors, _ = planted()
    tower = PlantedTower()
    tower.has_text = False
    found, about = compared(objects, vectors, tower)
    check_table("zero_shot", found)
    assert found.empty and "no text tower" in about["sentence"]
    found, about = compared(objects.head(0), vectors[:0])
    assert found.empty and about["names"] == 0


def test_texts_of_a_real_tower_are_kept_for_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    objects, vectors, _ = planted()
    first, again, other = PlantedTower(), PlantedTower(), PlantedTower()
    for tower, revision in ((first, "a"), (again, "a"), (other, "b")):
        tower.about |= {"revision": revision, "runtime": "torch"}
    found, _ = compared(objects, vectors, first)
    same, _ = compared(objects, vectors, again)
    compared(objects, vectors, other)
    pd.testing.assert_frame_equal(found, same)
    assert len(again.asked) == len(MIX) * len(naming.TEMPLATES) < len(first.asked) == len(other.asked)


def test_a_constant_tower_agrees_by_chance_only():
    crops = np.eye(4, dtype=np.float32)[np.repeat([0, 1, 2, 3], 10)]
    same = np.tile([[1.0, 1.0, 1.0, 1.0]], (4, 1)) / 2
    tested = try_text_tower(crops, np.repeat([0, 1, 2, 3], 10), same, same, list("abcd"))
    assert (tested.classes, tested.chance, tested.agreement, tested.passed) == (4, 0.25, 0.25, False)
    few = try_text_tower(
        crops, np.where(np.arange(40) % 10 < 4, np.repeat([0, 1, 2, 3], 10), -1), same, same, list("abcd")
    )
    assert few.classes == 0


def test_coherence_by_hand():
    texts = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [-1, 0], [-1, 0.1]])
    assert group_coherence(texts, list("aabbcc")) == pytest.approx(3)  # all together, a third by chance
    assert group_coherence(texts, list("aaaaaa")) == 0
    assert group_coherence(texts[:0], []) == 0
    assert group_coherence(np.concatenate([texts, texts]), [*"aabbcc", *[""] * 6]) == pytest.approx(3)


def test_names_that_share_a_word_prove_nothing(tmp_path):
    class Spelling(PlantedTower):
        """A tower that adds up a direction for each word and knows no meaning."""

        def thing(self, name):
            rows = [PlantedTower(knows=False).thing(word) for word in name.split()]
            return np.sum(rows, axis=0) / np.linalg.norm(np.sum(rows, axis=0))

    objects, vectors, _ = planted(NUMBERS)
    _, about = compared(objects, vectors, Spelling())
    assert not about["vocabulary_used"] and about["coherence"] < 3


def test_guesses_of_a_second_model_say_nothing_of_the_text_tower():
    objects, vectors, _ = planted()
    _, told = compared(objects, vectors)
    guesses = objects.assign(object_id="x" + objects["object_id"], class_name="car", origin="FastSAM-s")
    both = pd.concat([objects, guesses], ignore_index=True)
    _, about = compared(both, np.concatenate([vectors, vectors]))
    assert (about["agreement"], about["standing"]) == (told["agreement"], told["standing"])
