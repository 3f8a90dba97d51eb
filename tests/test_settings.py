"""Settings are the parameters of their stage under the same names, with the same defaults."""

from dataclasses import FrozenInstanceError, fields

import pytest

from rarelib.params import Params
from rarelib.settings import Settings

EVERY = Settings.__subclasses__()


@pytest.mark.parametrize("settings", EVERY)
def test_defaults_are_those_of_the_parameters(settings):
    params, made = Params(), settings()
    for each in fields(settings):
        default = getattr(params, each.name)
        assert getattr(made, each.name) == (tuple(default) if isinstance(default, list) else default)
    assert settings.of(params) == made == settings.of({})


@pytest.mark.parametrize("settings", EVERY)
def test_values_are_taken_by_name_and_others_passed_over(settings):
    first = fields(settings)[0].name
    made = settings.of({first: "planted", "of_another_stage": 1})
    assert getattr(made, first) == "planted"
    with pytest.raises(FrozenInstanceError):
        setattr(made, first, "changed")


def test_lists_become_tuples_so_that_settings_can_be_compared_and_hashed():
    from rarelib.settings import ScoreSettings

    assert ScoreSettings.of({"outlier_methods": ["lof"]}).outlier_methods == ("lof",)
    assert hash(ScoreSettings())
