"""The manifests name all that the packages use, and nothing else.

``package.xml`` names ROS packages and those rosdep keys that are apt packages on Ubuntu 24.04. What
pip alone has is listed under ``<export>`` with the reason: rosdep does not install it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from catkin_pkg.package import Package, parse_package

SOURCES = Path(__file__).parents[2]
REQUIREMENTS = SOURCES.parents[1] / "requirements"
PACKAGES = {file.parent.name: parse_package(str(file)) for file in SOURCES.glob("*/package.xml")}
PYTHON = ("wm_planner", "wm_planner_sim")

# Module: rosdep key, empty if pip alone has it, and name on PyPI. All others are ROS packages.
LIBRARIES = {
    "OpenGL": ("python3-opengl", "PyOpenGL"),
    "argcomplete": ("python3-argcomplete", "argcomplete"),
    "PIL": ("python3-pil", "pillow"),
    "fastapi": ("", "fastapi"),
    "nicegui": ("", "nicegui"),
    "playwright": ("", "playwright"),
    "uvicorn": ("", "uvicorn"),
    "catkin_pkg": ("python3-catkin-pkg-modules", "catkin_pkg"),
    "cv2": ("python3-opencv", "opencv-python-headless"),
    "h5py": ("python3-h5py", "h5py"),
    "hdf5plugin": ("", "hdf5plugin"),
    "hydra": ("", "hydra-core"),
    "hypothesis": ("python3-hypothesis", "hypothesis"),
    "imageio": ("python3-imageio", "imageio"),
    "imageio_ffmpeg": ("", "imageio-ffmpeg"),
    "matplotlib": ("python3-matplotlib", "matplotlib"),
    "mujoco": ("", "mujoco"),
    "numpy": ("python3-numpy", "numpy"),
    "omegaconf": ("", "omegaconf"),
    "pink": ("", "pin-pink"),
    "coal": ("", "coal"),
    "pinocchio": ("", "pin"),
    "psutil": ("python3-psutil", "psutil"),
    "pytest": ("", "pytest"),
    "pytest_timeout": ("", "pytest-timeout"),
    "qpsolvers": ("", "qpsolvers"),
    "rich": ("python3-rich", "rich"),
    "rosbags": ("", "rosbags"),
    "safetensors": ("", "safetensors"),
    "scipy": ("python3-scipy", "scipy"),
    "setuptools": ("python3-setuptools", "setuptools"),
    "torch": ("", "torch"),
    "yaml": ("python3-yaml", "PyYAML"),
}
PLUGINS = {"hypothesis", "pytest_timeout"}  # of pytest; pyproject.toml names them
ROS_NAMES = {"tf2_ros": "tf2_ros_py"}
"""Packages of ROS 2 by module, if they differ."""
UNIMPORTED = {
    ("wm_planner", "test_depend"): PLUGINS,
    # MuJoCo renders with OpenGL, and imageio writes MP4 with imageio_ffmpeg.
    ("wm_planner_sim", "exec_depend"): {"OpenGL", "imageio_ffmpeg"},
    # test_launched.py hands `ros2 launch` to another Python as a text.
    ("wm_planner_sim", "test_depend"): PLUGINS | {"ros2cli", "ros2launch"},
}
# Tests of the planner that need the simulator skip without it: it depends on the planner already.
CIRCLE = {("wm_planner", "test_depend"): {"wm_planner_sim"}}
BENCHMARKS = {init.parent.name for init in SOURCES.parents[1].glob("benchmarks/*/__init__.py")}
BENCHMARKS |= {file.stem for file in SOURCES.parents[1].glob("benchmarks/*.py")}
SCRIPTS = {file.stem for file in SOURCES.parents[1].glob("scripts/*.py")}
PINNED_IN = {
    "buildtool_depend": ("build",),
    "exec_depend": ("ros-python", "runtime", "kinematics", "cockpit", "sim"),
    "test_depend": ("ros-python", "runtime", "kinematics", "cockpit", "sim", "dev", "browser"),
}
NAMES_A_MODULE = {"import_module", "importorskip"}
NAMES_A_PACKAGE = {"FindPackageShare", "get_package_share_directory"}


def _files(package: str, kind: str) -> list[Path]:
    """The Python files that have a dependency of this kind."""
    root = SOURCES / package
    if kind == "buildtool_depend":
        return [root / "setup.py"]
    if kind == "test_depend":
        return list((root / "test").rglob("*.py"))
    folders = (root / package, root / "launch", root / "bin")
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if file.suffix == ".py" or file.parent.name == "bin"]


def _imported(files: Iterable[Path]) -> set[str]:
    """Top-level modules and ROS packages that the files import or name, in functions too."""
    found: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Import():
                    found |= {alias.name for alias in node.names}
                case ast.ImportFrom(level=0, module=str(name)):
                    found.add(name)
                case ast.Call(args=[ast.Constant(value=str(name)), *_]) if _called(node) in (
                    NAMES_A_MODULE | NAMES_A_PACKAGE
                ):
                    found.add(name)
                case ast.Call() if _called(node) == "Node":
                    values = [word.value for word in node.keywords if word.arg == "package"]
                    found |= {str(v.value) for v in values if isinstance(v, ast.Constant)}
    return {name.partition(".")[0] for name in found} - set(sys.stdlib_module_names)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _dependency(module: str) -> str:
    key, pypi = LIBRARIES.get(module, (ROS_NAMES.get(module, module), ""))
    return key or f"pip: {pypi}"


def _used(package: str, kind: str) -> set[str]:
    """What the files need, by the names that the manifest has for it."""
    files = _files(package, kind)
    modules = _imported(files) | UNIMPORTED.get((package, kind), set())
    modules -= {package, *CIRCLE.get((package, kind), set())}
    if kind == "test_depend":  # helpers, and what is tested
        modules -= {file.stem for file in files} | BENCHMARKS | SCRIPTS
    return {_dependency(module) for module in modules}


def _pip(package: Package, kind: str) -> dict[str, str]:
    """The pip packages of a manifest, each with its reason."""
    entries = [e.attributes for e in package.exports if e.tagname == "wm_planner"]
    return {e[f"pip_{kind}"]: e.get("reason", "") for e in entries if f"pip_{kind}" in e}


def _declared(package: Package, kind: str) -> set[str]:
    names = {dependency.name for dependency in getattr(package, f"{kind}s")}
    return names | {f"pip: {name}" for name in _pip(package, kind)}


def _mistakes(declared: set[str], used: set[str]) -> list[str]:
    missing = [f"missing: {name}" for name in sorted(used - declared)]
    return missing + [f"superfluous: {name}" for name in sorted(declared - used)]


def _pinned(*files: str) -> set[str]:
    """Names in some requirements files and those they include, as pip compares them."""
    text = "\n".join((REQUIREMENTS / f"{file}.txt").read_text() for file in files)
    included = re.findall(r"^-r (.+)\.txt", text, re.MULTILINE)
    names = {_normal(line) for line in text.splitlines() if re.match(r"\w", line)}
    return names | (_pinned(*included) if included else set())


def _normal(requirement: str) -> str:
    name = re.match(r"[\w.-]*", requirement)
    return re.sub(r"[._-]+", "-", name[0]).lower() if name else ""


@pytest.mark.parametrize("name", PACKAGES)
def test_a_manifest_is_valid(name: str) -> None:
    warnings: list[str] = []
    PACKAGES[name].validate(warnings)
    assert warnings == []


def test_all_packages_have_one_version() -> None:
    assert len({package.version for package in PACKAGES.values()}) == 1


@pytest.mark.parametrize("name", PYTHON)
def test_setup_py_repeats_the_manifest(name: str) -> None:
    package = PACKAGES[name]
    (call,) = (
        node
        for node in ast.walk(ast.parse((SOURCES / name / "setup.py").read_text()))
        if isinstance(node, ast.Call) and _called(node) == "setup"
    )
    words = {w.arg: w.value.value for w in call.keywords if isinstance(w.value, ast.Constant)}
    (maintainer,) = package.maintainers
    assert words["version"] == package.version
    assert [words["license"]] == package.licenses
    assert (words["maintainer"], words["maintainer_email"]) == (maintainer.name, maintainer.email)


@pytest.mark.parametrize("kind", ["buildtool_depend", "exec_depend"])
@pytest.mark.parametrize("name", PYTHON)
def test_a_manifest_names_what_the_package_uses_and_nothing_else(name: str, kind: str) -> None:
    assert _mistakes(_declared(PACKAGES[name], kind), _used(name, kind)) == []


@pytest.mark.parametrize("name", PYTHON)
def test_a_manifest_names_what_only_the_tests_use_and_nothing_else(name: str) -> None:
    package = PACKAGES[name]
    used = _used(name, "test_depend") - _declared(package, "exec_depend")
    assert _mistakes(_declared(package, "test_depend"), used) == []


@pytest.mark.parametrize("name", PYTHON)
def test_every_pip_package_has_its_reason(name: str) -> None:
    pip = _pip(PACKAGES[name], "exec_depend") | _pip(PACKAGES[name], "test_depend")
    assert [package for package, reason in pip.items() if not reason] == []


@pytest.mark.parametrize("kind", PINNED_IN)
@pytest.mark.parametrize("name", PYTHON)
def test_every_library_is_pinned(name: str, kind: str) -> None:
    declared = _declared(PACKAGES[name], kind)
    libraries = {pypi for module, (_, pypi) in LIBRARIES.items() if _dependency(module) in declared}
    assert {_normal(pypi) for pypi in libraries} - _pinned(*PINNED_IN[kind]) == set()


def test_every_requirement_of_the_packages_is_declared() -> None:
    kinds = ("exec_depend", "test_depend")
    declared = {d for name in PYTHON for kind in kinds for d in _declared(PACKAGES[name], kind)}
    libraries = {pypi for module, (_, pypi) in LIBRARIES.items() if _dependency(module) in declared}
    assert _pinned("runtime", "sim") - {_normal(pypi) for pypi in libraries} == set()


def test_the_interfaces_manifest_and_cmake_file_name_the_packages_of_all_fields() -> None:
    root = SOURCES / "wm_planner_msgs"
    files = [file for kind in ("action", "msg", "srv") for file in root.glob(f"{kind}/*")]
    fields = [re.findall(r"^(\w+)/\w+\S*\s", file.read_text(), re.MULTILINE) for file in files]
    used = {package for found in fields for package in found} | {"action_msgs"}  # of every action
    package = PACKAGES["wm_planner_msgs"]
    assert _mistakes(_declared(package, "build_depend"), used) == []
    assert _mistakes(_declared(package, "exec_depend"), used | {"rosidl_default_runtime"}) == []
    cmake = (root / "CMakeLists.txt").read_text()
    (linked,) = re.findall(r"DEPENDENCIES ([\w\s]+)\)", cmake)
    assert _mistakes(set(linked.split()), used) == []
    found = set(re.findall(r"find_package\((\w+)", cmake))
    assert _mistakes(found, used | _declared(package, "buildtool_depend")) == []
