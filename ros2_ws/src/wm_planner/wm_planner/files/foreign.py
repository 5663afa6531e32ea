"""What a file is that was given in place of another one, told by its first bytes."""

from __future__ import annotations

START = 16
"""Bytes that are enough to tell."""
_KINDS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"version http": "a Git LFS pointer and not the file itself (`git lfs pull` fetches it)",
    b"<": "a web page",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"#ROSBAG": "a bag of ROS 1 (convert it with `rosbags-convert --src FILE --dst DIRECTORY`)",
}


def what_it_is(start: bytes) -> str:
    """Return what a file with these first bytes is; empty if that is not known."""
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((name for magic, name in _KINDS.items() if start.startswith(magic)), "")
