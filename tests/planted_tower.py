"""An embedder whose text tower knows words, or plainly does not: groups of things lie near each other."""

import hashlib

import numpy as np

from rarelib.objects.naming import TEMPLATES
from rarelib.words.lexicon import lexicon_of

DIM = 96


def _direction(seed_text):
    seed = int.from_bytes(hashlib.sha256(seed_text.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=DIM)


def _unit(rows):
    rows = np.asarray(rows, float)
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


class PlantedTower:
    """Texts in English are near crops of what they name; other words are noise, as in a real CLIP."""

    def __init__(self, *, knows=True, reads=lambda word: True):
        self.dim, self.about, self.has_text = DIM, {"model": "planted"}, True
        self._knows, self._reads = knows, reads
        self.asked = []

    def embed_texts(self, texts):
        self.asked += texts
        return np.stack([self._text(text) for text in texts])

    def reads(self, names):
        return np.array([all(map(self._reads, name.split())) for name in names], bool)

    def _text(self, text):
        for template in TEMPLATES:
            before, after = template.split("{}")
            if text.startswith(before) and text.endswith(after):
                return self.thing(text[len(before) : len(text) - len(after)])
        raise AssertionError(text)

    def thing(self, name):
        """Return the direction that a name has for this tower."""
        thing = lexicon_of().thing(name) if name.isascii() else None
        if not self._knows or thing is None:
            return _unit(_direction(f"noise {name}"))
        return true_direction(thing.name)


def true_direction(name):
    """Return the direction of crops that show a thing."""
    thing = lexicon_of().thing(name)
    return _unit(_direction(thing.name) + 0.7 * _direction(f"group {thing.group}"))


def crops_of(names, *, seed=0, noise=0.08):
    """Return unit rows (n, DIM) of crops that show these things."""
    rng = np.random.default_rng(seed)
    return _unit([true_direction(name) + noise * rng.normal(size=DIM) for name in names])
