"""The look of reports: self-contained HTML pages."""

from __future__ import annotations

import base64
import html
import platform
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import imageio

from wm_planner.types import RgbImage


def page(title: str, sections: Sequence[str]) -> str:
    """Return a page with a title, the date and sections of HTML."""
    body = "\n".join(sections)
    return (
        _PAGE.replace("{title}", html.escape(title)).replace("{date}", now()) + body + "</html>\n"
    )


def now() -> str:
    """Return the date and time with the time zone, in seconds."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def machine() -> dict[str, str]:
    """Return the system and its processors, as far as the system knows them."""
    return {"system": platform.platform(), "processor": _processor()}


def video(frames: Sequence[RgbImage], rate: float) -> str:
    """Return a video element of frames, uint8 (H, W, 3) of one size, at a rate [Hz]."""
    if not frames:
        return ""
    data = imageio.mimwrite(
        "<bytes>", list(frames), format="mp4", fps=rate, codec="libx264", quality=6,
        macro_block_size=2, output_params=["-movflags", "+faststart"],
    )  # fmt: skip
    source = base64.b64encode(data).decode()
    return f'<video controls autoplay muted loop src="data:video/mp4;base64,{source}"></video>'


def table(head: str, rows: Sequence[Sequence[Any]], classes: Sequence[str] = ()) -> str:
    """Return a table.

    Args:
        head: Titles of the columns, between ``|``.
        rows: Cells; texts are escaped.
        classes: Class of each row.
    """
    cells = "".join(f"<th>{html.escape(name)}" for name in head.split("|"))
    marks = classes or [""] * len(rows)
    body = "".join(
        f'<tr class="{mark}">' + "".join(f"<td>{html.escape(str(cell))}" for cell in row) + "</tr>"
        for row, mark in zip(rows, marks, strict=True)
    )
    return f"<table><tr>{cells}</tr>{body}</table>"


def definitions(values: dict[str, Any]) -> str:
    """Return a list of terms and what they are."""
    items = (f"<dt>{html.escape(k)}<dd>{html.escape(str(v))}" for k, v in values.items())
    return f"<dl>{''.join(items)}</dl>"


def _processor() -> str:
    """Return the number and name of the processors, as far as the system knows them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.processor()


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #222 }
video, svg { width: 100%; height: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd;
         vertical-align: top; font-variant-numeric: tabular-nums }
.good td:nth-child(3) { color: #1e7e34 } .bad td:nth-child(3) { color: #c0392b; font-weight: 600 }
.note { color: #666 } dt { font-weight: 600 } dd { margin: 0 0 .4rem 0 }
</style>
<h1>{title}</h1><p class=note>{date}</p>
"""
