"""Every link of a page leads to a file, and to a heading of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from documented_pages import REPOSITORY, Page, linked_pages

ELSEWHERE = ("http://", "https://", "mailto:")
PAGES = linked_pages()


def _broken(page: Page) -> Iterator[str]:
    for line, link in page.links():
        if link.startswith(ELSEWHERE):
            continue
        target, _, anchor = link.partition("#")
        where = f"{page.name}:{line}: {link}"
        path = Path(os.path.normpath(page.path.parent / target)) if target else page.path
        if not path.exists():
            yield f"{where}: there is no such file"
        elif not path.is_relative_to(REPOSITORY):
            yield f"{where}: this is outside of the repository"
        elif anchor and path.suffix == ".md" and anchor not in Page(path).anchors:
            yield f"{where}: {path.name} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Page) -> None:
    assert list(_broken(page)) == []


def test_a_link_to_nothing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("documented_pages.REPOSITORY", tmp_path)
    monkeypatch.setattr(f"{__name__}.REPOSITORY", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "# The `~/goal`, and [more](page.md)\n\n## Twice\n\n## Twice\n\n"
        "[a](#the-goal-and-more) [b](page.md#twice-1) ![c](nowhere.png) [d](#twice-2) `[e](f)`\n"
    )
    found = list(_broken(Page(page)))
    assert [sentence.split(": ", 1)[1] for sentence in found] == [
        "nowhere.png: there is no such file",
        "#twice-2: page.md has no such heading",
    ]
