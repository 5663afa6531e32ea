"""Datasets of recorded episodes: their numbers and images, and the statistics of a training.

A family of world models adds its kinds of datasets in a package of its own: one function that
reads a directory into a ``Dataset``, and one line in ``registry.KINDS``; a ``DatasetReader`` in
``readers.READERS`` opens the dataset that a spec describes. ``dino_wm`` is the example.
"""

from wm_planner.datasets.comparison import StatisticsMatch, compare
from wm_planner.datasets.dataset import Dataset, Episode
from wm_planner.datasets.dino_wm.training_config import read_configured
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.readers import open_dataset
from wm_planner.datasets.registry import KINDS, read
from wm_planner.datasets.statistics_file import read_statistics
from wm_planner.datasets.training_images import TrainingImages, measure_training_images

__all__ = [
    "KINDS",
    "Dataset",
    "DatasetError",
    "Episode",
    "StatisticsMatch",
    "TrainingImages",
    "compare",
    "measure_training_images",
    "open_dataset",
    "read",
    "read_configured",
    "read_statistics",
]
