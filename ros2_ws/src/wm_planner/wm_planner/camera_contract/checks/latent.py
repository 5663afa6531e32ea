"""The model's latent of the image lies outside its training."""

from wm_planner.camera_contract.check import Check, CheckInput, Measurement

LIMIT = 1.0
"""Largest latent score; 1 is the edge of what is normal."""


def measure(seen: CheckInput) -> Measurement | None:
    """Compare the latent score with its limit."""
    if seen.latent_score is None:
        return None
    return Measurement.at_most(
        seen.latent_score,
        LIMIT,
        "The model's latent of this image lies outside those of its training: compare the "
        "camera's pose, the light and the objects in the scene with the training images.",
    )


CHECK = Check(measure)
