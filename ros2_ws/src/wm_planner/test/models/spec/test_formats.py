"""Files of every format are read; a format that is wrong or too new is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from wm_planner.models import ModelSpec, SpecError, load_spec
from wm_planner.models.spec import FORMAT
from wm_planner.models.spec.formats import MIGRATIONS, migrate

FORMAT_1 = Path(__file__).parent / "format_1"
"""Written by the last version that wrote format 1, from the spec of the fixture."""


def test_a_file_of_format_1_gives_an_equal_spec(spec: ModelSpec) -> None:
    spec.training.command_line = "python train.py --seed 0"
    assert load_spec(FORMAT_1) == spec


def test_an_older_file_is_read_with_verified_statistics_and_stays_as_it_is() -> None:
    before = (FORMAT_1 / "model.yaml").read_bytes()
    assert load_spec(FORMAT_1).statistics.problem() == ""
    assert (FORMAT_1 / "model.yaml").read_bytes() == before


def test_a_migrated_spec_is_saved_in_the_newest_format(tmp_path: Path) -> None:
    old = load_spec(FORMAT_1)
    text = old.save(tmp_path).read_text()
    assert text.startswith(f"format: {FORMAT}\n")
    assert "command_line: python train.py" in text
    assert load_spec(tmp_path) == old


def test_every_older_format_has_a_migration() -> None:
    assert list(MIGRATIONS) == list(range(1, FORMAT))


def test_the_page_names_the_newest_format() -> None:
    page = Path(__file__).parents[6] / "docs" / "how-to" / "your-own-model.md"
    assert f"the number of its format, now {FORMAT}:" in page.read_text()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (None, f"format is missing: write 'format: {FORMAT}'"),
        ("many", f"format must be a whole number such as {FORMAT}, not 'many'"),
        (True, "not True"),
        (2.0, "not 2.0"),
        ([2], "not [2]"),
        (0, "format 0 does not exist: the oldest is 1"),
        (-1, "format -1 does not exist"),
        (FORMAT + 1, f"format {FORMAT + 1} is newer than {FORMAT}"),
    ],
)
def test_a_wrong_format_is_refused_and_says_what_to_do(
    spec: ModelSpec, tmp_path: Path, number: Any, words: str
) -> None:
    path = spec.save(tmp_path)
    content = yaml.safe_load(path.read_text()) | {"format": number}
    if number is None:
        del content["format"]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path)
    assert str(caught.value).startswith(f"{path}: format ")
    assert words in str(caught.value)


@pytest.mark.parametrize("training", [None, 5, "command", ["command"], {}])
def test_a_damaged_older_file_is_left_to_the_checks_of_the_fields(training: Any) -> None:
    content = {"format": 1, "training": training}
    migrate(content)
    assert content == {"format": FORMAT, "training": training}


def test_a_field_of_an_older_format_is_refused_in_a_newer_one(tmp_path: Path) -> None:
    text = (FORMAT_1 / "model.yaml").read_text()
    (tmp_path / "model.yaml").write_text(text.replace("format: 1", "format: 2"))
    with pytest.raises(SpecError, match=r"training\.command: "):
        load_spec(tmp_path)
