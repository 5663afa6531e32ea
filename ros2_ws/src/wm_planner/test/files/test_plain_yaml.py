"""YAML files are read as plain values, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from wm_planner.files import plain_yaml
from wm_planner.files.plain_yaml import MAX_BYTES, read_yaml, yaml_problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [1]\nb: *a\n", "aliases"),
        ("a: 1\nb: 2\na: 3\n", "the key 'a' is given twice"),
        ("a: {b: 1, c: 2, 'b': 3}\n", "the key 'b' is given twice"),
        ('{"a": 1, "a": 1}', "the key 'a' is given twice"),
        ("? [a]\n: 1\n", "unhashable"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
        ("a: 2024-13-13", "month"),
        ("a: " + "9" * 5000, "digits"),
        ("a: !!int ''", ""),
        ("a: !!bool perhaps", "perhaps"),
        ("a: !!timestamp soon", ""),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("a: 0x1" + "0" * 5000, "a number has more than 300 digits"),
        ("[" + "1," * 1000 + "]", "values"),
    ],
)
def test_what_is_not_plain_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    monkeypatch.setattr(plain_yaml, "MAX_VALUES", 1000)
    (tmp_path / "file.yaml").write_text(text)
    with pytest.raises(yaml.YAMLError) as caught:
        read_yaml(tmp_path / "file.yaml")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: *x\n", "line 2: aliases (*) are not read: write the value out"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is given twice: keep one of them"),
        ("a: 1\nb: 2024-13-13", "line 2: '2024-13-13' is no value (month must be in 1..12)"),
        ("a: " + "9" * 5000, "line 1: a number has more than 300 digits"),
        ("a: {<<: {b: 1}}", "line 1: merge keys (<<) are not read: write the values out"),
    ],
)
def test_the_problem_is_one_sentence_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "file.yaml").write_text(text)
    with pytest.raises(yaml.YAMLError) as caught:
        read_yaml(tmp_path / "file.yaml")
    assert yaml_problem(caught.value) == said


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(yaml.YAMLError, match="it is not UTF-8: save it as UTF-8"):
        read_yaml(tmp_path / "file.yaml")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_text("a: b" + " " * MAX_BYTES)
    with pytest.raises(OSError, match=f"at most {MAX_BYTES} are read"):
        read_yaml(tmp_path / "file.yaml")


def test_plain_values_are_read(tmp_path: Path) -> None:
    content = {"a": [1, 2.5, None, True], "b": {"a": "text", "b": {"a": []}}}
    (tmp_path / "file.yaml").write_text(yaml.safe_dump(content))
    assert read_yaml(tmp_path / "file.yaml") == content
