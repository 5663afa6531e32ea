"""DINO-WM's data sets: their numbers and images, and the statistics a training took from them."""

from wm_planner.models.dino_wm.datasets.compare import Match, QuantityMatch, compare
from wm_planner.models.dino_wm.datasets.data import Data, Episode
from wm_planner.models.dino_wm.datasets.files import DataError
from wm_planner.models.dino_wm.datasets.image_statistics import (
    ImageStatistics,
    image_statistics,
)
from wm_planner.models.dino_wm.datasets.reading import KINDS, kind_of, read, read_configured
from wm_planner.models.dino_wm.datasets.statistics_file import read_statistics

__all__ = [
    "KINDS",
    "Data",
    "DataError",
    "Episode",
    "ImageStatistics",
    "Match",
    "QuantityMatch",
    "compare",
    "image_statistics",
    "kind_of",
    "read",
    "read_configured",
    "read_statistics",
]
