#!/usr/bin/env bash
# Measure what needs a GPU, on a machine without ROS:
#
#     benchmarks/gpu/run.sh [--only NAME …] [--out FOLDER]
#
# It needs python3 (3.10 or newer) with PyTorch for CUDA, safetensors, h5py, OpenCV and pytest with its
# plugins for time limits and hypothesis. Wheels of what is missing (hydra-core, omegaconf and
# antlr4-python3-runtime) are taken from the folder that WHEELS names; nothing is downloaded.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
install() {
    python3 -m pip install --quiet --no-index --no-deps --no-compile --no-build-isolation --target "$site" "$@"
}
if [ -n "${WHEELS:-}" ]; then install "$WHEELS"/*.whl; fi
cp -r "$root/ros2_ws/src/wm_planner" "$site/source"  # the build writes beside the code
install "$site/source"
export PYTHONPATH="$site:$root/benchmarks"
export PYTHONUNBUFFERED=1
cd "$root"
python3 "$here/run.py" "$@"
