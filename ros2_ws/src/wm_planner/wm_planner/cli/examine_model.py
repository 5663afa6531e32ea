"""The doctor's sections on a model: alone, on a dataset or a bag, and on a task."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from wm_planner.cli.errors_as_findings import errors_as_findings
from wm_planner.cli.report import Section
from wm_planner.cli.run_checks import run_checks
from wm_planner.datasets import open_dataset
from wm_planner.diagnosis.bag import Topics
from wm_planner.diagnosis.bag_episode import bag_episode
from wm_planner.diagnosis.camera_examiner import CameraExaminer
from wm_planner.diagnosis.dataset_episode import dataset_episode
from wm_planner.diagnosis.episode import RecordingError
from wm_planner.diagnosis.examined import (
    ExaminedWithModel,
    GivenStates,
    LoadedModel,
    ModelDescription,
    MovedObject,
    OpenDataset,
    PlanningTasks,
    Predictions,
    Recording,
)
from wm_planner.diagnosis.model_calls import encode
from wm_planner.diagnosis.moved_frames import moved_frames
from wm_planner.diagnosis.planning_losses import PlanningTask
from wm_planner.files.home import expanded
from wm_planner.images.image_file import read_image_file
from wm_planner.models.device import unused_gpu
from wm_planner.models.loading import load
from wm_planner.models.protocol import Latent
from wm_planner.models.shared.compute import set_threads
from wm_planner.progress import Progress

TASKS = 3
"""Windows of an episode that are planned."""


def examine_model(
    arguments: argparse.Namespace, camera: CameraExaminer, progress: Progress
) -> list[Section]:
    """Examine a model with all that the arguments give.

    Args:
        arguments: The command's arguments.
        camera: Has the model's spec and the settings.
        progress: Shows how far the job is.

    Returns:
        A section on the weights, and one on each dataset, recording and task.
    """
    assert camera.spec is not None
    weights = Section("weights")
    sections = [weights]
    run_checks(ModelDescription(camera.spec), weights)
    directory = expanded(arguments.model)
    with errors_as_findings(weights, "weights"):
        set_threads(camera.config.worker.threads)
        device = camera.config.model.device
        with progress("loading the model"):
            model = load(directory, device, allow_unverified_statistics=True)
        weights.facts["device"] = str(model.device)
        if device == "auto" and model.device.type == "cpu" and (why := unused_gpu()):
            weights.notes.append(f"The GPU is not used, because {why}.")
        loaded = LoadedModel(model, camera, directory, arguments.encoder, progress)
        run_checks(loaded, weights, progress=progress)
        sections += _together_with(loaded, arguments, weights)
    return sections


def _together_with(
    loaded: LoadedModel, arguments: argparse.Namespace, weights: Section
) -> list[Section]:
    """Examine the model together with the dataset, bag, task or states given."""
    sections = []
    if arguments.dataset is not None:
        sections += _dataset(loaded, arguments, weights)
    if arguments.bag is not None:
        sections.append(_bag(loaded, arguments, weights))
    if arguments.moved is not None:
        before, after = arguments.moved
        sections.append(_moved(loaded, before, after, weights))
    if arguments.goal_image is not None:
        sections.append(_task(loaded, arguments, weights))
    elif arguments.proprio or arguments.goal_proprio:
        sections.append(Section("state"))
        states = GivenStates(loaded, arguments.proprio, arguments.goal_proprio, required=False)
        _run(states, sections[-1], weights)
    return sections


def _dataset(loaded: LoadedModel, arguments: argparse.Namespace, weights: Section) -> list[Section]:
    """Examine the statistics of a dataset, and an episode of it."""
    section = Section(f"dataset {arguments.dataset}")
    sections = [section]
    with errors_as_findings(section, "dataset"):
        with loaded.progress("reading the numbers of the dataset"):
            data = open_dataset(arguments.dataset, arguments.dataset_kind, loaded.spec)
        section.facts |= {"kind": data.kind, "episodes": len(data)}
        _run(OpenDataset(loaded, data), section, weights)
        recording = Section(f"episode {arguments.episode} of {arguments.dataset}")
        sections.append(recording)
        with errors_as_findings(recording, "episode"):
            episode = dataset_episode(loaded.spec, data, arguments.episode)
            _recording(Recording(loaded, episode, arguments.windows), recording, weights)
    return sections


def _bag(loaded: LoadedModel, arguments: argparse.Namespace, weights: Section) -> Section:
    """Examine the episode of a bag."""
    section = Section(f"bag {arguments.bag}")
    named = {role: getattr(arguments, f"{role}_topic") or "" for role in Topics.__annotations__}
    with errors_as_findings(section, "bag"):
        policy = loaded.camera.policy
        with loaded.progress("reading the bag"):
            episode = bag_episode(arguments.bag, loaded.spec, Topics(**named), policy)
        _recording(Recording(loaded, episode, arguments.windows), section, weights)
    return section


def _recording(recording: Recording, section: Section, weights: Section) -> None:
    """Examine an episode as far as it goes; raise ``RecordingError`` if it lacks something."""
    episode = recording.episode
    section.facts["model steps"] = episode.steps
    section.notes += episode.notes
    if not _run(recording, section, weights):
        return
    if episode.images is None:
        section.notes.append("No images were recorded: predictions cannot be examined.")
        return
    predictions = Predictions.of(recording)
    _run(predictions, section, weights)
    if pair := moved_frames(episode, recording.spec):
        before, after = (episode.images[frame] for frame in pair)
        _run(MovedObject(recording.loaded, before, after, pair), section, weights)
    encoded, windows = predictions.encoded, recording.windows
    tasks = [
        PlanningTask(
            encoded.frame(start),
            encoded.frame(start + windows.horizon),
            encoded.actions(start, windows.horizon),
        )
        for start in windows.starts[:: -(-len(windows.starts) // TASKS)]
    ]
    _run(PlanningTasks(recording.loaded, tasks, windows.horizon), section, weights)


def _task(loaded: LoadedModel, arguments: argparse.Namespace, weights: Section) -> Section:
    """Examine the states of a start and a goal, and plan from one to the other."""
    start, goal = arguments.image[0], arguments.goal_image
    section = Section(f"task {start} to {goal}")
    states = GivenStates(loaded, arguments.proprio, arguments.goal_proprio, required=True)
    if not _run(states, section, weights):
        return section
    with errors_as_findings(section, "task"):
        task = PlanningTask(
            _encoded(loaded, start, states.start), _encoded(loaded, goal, states.goal)
        )
        _run(PlanningTasks(loaded, [task], loaded.config.planning.horizon), section, weights)
    return section


def _moved(loaded: LoadedModel, before: Path, after: Path, weights: Section) -> Section:
    """Examine whether the model sees what was moved between two images."""
    section = Section(f"object moved from {before} to {after}")
    with errors_as_findings(section, "object_seen"):
        one, other = (read_image_file(path, loaded.camera.policy) for path in (before, after))
        if one.shape != other.shape or np.array_equal(one, other):
            raise RecordingError(
                f"{before} and {after} must be two different images of one camera, of the same "
                "size, between which only the object was moved"
            )
        _run(MovedObject(loaded, one, other), section, weights)
    return section


def _run(examined: ExaminedWithModel, section: Section, weights: Section) -> bool:
    """Run the checks of what is examined together with a model, and tell how far they are."""
    return run_checks(examined, section, weights, progress=examined.loaded.progress)


def _encoded(loaded: LoadedModel, path: Path, state: list[float] | None) -> Latent:
    image = read_image_file(path, loaded.camera.policy)
    proprio = np.array([state]) if loaded.spec.proprio.names else None
    return encode(loaded.model, image[None], proprio)
