"""The doctor's look at one recorded episode."""

from __future__ import annotations

from wm_planner.camera_contract import STOP
from wm_planner.cli.report import Section
from wm_planner.cli.subject import Subject
from wm_planner.cli.task import add_losses
from wm_planner.diagnosis import distribution, encoding, inputs, layout, losses, prediction
from wm_planner.diagnosis.episode import Episode
from wm_planner.diagnosis.frames import Encoded, windows

TASKS = 3
"""Stretches of an episode whose losses are measured."""


def examine_episode(subject: Subject, episode: Episode, section: Section, count: int) -> None:
    """Everything that one episode tells, as far as it goes.

    Args:
        subject: The model.
        episode: The recording.
        section: Takes the findings.
        count: Windows that are predicted.

    Raises:
        RecordingError: It lacks what a prediction needs.
    """
    spec = subject.spec
    section.facts["model steps"] = episode.steps
    section.notes += episode.notes
    columns = layout.columns(episode.rows, spec)
    section.results += columns
    if columns[0].verdict == STOP:  # another number of columns: the model cannot take them
        return
    section.results += layout.motion(episode, spec)
    section.results += filter(None, [distribution.recorded_actions(episode.rows, spec)])
    if episode.proprio is not None and spec.proprio.names:
        section.results.append(distribution.recorded_states(episode.proprio, spec))
    if episode.images is None:
        section.notes.append("No images were recorded: predictions cannot be examined.")
        return
    contract = subject.contract
    image = episode.images[len(episode.images) // 2]
    found = contract.measure(contract.monitor(), image, live=False)
    # Data sets hold images that were cropped before.
    section.results += [result for result in found if result.name != "aspect_ratio"]
    _predict(subject, episode, section, count)


def _predict(subject: Subject, episode: Episode, section: Section, count: int) -> None:
    model, calibration = subject.model, subject.spec.calibration
    chosen = windows(episode, subject.contract.config.planning.horizon, count)
    if (nothing := prediction.still(episode, chosen)) is not None:
        section.results.append(nothing)
        return
    encoded = Encoded(model, episode, chosen.frames)
    measured = prediction.measure(encoded, chosen)
    section.results.append(inputs.colors(model, episode, chosen, measured))
    section.results += inputs.action_use(encoded, chosen)
    if calibration is not None:
        section.results += encoding.latent_range(encoded, calibration)
    causes = subject.causes(section)
    section.results += prediction.errors(measured, causes)
    section.results.append(encoding.gap(encoded, chosen, causes))
    tasks = [
        losses.Task(
            encoded.frame(start),
            encoded.frame(start + chosen.horizon),
            encoded.actions(start, chosen.horizon),
        )
        for start in chosen.starts[:: -(-len(chosen.starts) // TASKS)]
    ]
    add_losses(subject, section, tasks, chosen.horizon)
