"""The family of the embedded model: one small latent vector per image."""

from wm_planner.models.latent.model import LatentWorldModel

__all__ = ["LatentWorldModel"]
