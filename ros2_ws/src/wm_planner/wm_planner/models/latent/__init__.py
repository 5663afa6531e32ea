"""The embedded default: a keypoint encoder and a gated predictor in one small latent."""

from wm_planner.models.latent.model import LatentWorldModel

__all__ = ["LatentWorldModel"]
