"""DINO-WM's data sets: their numbers and pictures, and the statistics a training took from them."""

from wm_planner.models.dino_wm.datasets.compare import Match, QuantityMatch, compare
from wm_planner.models.dino_wm.datasets.data import Data, Episode
from wm_planner.models.dino_wm.datasets.files import DataError
from wm_planner.models.dino_wm.datasets.picture_statistics import (
    PictureStatistics,
    picture_statistics,
)
from wm_planner.models.dino_wm.datasets.reading import KINDS, kind_of, read, read_configured
from wm_planner.models.dino_wm.datasets.statistics_file import read_statistics

__all__ = [
    "KINDS",
    "Data",
    "DataError",
    "Episode",
    "Match",
    "PictureStatistics",
    "QuantityMatch",
    "compare",
    "kind_of",
    "picture_statistics",
    "read",
    "read_configured",
    "read_statistics",
]
