import pytest
import torch

from wm_planner.planning import Objective, SettingsError


@pytest.fixture
def distances():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 7, 6, generator=generator), torch.rand(2, 7, 6, generator=generator)


def test_last_takes_the_last_frame(distances):
    visual, proprio = distances
    cost = Objective("last", alpha=0.5)(visual, proprio)
    torch.testing.assert_close(cost, visual[..., -1] + 0.5 * proprio[..., -1])


def test_all_weighs_every_frame_and_divides_by_their_number_once_more(distances):
    visual, proprio = distances
    weights = [2.0**i for i in range(6)]
    expected = sum(
        w / sum(weights) * (visual[..., i] + 1.5 * proprio[..., i]) for i, w in enumerate(weights)
    )
    cost = Objective("all", base=2.0, alpha=1.5)(visual, proprio)
    torch.testing.assert_close(cost, expected / 6)


def test_mean_leaves_out_the_observed_frame(distances):
    visual, _ = distances
    torch.testing.assert_close(Objective("mean")(visual), visual[..., 1:].mean(-1))


def test_mean_of_a_single_frame_is_that_frame():
    assert Objective("mean")(torch.full((1, 1, 1), 3.0)).item() == 3.0


def test_alpha_zero_ignores_the_proprio_even_where_it_is_nan(distances):
    visual, proprio = distances
    cost = Objective("last", alpha=0.0)(visual, proprio * torch.nan)
    torch.testing.assert_close(cost, visual[..., -1])


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"mode": "staged"}, "mode"), ({"base": 0}, "base"), ({"alpha": -1}, "alpha")],
)
def test_settings_out_of_range_are_refused_by_name(settings, name):
    with pytest.raises(SettingsError, match=name):
        Objective(**settings)


def test_shapes_that_differ_are_refused():
    with pytest.raises(SettingsError, match="distances"):
        Objective()(torch.zeros(1, 2, 3), torch.zeros(1, 2, 4))
