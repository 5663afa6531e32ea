"""A goal that is prepared: painted where one paints, and sent as the planner reads it."""

from __future__ import annotations

import base64
import io
import struct
import xml.etree.ElementTree as ET
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wm_planner.cockpit.feed import MAX_WIDTH
from wm_planner.cockpit.goal_draft import (
    MAX_PIXELS,
    MAX_POINTS,
    SPACING,
    GoalDraft,
    draft_of,
    read_upload,
)
from wm_planner.images import ImageFormatError, decode

RANDOM = np.random.default_rng(3)
NAN, INF = float("nan"), float("inf")


def pixels(height: int = 60, width: int = 80) -> Any:
    return RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)


def draft(height: int = 60, width: int = 80) -> GoalDraft:
    return GoalDraft("a test", pixels(height, width))


def painted(goal: GoalDraft) -> Any:
    mask = goal.mask()
    assert mask is not None
    return mask


def near(mask: Any, ends: tuple[tuple[int, int], tuple[int, int]]) -> Any:
    """Return the distance of each pixel to a line between two places (x, y)."""
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    begin, end = np.array(ends, dtype=float)
    along = end - begin
    share = ((x - begin[0]) * along[0] + (y - begin[1]) * along[1]) / max(along @ along, 1e-9)
    share = np.clip(share, 0, 1)
    return np.hypot(x - begin[0] - share * along[0], y - begin[1] - share * along[1])


def test_a_goal_of_several_views_has_an_image_of_each_and_a_mask_of_the_first() -> None:
    views = [pixels(), pixels(40, 50)]
    goal = draft_of("two views", *views)
    sent = [decode(image) for image in goal.message().images]
    assert all(map(np.array_equal, sent, views))
    assert list(goal.message().masks) == []
    goal.begin_stroke(5, 5, 4)
    first, second = (decode(mask)[..., 0] for mask in goal.message().masks)
    np.testing.assert_array_equal(first, painted(goal))
    np.testing.assert_array_equal(second, np.full((40, 50), 255))


def test_nothing_is_masked_unless_one_paints() -> None:
    goal = draft()
    assert goal.mask() is None
    assert list(goal.message().masks) == []


@pytest.mark.parametrize("width", [2, 7, 12])
@pytest.mark.parametrize("ends", [((20, 30), (60, 30)), ((20, 10), (50, 45)), ((40, 30), (40, 30))])
def test_what_is_painted_counts_and_nothing_else(width: int, ends: Any) -> None:
    goal = draft()
    goal.begin_stroke(*ends[0], width)
    goal.paint(*ends[1])
    mask = painted(goal)
    assert (mask.dtype, mask.shape) == (np.uint8, (60, 80))
    assert set(np.unique(mask)) <= {0, 255}
    away = near(mask, ends)
    assert (mask[away <= max(width / 2 - 1, 0.5)] == 255).all()
    assert (mask[away > width / 2 + 1.5] == 0).all()


def test_a_click_paints_a_dot() -> None:
    goal = draft()
    goal.begin_stroke(10.9, 20.2, 6)
    mask = painted(goal)
    assert mask[20, 10] == 255
    assert 20 < (mask > 0).sum() < 60


def test_strokes_are_not_joined() -> None:
    goal = draft()
    for x in (10, 70):
        goal.begin_stroke(x, 30, 4)
    mask = painted(goal)
    assert mask[30, 10] == mask[30, 70] == 255
    assert (mask[:, 20:60] == 0).all()


@pytest.mark.parametrize(
    ("place", "pixel"),
    [((-50, -1), (0, 0)), ((1e9, 1e300), (59, 79)), ((80, 60), (59, 79)), ((-1e300, 30), (30, 0))],
)
def test_what_lies_outside_is_moved_to_the_border(place: Any, pixel: tuple[int, int]) -> None:
    goal = draft()
    goal.begin_stroke(*place, 2)
    assert painted(goal)[pixel] == 255
    assert (painted(goal) > 0).sum() < 16


@pytest.mark.parametrize("place", [(NAN, 5), (5, NAN), (INF, 5), (5, -INF)])
def test_a_place_that_is_none_is_not_painted(place: tuple[float, float]) -> None:
    goal = draft()
    goal.begin_stroke(*place, 4)
    goal.paint(*place)
    assert (goal.strokes, goal.mask()) == ([], None)
    assert goal.message().masks == []
    goal.begin_stroke(10, 10, 4)
    goal.paint(*place)
    assert goal.strokes[0].points == [(10, 10)]


def test_one_cannot_paint_before_a_stroke_or_without_an_image() -> None:
    goal = draft()
    goal.paint(3, 3)
    assert goal.strokes == []
    stored = GoalDraft("a stored goal", name="cup")
    stored.begin_stroke(3, 3, 4)
    stored.paint(4, 4)
    assert (stored.strokes, stored.mask()) == ([], None)
    ET.fromstring(stored.svg())


def test_the_number_of_points_is_bounded_also_by_new_strokes() -> None:
    goal = draft(8, 8)
    goal.begin_stroke(0, 0, 2)
    goal.strokes[0].points *= MAX_POINTS - 1
    for _ in range(5):
        goal.begin_stroke(5, 5, 2)
        goal.paint(6, 6)
    assert sum(len(stroke.points) for stroke in goal.strokes) == MAX_POINTS
    assert painted(goal)[0, 0] == 255


def test_a_brush_wider_than_can_be_drawn_paints_all() -> None:
    goal = draft()
    goal.begin_stroke(40, 30, 10**6)
    assert (painted(goal) == 255).all()


