"""The reference pages are those that the code makes, and their links and tables work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wm_planner.reference import checkout
from wm_planner.reference.__main__ import main
from wm_planner.reference.markdown import anchor
from wm_planner.reference.pages import PAGES

FOLDER = checkout.REPOSITORY / "docs" / "reference"
COMMAND = "python -m wm_planner.reference docs/reference"
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")


def outside_code(text: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`]+`", "code", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return {anchor(title) for title in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), f"run {COMMAND}"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_how_it_was_made(name: str) -> None:
    title, _, notice, *_ = PAGES[name]().splitlines()
    assert title.startswith("# ")
    assert COMMAND in notice


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_page_and_a_heading(name: str) -> None:
    text = PAGES[name]()
    for target, place in LINK.findall(text):
        if "://" in target:
            continue
        page = (FOLDER / target).resolve() if target else FOLDER / name
        assert page.is_file(), target
        made = PAGES[page.name]() if page.parent == FOLDER and page.name in PAGES else None
        assert not place or place in anchors(made or page.read_text()), f"{target}#{place}"


@pytest.mark.parametrize("name", PAGES)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    head = 0
    for line in PAGES[name]().splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not (head and cells) or cells == head, line
        head = cells


@pytest.mark.parametrize("name", PAGES)
def test_no_headings_of_a_page_are_alike(name: str) -> None:
    headings = re.findall(r"^#+ (.*)$", outside_code(PAGES[name]()), re.MULTILINE)
    assert len(headings) == len({anchor(heading) for heading in headings})


@pytest.mark.parametrize("name", PAGES)
def test_nothing_outside_code_is_html_or_an_option_or_a_code_span_that_is_not_closed(
    name: str,
) -> None:
    text = outside_code(PAGES[name]())
    assert re.findall(r"(?<!\\)<\w|(?<![-|])--\w|`|\$|\*\w+\s[^*]*$", text) == []


def test_the_command_writes_all_pages(tmp_path: Path) -> None:
    main([str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == set(PAGES)


def test_outside_a_checkout_nothing_is_written_and_a_sentence_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkout, "REPOSITORY", tmp_path / "installed")
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path)])
    assert "in a checkout of the repository" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "missing")])
    assert f"No such file or directory: {tmp_path}/missing/" in capsys.readouterr().err
