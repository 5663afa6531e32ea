"""Reads the pages: fenced blocks, commands, code between words, headings and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).parents[5]
MODELS = REPOSITORY / "ros2_ws/src/wm_planner_sim/models"
NEEDS = (
    "a robot",
    "a camera",
    "a GPU",
    "Isaac Sim",
    "an installation of ROS 2",
    "another machine",
)
"""What a block may say that it needs, in its first line: ``# Needs a robot.``

Its commands are then only checked, as far as that is possible without it.
"""
OMITTED = "…"
"""What a reader has to fill in; a command with it is only checked."""
OPERATORS = ("&&", "||", ";", "|")
_TOKEN = re.compile(
    r"""
    (?<!\S)\#[^\n]* | \n | [^\S\n]+ | && | \|\| | [;|]    # comment, space, operator
    | (?:"[^"]*" | '[^']*' | [^\s;|&"'] | &)+              # word
    """,
    re.VERBOSE,
)
_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+)(?P<language>\S*)")
_NEED = re.compile(r"# Needs (?P<need>.+?)\.")
_CODE = re.compile(r"(?<!`)`([^`]+?)`(?!`)")
_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        line: Number of its first fence.
        language: What stands behind the fence.
        text: What is between the fences, without their indentation.
    """

    line: int
    language: str
    text: str

    @property
    def need(self) -> str:
        """Return what its first line says that it needs, or nothing."""
        match = _NEED.match(self.text)
        return match["need"] if match else ""


@dataclass(frozen=True)
class Command:
    """One command of a page.

    Attributes:
        page: Its page, from the top of the repository.
        line: Number of the line on which it, or its block, begins.
        text: The command, in one line and without comments.
        need: What its block says that it needs.
        inline: It stands between words, and not in a block of its own.
    """

    page: str
    line: int
    text: str
    need: str = ""
    inline: bool = False

    @cached_property
    def words(self) -> list[str]:
        """Return its words, as a shell splits them; variables are not expanded."""
        return shlex.split(self.text)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


class Page:
    """A Markdown file.

    Args:
        path: Its path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(REPOSITORY).as_posix()
        self.blocks: list[Block] = []
        prose: list[str] = []  # the lines outside of blocks, at their places
        fence: re.Match[str] | None = None
        inside: list[str] = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            prose.append("")
            if fence is None:
                if fence := _FENCE.match(line):
                    start, inside = number, []
                else:
                    prose[-1] = line
            elif line.strip() == fence["ticks"]:
                indent = len(fence["indent"])
                text = "\n".join(line[indent:] for line in inside)
                self.blocks.append(Block(start, fence["language"], text))
                fence = None
            else:
                inside.append(line)
        if fence is not None:
            raise ValueError(f"{self.name}:{start}: the block has no end")
        self.prose = "\n".join(prose)

    def code(self) -> Iterator[tuple[int, str]]:
        """Yield code between words, with the number of its line; it may go on in the next line."""
        for paragraph in re.finditer(r"(?:.+\n?)+", self.prose):
            for match in _CODE.finditer(paragraph[0]):
                line = self.prose[: paragraph.start() + match.start()].count("\n") + 1
                yield line, " ".join(match[1].split())

    def links(self) -> Iterator[tuple[int, str]]:
        """Yield the targets of links and images, with the number of the line."""
        prose = re.sub(r"`[^`\n]*`", lambda code: "`" + " " * (len(code[0]) - 2) + "`", self.prose)
        for match in _LINK.finditer(prose):
            yield prose[: match.start()].count("\n") + 1, match[1]

    @cached_property
    def anchors(self) -> set[str]:
        """Return the names of its headings in links, as GitHub makes them."""
        found: list[str] = []
        for match in re.finditer(r"^#+ +(.+?)\s*#*$", self.prose, re.MULTILINE):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other) is not None
                        for other in found)  # fmt: skip
            found.append(f"{slug}-{count}" if count else slug)
        return {*found, *re.findall(r"<a (?:id|name)=\"([^\"]+)\"", self.prose)}

    def commands(self, programs: frozenset[str]) -> list[Command]:
        """Return its commands in the order of the page.

        Args:
            programs: Code between words is a command if it begins with one of them.
        """
        found = [
            Command(self.name, block.line, text, block.need)
            for block in self.blocks
            if block.language == "sh"
            for text in split(block.text)
        ]
        for line, code in self.code():
            words = [word for word in code.split() if not re.match(r"\w+=", word)]
            if words and words[0] in programs and len(words) > 1:
                found += [Command(self.name, line, text, inline=True) for text in split(code)]
        return sorted(found, key=lambda command: command.line)


def split(text: str) -> list[str]:
    """Return the commands of a shell's text: lines joined, comments left out, ``&&`` split."""
    found, words = [], ""
    for token in _TOKEN.findall(text.replace("\\\n", " ") + "\n"):
        if token.startswith("#"):
            continue
        if token.strip() and token not in OPERATORS:
            words += token
        elif token.isspace() and token != "\n":
            words = words.rstrip() + " "
        else:
            found.append(words.strip())
            words = ""
    return [command for command in found if command]


def pages() -> list[Page]:
    """Return the pages whose commands have to work."""
    paths = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
    docs = REPOSITORY / "docs"
    paths += [path for path in sorted(docs.rglob("*.md")) if "_build" not in path.parts]
    return [Page(path) for path in paths]


def model_cards() -> list[Page]:
    """Return the cards of the embedded models, whose commands take hours."""
    return [Page(path) for path in sorted(MODELS.glob("*/README.md"))]


def linked_pages() -> list[Page]:
    """Return all pages whose links have to lead somewhere."""
    others = [REPOSITORY / f"{name}.md" for name in ("CHANGELOG", "CODE_OF_CONDUCT", "SECURITY")]
    others += sorted((REPOSITORY / "benchmarks").rglob("*.md"))
    return [*pages(), *model_cards(), *(Page(path) for path in others)]
