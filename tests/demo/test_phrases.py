"""Where phrases of the demo CLIP go: to what they are true of, and where no crop is."""

import numpy as np
import torch
from planted import unit

from rarelib.demo.train.learning import SCALE
from rarelib.demo.train.phrases import far_from


def test_the_far_direction_is_far_from_the_nearest_crop():
    rng = np.random.default_rng(0)
    vectors = torch.from_numpy(unit(rng.normal(size=(500, 16)) + 3 * np.eye(16)[0]).astype(np.float32))
    far = far_from(vectors)
    assert torch.isclose(far.norm(), torch.tensor(1.0))
    assert (vectors @ far).max() < 0
    others = torch.from_numpy(unit(rng.normal(size=(200, 16))).astype(np.float32))
    near = torch.logsumexp(SCALE * vectors @ torch.cat([far[None], others]).T, dim=0)
    assert near[0] < near[1:].min()
