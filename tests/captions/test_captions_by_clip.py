"""Phrases that CLIP chooses fill the same table as the words of a model."""

import numpy as np
import pytest
from captioned import caption
from crop_table import selected_objects
from planted_clip import TEXTS, PlantedClip


def test_phrases_of_clip_fill_the_same_table(tmp_path):
    selected = selected_objects(tmp_path, 3, class_name="bus")
    vectors = (np.eye(5)[[1, 0]], ["0001-00", "0000-00"])
    options = {"caption_source": "clip", "caption_phrases": TEXTS, "embedder": PlantedClip(), "vectors": vectors}
    table = caption(selected, tmp_path, **options)
    assert table["kind"].tolist() == ["bus", "fire engine", ""]
    assert table["source"].tolist() == ["model", "model", "fallback"]
    assert table["disagrees"].tolist() == [False, True, False]
    assert table["error"][2] == "the object has no vector"
    assert table["model"].tolist() == ["planted", "planted", "planted"]
    guessed = caption(selected.assign(origin=["detected", "proposal", "detected"]), tmp_path, **options)
    assert not guessed["disagrees"].any()  # a proposal's class is a guess, which nothing can contradict


def test_without_vectors_the_crops_are_embedded(tmp_path):
    selected = selected_objects(tmp_path, 3, class_name="bus")
    (tmp_path / selected["crop_path"][1]).unlink()
    options = {"caption_source": "clip", "caption_phrases": TEXTS, "embedder": PlantedClip()}
    table = caption(selected, tmp_path, **options)
    assert table["kind"].tolist() == ["fire engine", "", "fire engine"]
    assert table["error"][1].startswith("crops/0001.jpg")


def test_phrases_need_a_clip_with_a_text_tower(tmp_path):
    selected = selected_objects(tmp_path, 1)
    with pytest.raises(ValueError, match="can be clip only with a CLIP that has a text tower"):
        caption(selected, tmp_path, caption_source="clip")
