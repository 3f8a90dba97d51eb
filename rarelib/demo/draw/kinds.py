"""Every kind of object in the demo world: how it is drawn, where it stands, what models may learn of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from . import people, rare, street, vehicles
from .body import Body
from .canvas import Colour
from .strangers import FAMILIES, DrawNameless, DrawStranger

COLOURS: dict[str, Colour] = {
    "white": (236, 236, 232),
    "black": (34, 34, 38),
    "grey": (140, 144, 148),
    "red": (186, 30, 34),
    "blue": (32, 74, 168),
    "green": (36, 116, 62),
    "yellow": (232, 190, 42),
    "orange": (230, 118, 28),
}
OTHER = "other object"  # the detector's class of street clutter, none of which is rare


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    `size_m` is (width, height, length); `place` says where it stands: in a lane, on the pavement, at the kerb,
    or anywhere on the road. `detector_class` is what a detector is to call it ("" for rare kinds, which the
    detector never learns). What is not `seen` is in the training of no model. Strangers are in the training of CLIP
    and in no run.
    """

    name: str
    role: Literal["common", "clutter", "rare", "odd", "stranger", "scenery"]
    draw: Callable[[Body, np.random.Generator, Colour], object]
    size_m: tuple[float, float, float]
    place: Literal["lane", "pavement", "kerb", "road"]
    weight: float = 1.0
    seen: bool = True
    coloured: bool = False
    detector_class: str = ""
    phrase: str = ""

    @property
    def narrow_m(self) -> float:
        """Return about how narrow it looks [m], which says from how far it can be told."""
        return min(*self.size_m[:2], 1.2)


def _common(name: str, draw: Callable, size: tuple, place: str, weight: float, *, coloured: bool = True) -> Kind:
    return Kind(name, "common", draw, size, place, weight, coloured=coloured, detector_class=name, phrase=f"a {name}")


def _clutter(
    name: str, draw: Callable, size: tuple, *, article: str = "a ", place: str = "pavement", coloured: bool = False
) -> Kind:
    return Kind(name, "clutter", draw, size, place, coloured=coloured, detector_class=OTHER, phrase=article + name)


def _rare(name: str, draw: Callable, size: tuple, place: str, *, seen: bool = True, article: str = "a ") -> Kind:
    return Kind(name, "rare", draw, size, place, seen=seen, phrase=article + name)


def _odd(name: str, of: str, draw: Callable, size: tuple, place: str, phrase: str, *, seen: bool = True) -> Kind:
    return Kind(name, "odd", draw, size, place, seen=seen, detector_class=of, phrase=phrase)


