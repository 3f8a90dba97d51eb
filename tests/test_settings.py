"""Settings are the parameters of their stage under the same names, with the same defaults."""

from dataclasses import FrozenInstanceError, fields

import pytest

from rarelib.params import ParameterError, Params
from rarelib.settings import SelectSettings, Settings

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


@pytest.mark.parametrize("settings", EVERY)
def test_functions_take_settings_parameters_or_options_by_name(settings):
    params = Params(seed=3, sampling_rate=0.5, language="ja", conf=0.5, device="cpu")
    first = fields(settings)[0].name
    assert settings.taken(None) == settings.taken({}) == settings()
    assert settings.taken(params) == settings.taken(settings.of(params)) == settings.of(params)
    assert settings.taken({first: getattr(params, first)}) == settings.of({first: getattr(params, first)})
    with pytest.raises(ParameterError, match="Unknown parameter"):
        settings.taken({first + "x": 1})
    with pytest.raises(ParameterError, match=f"'name' is no option of this stage, which has {first}"):
        settings.taken({"name": "x"})
    with pytest.raises(ParameterError, match="must be a mapping of parameters"):
        settings.taken(0.5)


def test_a_wrong_value_of_an_option_is_refused():
    with pytest.raises(ParameterError, match="'sampling_rate' parameter must be less than or equal to 1"):
        SelectSettings.taken({"sampling_rate": 2})
