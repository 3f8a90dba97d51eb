"""Ways to order the same boxes: our default, its signs one by one left out, single methods, and what others offer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
from quality_data import PictureSet

from rarelib.params import OUTLIER_METHODS
from rarelib.ranking import signs
from rarelib.ranking.early_filter import filter_objects
from rarelib.ranking.outliers import outlier_scores
from rarelib.ranking.scoring import score_objects
from rarelib.settings import FilterSettings, ScoreSettings

OURS, DETECTED_ONLY, PLAIN = "**rarelib default**", "rarelib, detected boxes only", "plain recipe"
SIGNS = signs.SIGNS  # of the ranking
Scorer = Callable[[np.ndarray, int], np.ndarray]
Ranking = tuple[np.ndarray, np.ndarray]  # scores, and the order in which objects are shown; higher is rarer, first


def scorers() -> dict[str, Scorer]:
    """Return what gives each row of vectors a score, higher is rarer, by name."""
    own = {
        method: lambda vectors, seed, method=method: outlier_scores(vectors, methods=[method], seed=seed)[method]
        for method in OUTLIER_METHODS
        if not method.startswith("class_conditional") and method != "lof_per_class"
    }
    return {"random": lambda vectors, seed: np.random.default_rng(seed).random(len(vectors)), **own, **peers()}


def peers() -> dict[str, Scorer]:
    """Return PyOD's and cleanlab's own scores with their own defaults; none where they are not installed."""
    try:
        from cleanlab.outlier import OutOfDistribution
        from pyod.models.ecod import ECOD
        from pyod.models.iforest import IForest
        from pyod.models.knn import KNN
    except ImportError:
        return {}

    def cleanlab(vectors: np.ndarray, seed: int) -> np.ndarray:
        neighbours = min(10, len(vectors) - 1)
        return -OutOfDistribution({"k": neighbours}).fit_score(features=vectors, verbose=False)

    return {
        "PyOD ECOD": lambda vectors, seed: ECOD().fit(vectors).decision_scores_,
        "PyOD IForest": lambda vectors, seed: IForest(random_state=seed).fit(vectors).decision_scores_,
        "PyOD KNN": lambda vectors, seed: KNN().fit(vectors).decision_scores_,
        "cleanlab OutOfDistribution": cleanlab,
    }


def score_pictures(pictures: PictureSet, seed: int) -> Iterator[tuple[str, PictureSet, Ranking]]:
    """Yield each way with the boxes it orders and its ranking; our default orders proposals too, as shipped."""
    detected = pictures.detected()
    for name, scores in single_scores(detected, seed).items():
        yield name, detected, (scores, scores)
    yield PLAIN, detected, rank_plainly(detected, seed)
    yield DETECTED_ONLY, detected, rank_by_default(detected, seed)
    yield OURS, pictures, rank_by_default(pictures, seed)


def single_scores(detected: PictureSet, seed: int) -> dict[str, np.ndarray]:
    """Return the scores that need no ranking of ours, by name."""
    classes = detected.objects["class_name"]
    found = {
        "class frequency": -classes.map(classes.value_counts()).to_numpy(float),
        "1 - confidence": 1 - detected.objects["confidence"].to_numpy(float),
    }
    found |= {name: score(detected.vectors, seed) for name, score in scorers().items()}
    by_class = {"methods": ["class_conditional_knn"], "class_names": classes.to_numpy(str), "seed": seed}
    return found | outlier_scores(detected.vectors, **by_class)


def rank_by_default(pictures: PictureSet, seed: int) -> Ranking:
    """Return rarity, and minus the rank, as the shipped default has them."""
    scores = score_by_default(pictures, seed)
    return scores["rarity"].to_numpy(float), -scores["rank"].to_numpy(float)


def score_by_default(pictures: PictureSet, seed: int) -> pd.DataFrame:
    """Return the scores table of the shipped default, in the order of the objects."""
    ids = pictures.objects["object_id"].tolist()
    options = {"zero_shot": pictures.zero_shot, "settings": ScoreSettings(seed=seed)}
    return score_objects(pictures.objects, pictures.images, pictures.vectors, ids, **options)[0]


def rank_plainly(pictures: PictureSet, seed: int) -> Ranking:
    """Return the same of the plain recipe; what its early filter leaves out comes last, all alike."""
    objects = pictures.objects
    keep = filter_objects(objects, settings=FilterSettings(selection="union", seed=seed))["keep"].to_numpy(bool)
    rarity, order = np.full(len(objects), -1.0), np.full(len(objects), -float(len(objects)))
    ids = objects.loc[keep, "object_id"].tolist()
    settings = ScoreSettings(selection="union", seed=seed)
    scores, _ = score_objects(objects, pictures.images, pictures.vectors[keep], ids, settings=settings)
    rarity[keep], order[keep] = scores["rarity"], -scores["rank"]
    return rarity, order


@contextmanager
def weights(changes: Mapping[str, float]) -> Iterator[None]:
    """Rank with other weights of some signs, by their names, for a while."""
    before = signs.SIGNS
    signs.SIGNS = tuple(replace(sign, weight=changes.get(sign.name, sign.weight)) for sign in before)
    try:
        yield
    finally:
        signs.SIGNS = before


def without_each_sign(pictures: PictureSet, seed: int) -> Iterator[tuple[str, Ranking]]:
    """Yield the default ranking with each of its signs left out, by the sign's name, and first with none left out."""
    yield "none", rank_by_default(pictures, seed)
    for sign in SIGNS:
        with weights({sign.name: 0.0}):
            yield sign.name, rank_by_default(pictures, seed)
