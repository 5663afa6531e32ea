"""Installs wm_planner_sim: code, launch files, configuration and the embedded models."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "wm_planner_sim"


def share(folder: str) -> list[tuple[str, list[str]]]:
    """Return the entries of data_files for all files under a folder."""
    files = [p for p in sorted(Path(folder).rglob("*")) if p.is_file() and p.suffix != ".pyc"]
    return [(f"share/{NAME}/{p.parent.as_posix()}", [p.as_posix()]) for p in files]


setup(
    name=NAME,
    version="0.1.0",
    description="Simulated Franka arm and camera, and the demo of wm_planner",
    license="Apache-2.0",
    maintainer="wm_planner developers",
    maintainer_email="wm_planner@example.com",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "simulator/assets/**"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *share("launch"),
        *share("config"),
        *share("models"),
    ],
    install_requires=["setuptools"],
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "sim_node = wm_planner_sim.programs:sim_node",
            "demo = wm_planner_sim.programs:demo",
            "evaluate = wm_planner_sim.programs:evaluate",
            "collect = wm_planner_sim.programs:collect",
            "train = wm_planner_sim.programs:train",
        ],
    },
)
