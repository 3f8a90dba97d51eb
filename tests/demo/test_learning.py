"""How the demo CLIP learns: what a crop may be taken for, how often each kind is drawn, and what a step looks at."""

import numpy as np
import pytest
import torch

from rarelib.demo.draw.kinds import NAMELESS
from rarelib.demo.draw.strangers import FAMILIES
from rarelib.demo.train.learning import embed_part, even_chances, is_ordinary, kind_loss, own_kinds, vary
from rarelib.models.weights import demo_model

LABELS = np.array(["car", "cow", "any animal", "pig", "cow", "piano", "scenery"])


def test_a_thing_without_a_name_may_be_any_of_its_family():
    kinds, of_label, number = own_kinds(LABELS)
    assert kinds.tolist() == ["car", "cow", "piano", "pig", "scenery"]
    assert [kinds[own].tolist() for own in of_label[number]] == [
        ["car"], ["cow"], ["cow", "pig"], ["pig"], ["cow"], ["piano"], ["scenery"]
    ]  # fmt: skip


def test_every_thing_without_a_name_has_the_family_that_draws_it():
    for kind, family in zip(NAMELESS, FAMILIES, strict=True):
        _, of_label, number = own_kinds(np.array([kind.name, *family.kinds, "car"]))
        assert of_label[number[0]].sum() == len(family.kinds)


@pytest.mark.parametrize(("cosine_of", "right"), [("cow", True), ("pig", True), ("car", False), ("piano", False)])
def test_the_loss_of_a_thing_without_a_name_is_low_near_any_of_its_family(cosine_of, right):
    kinds, of_label, number = own_kinds(LABELS)
    cosines = torch.from_numpy(np.where(kinds == cosine_of, 0.8, 0.0))[None]
    loss = kind_loss(cosines, torch.from_numpy(of_label[number[2]])[None]).item()
    assert (loss < 0.01) == right and loss > 0


def test_with_one_kind_the_loss_is_cross_entropy_with_a_margin():
    cosines = torch.tensor([[0.5, 0.2, -0.1], [0.1, 0.3, 0.9]])
    own = torch.tensor([[True, False, False], [False, True, False]])
    logits = 24.0 * (cosines - 0.1 * own.float())
    wanted = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1]))
    assert torch.isclose(kind_loss(cosines, own), wanted)


def test_ordinary_kinds_are_half_of_what_is_drawn_and_things_without_a_name_a_quarter():
    labels = np.repeat(["car", "bus", "cow", "any animal", "any machine"], [500, 20, 30, 400, 10])
    chances = even_chances(labels)
    assert chances.sum() == pytest.approx(1)
    assert chances[is_ordinary(labels)].sum() == pytest.approx(0.5)
    assert chances[np.char.startswith(labels, "any")].sum() == pytest.approx(0.25)
    assert chances[labels == "any machine"].sum() > 0.25 * 10 / 410  # more evenly than they are found
    assert even_chances(np.array(["car", "car"])).tolist() == [0.5, 0.5]


def test_all_patches_in_any_order_give_what_the_model_gives():
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(demo_model("clip_model")).float().eval()
    pictures, rng = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)), np.random.default_rng(0)
    with torch.no_grad():
        whole = torch.nn.functional.normalize(model.get_image_features(pixel_values=pictures).pooler_output, dim=1)
        assert torch.allclose(embed_part(model, pictures, 1.0, rng), whole, atol=1e-4)
        assert not torch.allclose(embed_part(model, pictures, 0.5, rng), whole, atol=1e-2)


def test_what_is_varied_stays_a_picture():
    views = np.random.default_rng(0).random((20, 16, 16, 3)).astype(np.float32)
    varied = vary(views.copy(), np.random.default_rng(1))
    assert varied.shape == views.shape and varied.dtype == np.float32
    assert varied.min() >= 0 and varied.max() <= 1 and not np.allclose(varied, views)
