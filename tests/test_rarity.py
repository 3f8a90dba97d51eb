import numpy as np
from planted import boxes_of, images_of, unit

from rarelib.params import RARE_KEYWORDS
from rarelib.rarity import filter_objects, score_objects


def test_worked_example():
    generator = np.random.default_rng(0)
    common = generator.choice(["car", "person", "traffic light"], 1500).tolist()
    rare = generator.choice(["truck", "bicycle", "motorcycle", "trailer"], 500).tolist()
    objects = boxes_of(generator.permutation(common + rare).tolist())
    filtered = filter_objects(objects, selection="union", keywords=RARE_KEYWORDS)
    assert filtered["reason"].value_counts().to_dict() == {
        "not potentially rare": 1400,
        "keyword": 500,
        "diversity sample": 100,
    }
    ids = filtered.loc[filtered["keep"], "object_id"].tolist()
    vectors = unit(generator.normal(size=(600, 512)))
    scores, _ = score_objects(objects, images_of(objects), vectors, ids, selection="union")
    assert scores[["is_outlier", "is_rare_class"]].sum().tolist() == [60, 180]
    assert (scores["selected"] == (scores["is_outlier"] | scores["is_rare_class"])).all()
    assert 180 <= scores["selected"].sum() <= 240
