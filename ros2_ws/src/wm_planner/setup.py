"""Installs wm_planner: code, launch files and configuration."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "wm_planner"


def share(folder: str) -> list[tuple[str, list[str]]]:
    """Lists the files under a folder with their places under share/, as data_files wants them."""
    files = [p for p in sorted(Path(folder).rglob("*")) if p.is_file() and p.suffix != ".pyc"]
    return [(f"share/{NAME}/{p.parent.as_posix()}", [p.as_posix()]) for p in files]


setup(
    name=NAME,
    version="0.1.0",
    description="Planner for visual world models",
    license="Apache-2.0",
    maintainer="wm_planner developers",
    maintainer_email="wm_planner@example.com",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "cockpit/*.css", "cockpit/*.js"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        # Console scripts go to lib/, for `ros2 run`; colcon puts bin/ on the PATH.
        ("bin", ["bin/wm-planner"]),
        *share("launch"),
        *share("config"),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    entry_points={
        "console_scripts": [
            "planner_node = wm_planner.planner_node:main",
            "cockpit = wm_planner.cockpit.program:main",
            "wm-planner = wm_planner.cli:program",
        ],
        "wm_planner.models": [
            "dino_wm = wm_planner.models.dino_wm.model:DinoWorldModel",
            "lewm = wm_planner.models.lewm.model:LewmWorldModel",
            "latent = wm_planner.models.latent:LatentWorldModel",
        ],
    },
)
