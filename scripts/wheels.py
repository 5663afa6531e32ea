"""Repair what the ROS 2 wheels get wrong on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

ASK = "import numpy, sys, sysconfig; print(*sys.version_info[:2], sep='.'); "
ASK += "print(sysconfig.get_paths()['include']); print(numpy.get_include())"


def point_cmake_files_here(prefix: Path, python: Path, env: dict[str, str]) -> None:
    """Replace the paths of the machine that built the ROS wheels with those of this one.

    Args:
        prefix: Where the wheels are installed.
        python: The interpreter that they are for.
        env: Environment variables with which it finds its NumPy.
    """
    answer = subprocess.check_output([str(python), "-c", ASK], text=True, env=env)
    version, python_include, numpy_include = answer.splitlines()
    abi = f"cp{version.replace('.', '')}"
    theirs = f"/opt/python/{abi}-{abi}"
    paths = {
        f"{theirs}/lib/python{version}/site-packages/numpy/_core/include": numpy_include,
        f"{theirs}/include/python{version}": python_include,
    }
    for file in prefix.glob("share/*/cmake/*.cmake"):
        text = file.read_text()
        new = text
        for old, ours in paths.items():
            new = new.replace(old, ours)
        if new != text:
            file.write_text(new)