ALL_KINDS = (
    _common("car", vehicles.draw_car, (1.8, 1.5, 4.5), "lane", 6.0),
    _common("truck", vehicles.draw_truck, (2.5, 3.3, 7.6), "lane", 1.3),
    _common("bus", vehicles.draw_bus, (2.6, 3.1, 10.2), "lane", 0.8),
    _common("person", people.draw_person, (0.6, 1.75, 0.6), "pavement", 4.5),
    _common("bicycle", vehicles.draw_bicycle, (0.6, 1.3, 1.7), "kerb", 1.3),
    _common("motorcycle", vehicles.draw_motorcycle, (0.7, 1.3, 2.0), "kerb", 1.2),
    _common("traffic light", street.draw_traffic_light, (0.5, 4.6, 0.5), "pavement", 1.2, coloured=False),
    _common("stop sign", street.draw_stop_sign, (0.9, 2.6, 0.4), "pavement", 0.8, coloured=False),
    _clutter("bin", street.draw_bin, (0.7, 1.05, 0.7), coloured=True),
    _clutter("bench", street.draw_bench, (1.8, 0.85, 0.6)),
    _clutter("hydrant", street.draw_hydrant, (0.45, 0.8, 0.4)),
    _clutter("mailbox", street.draw_mailbox, (0.55, 1.2, 0.55)),
    _clutter("planter", street.draw_planter, (0.8, 1.3, 0.8)),
    _clutter("bush", street.draw_bush, (1.4, 1.1, 1.4)),
    _clutter("power cabinet", street.draw_cabinet, (1.2, 1.3, 0.6)),
    _clutter("bollard", street.draw_bollard, (0.25, 1.0, 0.25)),
    _clutter("vending machine", street.draw_vending_machine, (1.0, 1.85, 0.7), coloured=True),
    _clutter("advertising pillar", street.draw_pillar, (1.2, 3.0, 1.2), article="an "),
    _clutter("traffic sign", street.draw_road_sign, (0.8, 2.6, 0.2)),
    _clutter("rubbish bags", street.draw_bags, (1.1, 0.7, 0.8), article=""),
    _rare("excavator", rare.draw_excavator, (3.0, 3.4, 6.0), "lane", article="an "),
    _rare("tractor", rare.draw_tractor, (2.1, 2.6, 3.4), "lane"),
    _rare("trailer", rare.draw_trailer, (2.1, 2.2, 4.6), "lane"),
    _rare("boat on a trailer", rare.draw_boat_trailer, (2.1, 2.0, 5.6), "lane"),
    _rare("deer", people.draw_deer, (0.6, 1.7, 1.8), "road"),
    _rare("dog", people.draw_dog, (0.35, 0.75, 1.1), "road"),
    _rare("wheelchair", people.draw_wheelchair, (0.7, 1.4, 1.1), "road"),
    _rare("traffic cone", rare.draw_cone, (0.5, 0.85, 0.5), "road"),
    _rare("pallet of crates", rare.draw_pallet, (1.3, 1.0, 0.9), "road"),
    _rare("suitcase", rare.draw_suitcase, (0.6, 1.0, 0.4), "road"),
    _rare("horse", people.draw_horse, (0.8, 2.2, 2.6), "road", seen=False),
    _rare("road roller", rare.draw_road_roller, (1.9, 2.7, 3.8), "lane", seen=False),
    _rare("shopping cart", rare.draw_shopping_cart, (0.6, 1.0, 1.1), "road", seen=False),
    _rare("mattress", rare.draw_mattress, (1.5, 1.0, 1.8), "road", seen=False),
    _odd("overturned car", "car", rare.draw_overturned_car, (2.2, 1.5, 4.4), "lane", "an overturned car"),
    _odd("lying person", "person", people.draw_lying_person, (1.8, 0.5, 1.8), "road", "a person lying on the road"),
    _odd("spilled load", "truck", rare.draw_spilled_truck, (3.2, 2.8, 12.0), "lane", "a truck with a spilled load"),
    _odd(
        "fallen motorcycle",
        "motorcycle",
        vehicles.draw_fallen_motorcycle,
        (1.4, 0.7, 2.0),
        "road",
        "a fallen motorcycle",
    ),
    _odd("loaded car", "car", rare.draw_loaded_car, (1.8, 2.4, 4.5), "lane", "a car with a load on its roof"),
    _odd("car on fire", "car", rare.draw_car_on_fire, (1.9, 2.4, 4.6), "lane", "a car on fire", seen=False),
    _odd("bus on its side", "bus", rare.draw_bus_on_side, (3.2, 2.6, 10.2), "lane", "a bus on its side", seen=False),
    _odd(
        "bent stop sign",
        "stop sign",
        street.draw_bent_stop_sign,
        (2.2, 1.4, 0.4),
        "kerb",
        "a bent stop sign",
        seen=False,
    ),
)
STRANGERS = tuple(
    Kind(name, "stranger", DrawStranger(number, name), family.size_m, "road", phrase=name)
    for number, family in enumerate(FAMILIES)
    for name in family.kinds
)
# things of a family that are like no other, as many as all that have a name
NAMELESS = tuple(
    Kind(f"any {family.name}", "stranger", DrawNameless(number), family.size_m, "road", len(STRANGERS) / len(FAMILIES))
    for number, family in enumerate(FAMILIES)
)
# what a crop shows that holds no object: crops of it are cut, it is placed nowhere
SCENERY = Kind("scenery", "scenery", lambda body, rng, paint: None, (1, 1, 1), "road", phrase="a road")
# in training scenes only, so that "other object" means more than a dozen known shapes
SCULPTURE = _clutter("sculpture", street.draw_sculpture, (1.6, 1.6, 1.6), place="road", coloured=True)

KINDS = {kind.name: kind for kind in (*ALL_KINDS, *STRANGERS, *NAMELESS, SCENERY, SCULPTURE)}
UNSEEN_KINDS = tuple(kind.name for kind in ALL_KINDS if not kind.seen)
DETECTOR_CLASSES = (*(kind.name for kind in ALL_KINDS if kind.role == "common"), OTHER)


def kinds_of(*roles: str, seen_only: bool = False) -> list[Kind]:
    """Return the kinds with one of these roles, without the sculptures of training."""
    return [kind for kind in (*ALL_KINDS, *STRANGERS, *NAMELESS) if kind.role in roles and (kind.seen or not seen_only)]
