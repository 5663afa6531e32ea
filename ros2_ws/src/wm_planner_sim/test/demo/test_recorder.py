"""The demo's film: camera, goal image, and what the model imagines."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import Image

from wm_planner_sim.demo.recorder import CAPTION, HEIGHT, STRIP, Recorder


def image(color: tuple[int, int, int], height: int, width: int) -> Image:
    """Return an image of one color."""
    data = np.full((height, width, 3), color, np.uint8).tobytes()
    return Image(height=height, width=width, step=3 * width, encoding="rgb8", data=data)


def test_a_frame_shows_camera_goal_and_imagined_frames() -> None:
    recorder = Recorder()
    camera, goal = image((200, 0, 0), 480, 640), image((0, 200, 0), 240, 320)
    recorder(camera)
    assert recorder.frames == [], "no goal is pursued yet"
    recorder.start([goal], "goal 1")
    recorder(camera)
    recorder.imagine(image((0, 0, 200), 48, 14 * 48))
    recorder(camera)
    before, after = recorder.frames
    assert before.shape == after.shape == (HEIGHT + STRIP, 960, 3)
    for frame in (before, after):
        np.testing.assert_array_equal(frame[CAPTION + 20, 240], (200, 0, 0))
        np.testing.assert_array_equal(frame[CAPTION + 20, 720], (0, 200, 0))
    assert not before[HEIGHT:].any()
    np.testing.assert_array_equal(after[HEIGHT + STRIP // 2, 480], (0, 0, 200))


def test_the_next_goal_begins_without_imagined_frames() -> None:
    recorder = Recorder()
    camera = image((9, 9, 9), 480, 640)
    recorder.start([camera], "goal 1")
    recorder.imagine(image((0, 0, 200), 48, 480))
    recorder.start([camera], "goal 2")
    recorder(camera)
    assert not recorder.frames[0][HEIGHT:].any()


def test_the_present_sub_goal_is_on_the_right_until_the_goal_ends() -> None:
    recorder = Recorder()
    camera, first, second = (image(color, 480, 640) for color in ((9,) * 3, (0, 90, 0), (0, 0, 90)))
    recorder.start([first, second], "goal 1")
    recorder(camera)
    recorder.follow(1, "goal 1, step 9")
    recorder(camera)
    recorder.stop()
    recorder(camera)
    colors = [tuple(frame[CAPTION + 20, 720]) for frame in recorder.frames]
    assert colors == [(0, 90, 0), (0, 0, 90)]
