"""English plurals: a word's singular, the same for both."""

from __future__ import annotations

IRREGULAR = {
    "people": "person", "persons": "person", "men": "man", "women": "woman", "children": "child", "mice": "mouse",
    "geese": "goose", "feet": "foot", "teeth": "tooth", "oxen": "ox", "wolves": "wolf", "calves": "calf",
    "knives": "knife", "leaves": "leaf", "shelves": "shelf", "loaves": "loaf", "scarves": "scarf", "wives": "wife",
    "lives": "life", "hooves": "hoof", "thieves": "thief", "elves": "elf", "halves": "half", "dice": "die",
    "buses": "bus", "busses": "bus", "gases": "gas", "lenses": "lens", "octopuses": "octopus", "cacti": "cactus",
    "debris": "debris", "news": "news", "chassis": "chassis", "atlas": "atlas", "canvas": "canvas", "pampas": "pampas",
    "christmas": "christmas", "movies": "movie", "cookies": "cookie", "pies": "pie", "ties": "tie", "hoodies": "hoodie",
    "brownies": "brownie", "zombies": "zombie", "collies": "collie", "axes": "axe", "shoes": "shoe", "horses": "horse",
    "nurses": "nurse", "houses": "house", "noses": "nose", "hoses": "hose", "roses": "rose", "vases": "vase",
    "cases": "case", "suitcases": "suitcase", "briefcases": "briefcase", "purses": "purse", "corpses": "corpse",
    "axles": "axle", "hearses": "hearse", "blouses": "blouse", "gooses": "goose", "mongooses": "mongoose",
    "potatoes": "potato", "tomatoes": "tomato", "mosquitoes": "mosquito", "torpedoes": "torpedo", "heroes": "hero",
    "buffaloes": "buffalo", "cargoes": "cargo", "mangoes": "mango", "caches": "cache", "moustaches": "moustache",
    "policemen": "policeman", "firemen": "fireman", "snowmen": "snowman", "workmen": "workman", "seamen": "seaman",
    "lens": "lens", "glasses": "glasses", "taxis": "taxi", "skis": "ski", "policewomen": "policewoman",
}  # fmt: skip
HISSING = ("sses", "shes", "ches", "xes", "zzes")
UNCHANGED = ("ss", "us", "is")  # glass, bus, tennis


def singular(word: str) -> str:
    """Return the singular of an English word in lower case; a word that is none, or of another language, stays."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) < 4 or not word.isascii() or not word.endswith("s") or word.endswith(UNCHANGED):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(HISSING) else word[:-1]
