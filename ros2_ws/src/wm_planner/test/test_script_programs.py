"""The programs in scripts/: their help, what they print, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[4] / "scripts"))

import bootstrap
import docs_env
import environment

from wm_planner.help_texts import JSON_HELP, QUIET_HELP, arguments_of, examples_of


@pytest.fixture
def film(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program that films, without a simulator: it renders two frames."""
    for needed in ("rclpy", "playwright", "wm_planner_sim.simulator.tasks"):
        pytest.importorskip(needed)
    image = pytest.importorskip("PIL.Image")
    import film

    monkeypatch.setattr(film, "Bystander", lambda task: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(film, "record", lambda task, goals, progress, say: say("a note"))
    monkeypatch.setattr(film, "moments", lambda recording, rate, speed: [0.0, 0.1])
    monkeypatch.setattr(film, "eventful", lambda recording, times: 1)
    images = [image.new("RGB", (8, 6), color) for color in ("red", "blue")]
    monkeypatch.setattr(film, "frames", lambda recording, times, speed: iter(images))
    return film


def test_the_help_of_the_film_has_examples_that_work(
    film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    parser = film.make_parser()
    text = parser.format_help()
    assert max(map(len, text.splitlines())) <= 80
    assert all(action.help for action in parser._actions)
    assert JSON_HELP in " ".join(text.split())
    assert QUIET_HELP in " ".join(text.split())
    assert examples_of(parser)
    for example in examples_of(parser):
        parser.parse_args(arguments_of(example, parser.prog))


def test_the_film_is_told_on_standard_output_and_notes_on_the_other(
    film: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "film.webp"
    film.main(["--output", str(output)])
    out, err = capsys.readouterr()
    assert err == "a note\n"
    assert [line.split(": ")[0] for line in out.splitlines()] == [
        str(output),
        str(output.with_suffix(".jpg")),
    ]
    film.main(["--output", str(output), "--quiet"])
    assert capsys.readouterr() == (out, "")
    film.main(["--output", str(output), "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert found["film"] == str(output)
    assert found["bytes"] == output.stat().st_size
    assert (found["width"], found["height"], found["frames"]) == (8, 6, 2)


@pytest.mark.parametrize("step", ["record", "write_film"])
def test_ctrl_c_ends_the_film_silently_with_130(
    step: str, film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(film, step, interrupt)
    with pytest.raises(SystemExit) as ended:
        film.main(["--quiet", "--output", str(tmp_path / "film.webp")])
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_a_film_that_cannot_be_made_is_a_sentence(
    film: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(task: object) -> None:
        raise film.FilmError("the task cannot be filmed")

    monkeypatch.setattr(film, "Bystander", fail)
    with pytest.raises(SystemExit) as ended:
        film.main([])
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", "film: the task cannot be filmed\n")


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_the_help_of_the_setup_names_every_target(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", word])
    assert bootstrap.main() == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 100
    for target in (*bootstrap.SETS, "worker", "docs"):
        assert f"\n  {target} " in out


def test_an_unknown_target_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "nothing"])
    assert bootstrap.main() == 1
    assert "no target 'nothing': choose setup, " in capsys.readouterr().err


@pytest.mark.parametrize("sourced", [True, False])
def test_the_documentation_installs_nothing_beside_a_sourced_ros(
    sourced: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], bool]] = []

    def require(self: object, packages: list[str], *, install: bool, note: str = "") -> None:
        asked.append((packages, install))
        raise environment.SetupError("missing")

    monkeypatch.setattr(docs_env, "ROOT", tmp_path)
    monkeypatch.setattr(docs_env, "have_module", lambda name: False)
    monkeypatch.setattr(docs_env.DocsEnvironment, "require", require)
    monkeypatch.setattr(bootstrap, "sourced_ros", lambda env: "/opt/ros/jazzy" * sourced or None)
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "docs"])
    assert bootstrap.main() == 1
    assert asked == [(["python3-venv"], not sourced)]


def test_clean_deletes_the_documentation_s_site() -> None:
    command = ["make", "--dry-run", "--directory", str(docs_env.ROOT), "clean"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert str(docs_env.SITE.parent.relative_to(docs_env.ROOT)) in done.stdout.split()
