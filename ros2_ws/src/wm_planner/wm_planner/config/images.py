"""Settings of what the robot sees and measures: images, proprio and the camera contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wm_planner.config.schema import setting


def severity(default: str, finding: str) -> Any:
    """Declare how severe a finding of the camera contract is: stop, warn or off."""
    return setting(default, f"{finding}: stop, warn or off.", choices=["stop", "warn", "off"])


@dataclass
class ImagesConfig:
    """How camera images and goal images are read."""

    generic_color_order: str = setting(
        "refuse",
        "Channel order of 8UC3 and 8UC4 images: refuse, rgb or bgr.",
        choices=["refuse", "rgb", "bgr"],
    )
    float_range: str = setting(
        "refuse",
        "Range of float images: refuse, [0,1] or [0,255].",
        choices=["refuse", "[0,1]", "[0,255]"],
    )
    bit_depth: int = setting(
        0, "Bits used in 16-bit images, 8 to 16; 0: not declared.", choices=[0, *range(8, 17)]
    )
    transport: str = setting(
        "raw", "Camera messages: raw or compressed.", choices=["raw", "compressed"]
    )
    reliability: str = setting(
        "auto",
        "QoS reliability of the camera subscription; auto matches the publisher.",
        choices=["auto", "reliable", "best_effort"],
    )
    queue_depth: int = setting(1, "QoS depth of the camera subscription.", low=1, high=100)
    slop: float = setting(
        0.02,
        "Largest difference between the stamps of images that form one observation [s].",
        low=0.0,
        high=1.0,
    )


@dataclass
class ProprioConfig:
    """Where the proprio comes from, for models that need the robot's state beside the images."""

    source: str = setting(
        "none",
        "Source of the model's proprio: joint_states (names are joint, joint.velocity or "
        "joint.effort), pose (current_pose: x, y, z, qx, qy, qz, qw), topic (proprio: a "
        "std_msgs/Float64MultiArray in the model's order) or none.",
        choices=["none", "joint_states", "pose", "topic"],
    )
    fields: list[str] = setting(  # noqa: RUF009
        [],
        "Source of each number as source:name, in the model's order, e.g. "
        "[joint_states:panda_joint1, pose:z, pose:euler_extrinsic_xyz.2, topic:0]; gripper: the "
        "number that proprio.gripper of model.yaml names. Empty: all from proprio.source.",
        of=str,
    )
    slop: float = setting(
        0.05,
        "Largest difference between the stamps of an image and its proprio [s].",
        low=0.0,
        high=1.0,
    )


@dataclass
class CameraConfig:
    """How severe each finding of the camera contract is, for every image that is planned from."""

    aspect_ratio: str = severity("warn", "The image has another aspect ratio than in training")
    resolution: str = severity("warn", "The image is smaller than in training")
    black: str = severity("stop", "The image is black")
    constant: str = severity("stop", "The image has a single color")
    float_feed: str = severity("stop", "A [0, 1] image was cast to 8 bits")
    near_zero: str = severity("stop", "All values are near zero")
    saturated: str = severity("stop", "Most values are near the upper end")
    channel_swap: str = severity("stop", "Red and blue are swapped")
    gray: str = severity("stop", "The image is gray, in training it was not")
    statistics: str = severity("warn", "The channel means are far from those of training")
    frozen: str = severity("stop", "The image does not change while the arm moves")
    latent: str = severity("warn", "The model's latent is far from those of training")