@given(
    st.lists(
        st.tuples(st.booleans(), *[st.floats(allow_nan=True, allow_infinity=True)] * 2),
        max_size=30,
    )
)
def test_whatever_the_browser_says_the_goal_stays_valid(words: Any) -> None:
    goal = draft(12, 16)
    for down, x, y in words:
        if down:
            goal.begin_stroke(x, y, 3)
        else:
            goal.paint(x, y)
    ET.fromstring(goal.svg())
    assert len(goal.message().masks) == (1 if goal.strokes else 0)


def test_the_message_has_the_image_and_the_mask_as_the_planner_reads_them() -> None:
    goal = draft(60, 81)
    goal.tolerance = 0.25
    goal.begin_stroke(20, 20, 6)
    message = goal.message()
    (image,), (mask,) = message.images, message.masks
    assert (image.encoding, image.height, image.width, image.step) == ("rgb8", 60, 81, 243)
    assert (mask.encoding, mask.height, mask.width, mask.step) == ("mono8", 60, 81, 81)
    np.testing.assert_array_equal(decode(image), goal.image)
    np.testing.assert_array_equal(decode(mask)[..., 0], goal.mask())
    assert (message.tolerance, message.name, message.current) == (0.25, "", False)


def test_an_image_that_is_part_of_another_is_sent_whole() -> None:
    whole = pixels(60, 80)
    goal = GoalDraft("a part", whole[10:50:2, 5:70:3])
    np.testing.assert_array_equal(decode(goal.message().images[0]), whole[10:50:2, 5:70:3])


def test_a_stored_goal_is_sent_by_its_name() -> None:
    message = GoalDraft("a stored goal", name="cup", tolerance=0.5).message()
    assert (message.name, message.tolerance) == ("cup", 0.5)
    assert (list(message.images), list(message.masks)) == ([], [])


def test_strokes_are_drawn_in_pixels_of_the_image() -> None:
    goal = draft()
    goal.begin_stroke(10, 20, 6)
    goal.paint(30, 25)
    goal.begin_stroke(5, 6, 4)
    lines = [line.attrib for line in ET.fromstring(goal.svg())]
    assert [(line["points"].split(), line["stroke-width"]) for line in lines] == [
        (["10,20", "30,25", "30,25"], "6"),
        (["5,6", "5,6"], "4"),
    ]


def test_a_stroke_grows_only_by_a_move_that_can_be_seen() -> None:
    """The page draws it anew only if it has grown."""
    goal, width = draft(), 40
    assert not goal.paint(3, 3), "there is no stroke yet"
    goal.begin_stroke(10, 10, width)
    assert not goal.paint(10 + width * SPACING - 1, 10)
    assert goal.strokes[0].points == [(10, 10)]
    assert goal.paint(10 + width * SPACING, 10)
    assert goal.strokes[0].points == [(10, 10), (14, 10)]
    assert not goal.paint(NAN, 10)


def shown(goal: GoalDraft) -> Image.Image:
    head, data = goal.preview.split(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize("width", [80, MAX_WIDTH + 640])
def test_the_image_to_paint_on_has_the_pixels_of_the_goal(width: int) -> None:
    """The browser tells in its pixels where one paints; scaled, the mask would be elsewhere."""
    image = pixels(40, width)
    goal = draft_of("a test", image)
    np.testing.assert_array_equal(goal.image, image)
    assert shown(goal).size == (width, 40)
    assert (goal.label, goal.name, goal.strokes) == ("a test", "", [])


@pytest.mark.parametrize("size", [(2000, 3000), (3, MAX_PIXELS), (MAX_PIXELS + 1, 1)])
def test_of_a_large_image_few_pixels_are_kept_and_painted_on(size: tuple[int, int]) -> None:
    """A goal goes to the planner with each start, and to the browser."""
    goal = draft_of("a test", np.full((*size, 3), 90, dtype=np.uint8))
    assert goal.image is not None
    height, width = goal.image.shape[:2]
    assert MAX_PIXELS / 4 < height * width <= MAX_PIXELS
    assert (goal.image == 90).all()
    if min(size) > 100:
        assert width / height == pytest.approx(size[1] / size[0], rel=0.01)
        assert shown(goal).size == (width, height)


def test_a_stored_goal_has_no_image_to_paint_on() -> None:
    assert GoalDraft("a stored goal", name="cup").preview == ""


def encoded(kind: str, image: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def test_a_png_is_read_as_it_is_and_a_jpeg_nearly() -> None:
    image = pixels()
    np.testing.assert_array_equal(read_upload(encoded("PNG", image)), image)
    smooth = np.full((60, 80, 3), (200, 30, 60), dtype=np.uint8)
    np.testing.assert_allclose(read_upload(encoded("JPEG", smooth)), smooth, atol=4)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png(side: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")


def huge_jpeg() -> bytes:
    data = bytearray(encoded("JPEG", pixels()))
    at = data.index(b"\xff\xc0") + 5  # height and width of the frame
    data[at : at + 4] = struct.pack(">HH", 60000, 60000)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x89PNG", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a" + bytes(50), b"<svg/>",
        bytes(1000), encoded("GIF", pixels()), encoded("BMP", pixels()), encoded("TIFF", pixels()),
        encoded("WEBP", pixels()), huge_png(60000), huge_png(2**31 - 1), huge_jpeg(),
    ],
)  # fmt: skip
def test_a_file_that_is_no_png_or_jpeg_or_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(ImageFormatError):
        read_upload(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_that_was_cut_is_refused(kind: str) -> None:
    data = encoded(kind, pixels())
    for end in range(0, len(data) - 1, 97):
        with pytest.raises(ImageFormatError):
            read_upload(data[:end])
