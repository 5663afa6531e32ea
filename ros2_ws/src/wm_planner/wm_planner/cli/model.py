"""The doctor's look at a model: alone, on a data set or a bag, and on a task."""

from __future__ import annotations

import argparse
from pathlib import Path

from wm_planner.cli.camera import Contract
from wm_planner.cli.errors_as_findings import Told
from wm_planner.cli.recording import examine_episode
from wm_planner.cli.report import Section
from wm_planner.cli.subject import Subject
from wm_planner.cli.task import examine_states, examine_task
from wm_planner.diagnosis import bag_episode, checkpoint, data_set
from wm_planner.diagnosis.bag import Topics
from wm_planner.models.loading import load


def examine(arguments: argparse.Namespace, contract: Contract) -> list[Section]:
    """Examine a model with all that the arguments give.

    Args:
        arguments: The command's.
        contract: Holds the model's spec and the settings.

    Returns:
        A section for the weights, and one for each recording or task.
    """
    assert contract.spec is not None
    weights = Section("weights")
    sections = [weights]
    weights.results += filter(None, [checkpoint.epochs(contract.spec.training)])
    directory = Path(arguments.model).expanduser()
    subject = None
    with Told(weights, "weights"):
        device = contract.config.model.device
        model = load(directory, device, allow_unverified_statistics=True)
        weights.facts["device"] = str(model.device)
        subject = Subject(model, contract, weights)
    if subject is None:  # its sentence is in the section
        return sections
    subject.examine_alone(directory, arguments.encoder)
    if arguments.dataset is not None:
        sections += _data_set(subject, arguments)
    if arguments.bag is not None:
        sections.append(_bag(subject, arguments))
    if arguments.goal_image is not None:
        sections.append(examine_task(subject, arguments))
    elif arguments.proprio or arguments.goal_proprio:
        sections.append(Section("state"))
        examine_states(subject, arguments, sections[-1])
    return sections


def _data_set(subject: Subject, arguments: argparse.Namespace) -> list[Section]:
    """The statistics of a data set, and an episode of it."""
    section = Section(f"data set {arguments.dataset}")
    data = None
    with Told(section, "dataset"):
        data = data_set.open_set(arguments.dataset, arguments.dataset_kind, subject.spec)
        section.facts |= {"kind": data.kind, "episodes": len(data)}
        section.results += data_set.statistics(subject.spec, data)
        section.results += data_set.names(subject.spec, data)
    if data is None:
        return [section]
    recording = Section(f"episode {arguments.episode} of {arguments.dataset}")
    with Told(recording, "episode"):
        episode = data_set.episode(subject.spec, data, arguments.episode)
        examine_episode(subject, episode, recording, arguments.windows)
    return [section, recording]


def _bag(subject: Subject, arguments: argparse.Namespace) -> Section:
    """What a recorded bag tells."""
    section = Section(f"bag {arguments.bag}")
    named = {role: getattr(arguments, f"{role}_topic") for role in Topics.__annotations__}
    topics = Topics(**{role: name for role, name in named.items() if name})
    with Told(section, "bag"):
        policy = subject.contract.policy
        episode = bag_episode.episode(arguments.bag, subject.spec, topics, policy)
        examine_episode(subject, episode, section, arguments.windows)
    return section
