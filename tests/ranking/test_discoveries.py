"""What conformal selection takes for common, and what is said of its selection."""

import numpy as np
import pandas as pd
import pytest
from planted import boxes_of, cluster, images_of

from rarelib.ranking.discoveries import discoveries_sentence
from rarelib.ranking.scoring import score_objects
from rarelib.settings import ScoreSettings


def world(n_proposals, *, n_common=120):
    """Cars and persons, a few bicycles, 25 strange things, and proposals of all looks."""
    names = (
        ["car"] * n_common + ["person"] * (n_common // 8) + ["bicycle"] * 4 + ["horse", "cow", "bear"] * 8 + ["sofa"]
    )
    strange = [cluster(1, 100 + seed) for seed in range(25)]
    vectors = [cluster(n_common, 1), cluster(n_common // 8, 2), cluster(4, 3), *strange]
    vectors += [cluster(1, 500 + seed % 40) for seed in range(n_proposals)]
    objects = boxes_of([*names, *["boat"] * n_proposals], per_image=1)
    of_proposals = np.arange(len(objects)) >= len(names)
    objects.loc[of_proposals, ["origin", "confidence", "objectness"]] = ["proposal", 0.01, 0.1]
    return objects, np.concatenate(vectors)


def selected(objects, vectors, **options):
    settings = ScoreSettings(outlier_methods=["knn"], selection="fdr", **options)
    ids = objects["object_id"].tolist()
    scores, _ = score_objects(objects, images_of(objects, per_group=1), vectors, ids, settings=settings)
    return scores, settings


@pytest.mark.parametrize("n_proposals", [0, 900])
def test_what_is_common_is_so_among_detected_boxes_however_many_proposals_there_are(n_proposals):
    objects, vectors = world(n_proposals)
    scores, settings = selected(objects, vectors, fdr_level=0.3)
    said = discoveries_sentence(scores, objects, None, settings=settings)
    assert "beside 135 of classes that this data is full of" in said  # cars, and persons with more than 5 %
    assert scores["selected"].sum() >= 15


@pytest.mark.parametrize("language", ["en", "ja"])
def test_it_is_said_why_nothing_is_selected(language):
    objects, vectors = world(0, n_common=60)
    scores, settings = selected(objects, vectors, language=language)
    said = discoveries_sentence(scores, objects, None, settings=settings)
    assert scores["selected"].sum() == 0
    assert ("only 91 events" in said) if language == "en" else ("出来事が 91 件しか" in said)
    objects, vectors = world(0)
    scores, settings = selected(objects, vectors, language=language, fdr_level=0.001)
    said = discoveries_sentence(scores, objects, None, settings=settings)
    assert scores["selected"].sum() == 0
    assert ("nothing stands out" in said) if language == "en" else ("際立つ物はありません" in said)


def test_what_was_judged_rare_is_not_common_and_other_selections_have_no_such_sentence():
    objects, vectors = world(0)
    scores, settings = selected(objects, vectors)
    verdicts = np.where(pd.Series(objects["class_name"]) == "person", 1.0, np.nan)
    assert "beside 120 of classes" in discoveries_sentence(scores, objects, verdicts, settings=settings)
    assert discoveries_sentence(scores, objects, None, settings=ScoreSettings()) == ""
