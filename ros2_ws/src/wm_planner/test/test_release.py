"""The files that tell of a release name the same version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[4]
PACKAGES = ("wm_planner", "wm_planner_msgs", "wm_planner_sim")
PLACES = {
    **{f"ros2_ws/src/{name}/package.xml": r"<version>(.+?)</version>" for name in PACKAGES},
    **{f"ros2_ws/src/{name}/setup.py": r'version="(.+?)"' for name in PACKAGES[::2]},
    "docs/conf.py": r'release = "(.+?)"',
    "CITATION.cff": r"(?m)^version: (.+)$",
    "CHANGELOG.md": r"(?m)^## \[(\d.*?)\]",
}


def found(file: str, pattern: str) -> str:
    match = re.search(pattern, (REPOSITORY / file).read_text())
    assert match, file
    return match[1]


@pytest.mark.parametrize("file", PLACES)
def test_every_place_names_the_same_version(file: str) -> None:
    first = next(iter(PLACES))
    assert found(file, PLACES[file]) == found(first, PLACES[first])


def test_the_citation_has_the_date_of_the_newest_release() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    newest = rf"(?m)^## \[{re.escape(citation['version'])}\] - (\S+)$"
    assert citation["date-released"] == found("CHANGELOG.md", newest)


def test_the_public_workflow_runs_what_ci_runs() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert ".ci/run" in [step.get("run") for step in job["steps"]]


def test_the_public_workflow_has_the_python_that_all_tests_ran_with() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())
    given = [step.get("with", {}) for step in workflow["jobs"]["test"]["steps"]]
    versions = [each["python-version"] for each in given if "python-version" in each]
    assert versions == [found("README.md", r"all tests with Python (\d\.\d+)")]
