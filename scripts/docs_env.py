"""Builds the documentation as a website, in an environment of its own.

Sphinx needs another version of docutils than colcon and pip's other packages here, so nothing is
shared. The pages in docs/ are read as they are; no ROS and no workspace is needed.
"""

from __future__ import annotations

import re
import shutil
import sys

from environment import ROOT, Environment, SetupError, dotted, have_module, relative

SOURCES = ROOT / "docs"
SITE = SOURCES / "_build" / "html"
FIRST_PYTHON = (3, 10)
# What a browser fetches by itself, as against a link that somebody follows.
FETCHED = re.compile(
    r"<(?:img|script|iframe|source|video)\b[^>]*?\bsrc=\"(?:https?:)?//[^\"]*\""
    r"|<link\b(?![^>]*rel=\"(?:canonical|author)\")[^>]*?\bhref=\"(?:https?:)?//[^\"]*\""
    r"|@import\s+[^;]*//[^;]*;|url\([\"']?(?:https?:)?//[^)]*\)"
)


class DocsEnvironment(Environment):
    """``.venv-docs``, with Sphinx; requirements/docs.txt pins all of it."""

    constraints = ()


def build_docs(env: dict[str, str], *, install: bool) -> None:
    """Make the environment, build the site, and check that it needs no network.

    Args:
        env: The environment variables of its commands.
        install: Install a missing Debian package, instead of naming it.

    Raises:
        SetupError: A step failed, a page has a warning, or a page fetches something from elsewhere.
    """
    if sys.version_info[:2] < FIRST_PYTHON:
        raise SetupError(
            f"This is Python {dotted(sys.version_info[:2])}; the documentation needs "
            f"{dotted(FIRST_PYTHON)} or newer. Use another one: make docs PYTHON=python3.12"
        )
    own = {name: value for name, value in env.items() if name != "PYTHONPATH"}
    docs = DocsEnvironment(ROOT / ".venv-docs", own)
    with docs.locked():
        docs.require([] if have_module("ensurepip") else ["python3-venv"], install=install)
        made_from = [str(ROOT), sys.base_prefix, dotted(sys.version_info[:2])]
        docs.make_venv(made_from, "for the documentation: Sphinx")
        if due := docs.packages_due(["docs"]):
            docs.install(due, "Installing Sphinx")
            docs.set_stamp("packages", due)
        shutil.rmtree(SITE.parent, ignore_errors=True)  # a warning is only given for a page read
        command = [str(docs.python), "-m", "sphinx", "--builder", "html", "--fail-on-warning"]
        command += ["--nitpicky", "--keep-going", "--quiet", str(SOURCES), str(SITE)]
        docs.step("Building the documentation", command, "Mend the pages named above.")
    if fetched := fetched_from_elsewhere():
        raise SetupError("The site must open without a network. " + " ".join(fetched))
    print(f"Open {relative(SITE / 'index.html')} in a browser.")


def fetched_from_elsewhere() -> list[str]:
    """Return a sentence for each page or style sheet that makes a browser use the network."""
    files = [file for kind in ("*.html", "*.css") for file in sorted(SITE.rglob(kind))]
    found = ((file, FETCHED.search(file.read_text())) for file in files)
    return [f"{relative(file)} fetches {match[0]!r}." for file, match in found if match]
