"""The ranking as a whole: the worked example, planted rare objects, and what must not matter."""

import numpy as np
import pandas as pd
import pytest
from planted import boxes_of, cluster, images_of, unit

from rarelib.params import OUTLIER_METHODS
from rarelib.ranking.early_filter import filter_objects
from rarelib.ranking.scoring import rank_objects, score_objects
from rarelib.ranking.verdicts import draw_for_precision
from rarelib.settings import FilterSettings, ScoreSettings

N_COMMON = 240


def ranked(objects, vectors, *, per_group=20, **options):
    """Score all objects; the table by object_id, and the neighbours."""
    options = {"outlier_methods": ["knn"], "selection_min": 10, **options}
    given = {name: options.pop(name) for name in ("verdicts", "zero_shot") if name in options}
    ids = objects["object_id"].tolist()
    return score_objects(
        objects, images_of(objects, per_group=per_group), vectors, ids, settings=ScoreSettings(**options), **given
    )


@pytest.fixture(scope="module")
def street():
    """Cars and persons; then one horse, one odd car, and a stranger that the detector almost missed."""
    names = ["car"] * (N_COMMON // 2) + ["person"] * (N_COMMON // 2) + ["horse", "car", "dog"]
    vectors = [cluster(N_COMMON // 2, 1), cluster(N_COMMON // 2, 2), cluster(1, 7), cluster(1, 8), cluster(1, 9)]
    objects = boxes_of(names)
    objects.loc[N_COMMON + 2, ["origin", "confidence", "objectness"]] = ["proposal", 0.2, 0.2]
    return objects, np.concatenate(vectors)


def test_worked_example():
    generator = np.random.default_rng(0)
    common = generator.choice(["car", "person", "traffic light"], 1500).tolist()
    rare = generator.choice(["truck", "bicycle", "motorcycle", "trailer"], 500).tolist()
    objects = boxes_of(generator.permutation(common + rare).tolist())
    filtered = filter_objects(objects, settings=FilterSettings(selection="union"))
    counts = filtered["reason"].value_counts().to_dict()
    assert counts == {"not potentially rare": 1400, "keyword": 500, "diversity sample": 100}
    ids = filtered.loc[filtered["keep"], "object_id"].tolist()
    vectors = unit(generator.normal(size=(600, 512)))
    scores, _ = score_objects(objects, images_of(objects), vectors, ids, settings=ScoreSettings(selection="union"))
    assert scores["is_rare_class"].sum() == 180
    assert 60 <= scores["is_outlier"].sum() <= 120  # 60 of IsolationForest, 60 of LOF, joined
    assert (scores["selected"] == (scores["is_outlier"] | scores["is_rare_class"])).all()
    assert 180 <= scores["selected"].sum() <= 300
    assert set(scores.nsmallest(scores["selected"].sum(), "rank")["object_id"]) == set(
        scores.loc[scores["selected"], "object_id"]
    )


def test_planted_objects_come_first(street):
    scores, neighbours = ranked(*street)
    assert set(scores["rarity"].nlargest(3).index) == {N_COMMON, N_COMMON + 1, N_COMMON + 2}
    assert scores["rank"].tail(3).max() <= 12  # all three stand in one picture
    assert sorted(scores["rank"]) == list(range(1, len(scores) + 1))
    assert scores["selected"].sum() == 12  # 5 % of 243
    assert scores["rarity"].between(0, 1).all() and scores["quality"].between(0, 1).all()
    of_top = neighbours[neighbours["object_id"] == scores["object_id"].iloc[-3]]
    assert of_top["position"].tolist() == [1, 2, 3]
    assert of_top["similarity"].is_monotonic_decreasing
    common = scores.set_index("object_id").loc[neighbours["neighbour_id"], "selected"]
    assert not common.any()


def test_a_confidence_of_nearly_nothing_is_not_told_as_nothing(street):
    objects = street[0].copy()
    objects.loc[objects["origin"] == "proposal", "confidence"] = 0.0021
    for language, words in (("en", "at a confidence below 0.01"), ("ja", "信頼度 0.01 未満")):
        scores, _ = ranked(objects, *street[1:], language=language)
        assert words in scores["reason"].iloc[-1]


def test_reasons_name_what_is_rare_in_both_languages(street):
    scores, _ = ranked(*street)
    horse, car, dog = scores["reason"].tail(3)
    assert horse.startswith("the only detected 'horse' among 242 detected objects")
    assert "looks unlike the other 'car'" in car
    assert "almost missed" in dog and "0.20" in dog
    assert "'horse' is not among what roads are usually full of" in horse
    assert "usually full of" not in car
    assert scores["reason_codes"].iloc[-3].split(",")[0] == "only_one"
    japanese, _ = ranked(*street, language="ja")
    assert "ただ 1 つの「馬」" in japanese["reason"].iloc[-3]
    assert (japanese["reason_codes"] == scores["reason_codes"]).all()


def test_order_of_rows_does_not_matter(street):
    objects, vectors = street
    order = np.random.default_rng(0).permutation(len(objects))
    before, neighbours = ranked(objects, vectors, outlier_methods=OUTLIER_METHODS)
    after, neighbours_after = ranked(
        objects.iloc[order].reset_index(drop=True), vectors[order], outlier_methods=OUTLIER_METHODS
    )
    pd.testing.assert_frame_equal(after, before.iloc[order].reset_index(drop=True))
    pd.testing.assert_frame_equal(neighbours_after, neighbours)


def test_ranks_alone_are_those_of_the_scores(street):
    objects, vectors = street
    order = np.random.default_rng(4).permutation(len(objects))
    objects, vectors, settings = objects.iloc[order], vectors[order], ScoreSettings(outlier_methods=())
    given = (objects, images_of(objects), vectors, objects["object_id"].tolist())
    scores, _ = score_objects(*given, settings=settings)
    pd.testing.assert_frame_equal(rank_objects(*given, settings=settings), scores[["object_id", "rank"]])


def test_blurred_patch_is_held_back_not_hidden(street):
    objects, vectors = street
    blurred = objects.copy()
    blurred.loc[N_COMMON + 1, ["sharpness", "contrast"]] = [5.0, 0.01]
    scores, _ = ranked(blurred, vectors)
    assert scores["quality"].iloc[-2] < 0.1
    assert scores["rank"].iloc[-2] > 10
    assert "blurred" in scores["reason"].iloc[-2]


def test_what_stands_in_front_does_not_make_a_thing_strange(street):
    objects, vectors = street
    odd = objects.iloc[N_COMMON + 1]
    in_front = objects.iloc[[N_COMMON // 2]].assign(
        object_id="front-00", image_id=odd["image_id"], x_min=odd["x_min"] + 10, x_max=odd["x_max"] + 10, y_max=250.0
    )
    free, _ = ranked(objects, vectors)
    covered, _ = ranked(pd.concat([objects, in_front], ignore_index=True), np.r_[vectors, vectors[[N_COMMON // 2]]])
    assert covered["hidden"].iloc[N_COMMON + 1] == pytest.approx(70 / 80)
    assert covered["hidden"].drop(index=N_COMMON + 1).max() == 0
    assert covered["rarity"].iloc[N_COMMON + 1] < free["rarity"].iloc[N_COMMON + 1] / 2
    assert "hides 88% of it" in covered["reason"].iloc[N_COMMON + 1]


def test_false_proposal_stays_below_a_rare_object(street):
    objects, vectors = street
    road = objects.copy()
    small = {"class_name": "car", "confidence": 0.03, "objectness": 0.03, "sharpness": 30.0, "contrast": 0.02}
    road.loc[N_COMMON + 2, list(small)] = list(small.values())
    scores, _ = ranked(road, vectors)
    assert scores["rank"].iloc[-1] > 12


def test_burst_of_one_event_is_one_entry(street):
    objects, vectors = street
    noise = 0.01 * np.random.default_rng(0).normal(size=(20, vectors.shape[1]))
    more = boxes_of(["horse"] * 20, per_image=1).assign(image_id=[f"{n:012x}" for n in range(500, 520)])
    more["object_id"] = more["image_id"] + "-00"
    table = pd.concat([objects, more], ignore_index=True)
    scores, _ = ranked(table, np.concatenate([vectors, unit(vectors[N_COMMON] + noise)]))
    burst = scores[table["class_name"] == "horse"]
    assert burst["event"].nunique() == 1
    assert (burst["event_size"] == 21).all()
    assert burst["selected"].sum() <= 1
    assert burst["reason"].str.contains("stands for 21 views").sum() == 1
    assert scores["selected"].iloc[[N_COMMON + 1, N_COMMON + 2]].all()


def test_max_per_group_spreads_the_selection(street):
    objects, vectors = street
    scores, _ = ranked(objects, vectors, max_per_group=3)
    drives = images_of(objects).set_index("image_id")["group"]
    of_drive = objects["image_id"].map(drives)[scores["selected"].to_numpy()].value_counts()
    assert of_drive.max() <= 3


def test_verdicts_move_objects(street):
    objects, vectors = street
    verdicts = np.full(len(objects), np.nan)
    verdicts[[0, N_COMMON]] = [1, 0]
    scores, _ = ranked(objects, vectors, verdicts=verdicts)
    assert scores["rank"].iloc[0] == 1 and scores["rank"].iloc[N_COMMON] > N_COMMON - 20
    assert scores["reason_codes"].iloc[0].startswith("verdict_rare")
    plain, _ = ranked(objects, vectors)  # what verdicts are held against must not have used them
    assert scores["rank_before_verdicts"].tolist() == plain["rank_before_verdicts"].tolist()
    assert scores["rank"].tolist() != plain["rank"].tolist()
    assert plain["rank_before_verdicts"].tolist() == plain["rank"].tolist()  # the first of it are what is shown
    assert draw_for_precision(scores) == draw_for_precision(plain)


def test_what_verdicts_teach_is_the_order_shown(street):
    objects, vectors = street
    verdicts = np.full(len(objects), np.nan)
    verdicts[[3, 4]] = [1, 0]
    scores, _ = ranked(objects, vectors, verdicts=verdicts)
    shown = scores[scores["selected"]].sort_values("rank")
    assert shown["rarity"].is_monotonic_decreasing and len(shown) > 5
    # the three strangers stand in one picture: before, each took from the next
    before = scores.sort_values("rank_before_verdicts").head(10)
    assert not before["rarity"].is_monotonic_decreasing


def test_phrase_that_fits_better_is_told(street):
    objects, vectors = street
    ids = objects["object_id"]
    zero_shot = pd.DataFrame({"object_id": ids, "phrase": "car", "similarity": 0.3, "class_similarity": 0.3})
    zero_shot.loc[200, ["phrase", "similarity", "class_similarity"]] = ["horse", 0.35, 0.2]
    with_phrases, _ = ranked(objects, vectors, zero_shot=zero_shot)
    without, _ = ranked(objects, vectors)
    assert with_phrases["rarity"].iloc[200] > without["rarity"].iloc[200]
    assert "detected as 'person' but looks more like 'horse'" in with_phrases["reason"].iloc[200]


@pytest.mark.parametrize("selection", ["ranked", "union"])
@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_few_or_equal_objects(n, selection):
    objects = boxes_of(["car"] * n) if n else boxes_of(["car"]).head(0)
    for vectors in (cluster(n, 0), np.tile(cluster(1, 0), (n, 1))):
        scores, neighbours = ranked(objects, vectors, selection=selection, outlier_methods=OUTLIER_METHODS)
        assert len(scores) == n
        assert np.isfinite(scores.select_dtypes("number")).all().all()
        assert scores["reason"].str.len().gt(0).all()
        assert list(neighbours) == ["object_id", "neighbour_id", "position", "similarity"]


def test_wrong_calls_say_what_is_wrong(street):
    objects, vectors = street
    with pytest.raises(ValueError, match=r"must be ranked, union, fdr\. Got 'best' instead"):
        ranked(objects, vectors, selection="best")
    with pytest.raises(ValueError, match=r"must be ranked, union, fdr\. Got 'best' instead"):
        filter_objects(objects, settings=FilterSettings(selection="best"))
    with pytest.raises(ValueError, match="'nowhere-00' has a vector but no row"):
        score_objects(objects, images_of(objects), vectors[:1], ["nowhere-00"])
    with pytest.raises(ValueError, match=r"one row of vectors for each object id\. Got 2 rows for 3 ids"):
        score_objects(objects, images_of(objects), vectors[:2], objects["object_id"].tolist()[:3])


def test_options_may_be_given_by_name(street):
    objects, vectors = street
    ids = objects["object_id"].tolist()
    by_name = score_objects(objects, images_of(objects), vectors, ids, settings={"selection_share": 0.5, "seed": 3})[0]
    settings = ScoreSettings(selection_share=0.5, seed=3)
    pd.testing.assert_frame_equal(
        by_name, score_objects(objects, images_of(objects), vectors, ids, settings=settings)[0]
    )
    kept = filter_objects(objects, settings={"common_per_class": 1})
    pd.testing.assert_frame_equal(kept, filter_objects(objects, settings=FilterSettings(common_per_class=1)))
    with pytest.raises(ValueError, match="Unknown parameter 'selecton'"):
        score_objects(objects, images_of(objects), vectors, ids, settings={"selecton": "fdr"})


def test_filter_keeps_what_may_be_rare_and_a_sample_of_the_rest():
    objects = boxes_of(["car"] * 300 + ["dump truck"] * 40 + ["horse"] * 2 + ["person"] * 2)
    objects.loc[343, "origin"] = "proposal"
    filtered = filter_objects(objects, settings=FilterSettings(potential_rare_keywords=("Truck",), common_per_class=60))
    kept = filtered[filtered["keep"]].merge(objects, on="object_id")
    assert kept["class_name"].value_counts().to_dict() == {"car": 60, "dump truck": 40, "horse": 2, "person": 2}
    reasons = kept.groupby("class_name")["reason"].unique().map(set).to_dict()
    assert reasons["horse"] == {"rare in this data"}
    assert reasons["dump truck"] == {"keyword"}
    assert reasons["person"] == {"rare in this data", "proposal"}
    assert set(filtered.loc[~filtered["keep"], "reason"]) == {"common, thinned out"}


def test_thinning_takes_equally_from_each_drive():
    objects = boxes_of(["car"] * 1000)
    images = images_of(objects)
    images["group"] = ["short"] * 5 + ["long"] * 95
    groups = images.set_index("image_id")["group"]
    filtered = filter_objects(objects, groups=groups, settings=FilterSettings(common_per_class=80))
    of_drive = objects.loc[filtered["keep"].to_numpy(), "image_id"].map(groups).value_counts()
    assert of_drive.to_dict() == {"short": 40, "long": 40}


@pytest.mark.parametrize("selection", ["ranked", "union"])
def test_filter_does_not_depend_on_the_order_of_rows(selection):
    objects = boxes_of(np.random.default_rng(0).choice(["car", "person", "truck"], 400).tolist())
    options = {"selection": selection, "potential_rare_keywords": ("truck",), "common_per_class": 50, "seed": 5}
    options["potential_rare_share"] = 0.9
    before = filter_objects(objects, settings=FilterSettings(**options))
    order = np.random.default_rng(1).permutation(400)
    after = filter_objects(objects.iloc[order], settings=FilterSettings(**options))
    pd.testing.assert_frame_equal(after, before.iloc[order].reset_index(drop=True))


def test_filter_can_be_off_and_empty():
    objects = boxes_of(["car"] * 5)
    assert filter_objects(objects, settings=FilterSettings(early_filter=False))["keep"].all()
    japanese = filter_objects(objects, settings=FilterSettings(early_filter=False, language="ja"))
    assert set(japanese["reason"]) == {"早期フィルタなし"}
    assert filter_objects(objects.head(0)).empty


def test_with_fdr_as_many_are_selected_as_can_be_believed(street):
    objects, vectors = street
    strange = np.concatenate([cluster(1, 100 + seed) for seed in range(30)])
    more = boxes_of(["horse", "cow", "sheep", "goat", "zebra", "bear"] * 5, per_image=1).assign(
        image_id=[f"{n:012x}" for n in range(600, 630)]
    )
    more["object_id"] = more["image_id"] + "-00"
    table, rows = pd.concat([objects, more], ignore_index=True), np.concatenate([vectors, strange])
    scores, _ = ranked(table, rows, selection="fdr", fdr_level=0.2, per_group=1)
    chosen = scores["selected"].to_numpy()
    rare = np.arange(len(scores)) >= N_COMMON
    assert chosen[rare].sum() >= 25
    assert (chosen & ~rare).sum() <= 0.3 * chosen.sum()
    nothing, _ = ranked(objects, vectors, selection="fdr", fdr_level=0.01)
    assert nothing["selected"].sum() == 0
