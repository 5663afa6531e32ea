# Set up this shell for ROS 2, the virtual environment and the built workspace.
# Usage, in bash or zsh: source scripts/env.sh
# ROS_DISTRO chooses the distribution (default jazzy). Use a new shell for another distribution.

_wm_root="$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && pwd)"
_wm_distro="${ROS_DISTRO:-jazzy}"
_wm_suffix=""
[ "$_wm_distro" = jazzy ] || _wm_suffix="-$_wm_distro"
_wm_venv="$_wm_root/.venv$_wm_suffix"
_wm_install="$_wm_root/ros2_ws/install$_wm_suffix"

if [ ! -x "$_wm_venv/bin/python" ] || [ ! -e "$_wm_install/local_setup.sh" ]; then
    echo "ROS 2 $_wm_distro is not set up here yet. Run: make build" >&2
else
    unset _ROS_WHEELS_BOOTSTRAP_COMPLETE # set by the wheels; see requirements/ros-*.txt
    case ":$PATH:" in
        *":$_wm_venv/bin:"*) ;;
        *) export PATH="$_wm_venv/bin:$PATH" ;;
    esac
    if [ ! -d "$_wm_venv/share/rclpy" ]; then
        : # the user has sourced an installation of ROS 2
    else
        export ROS_DISTRO="$_wm_distro" ROS_VERSION=2 ROS_PYTHON_VERSION=3
        export RMW_IMPLEMENTATION=rmw_fastrtps_cpp # the only one among the wheels
        case ":$AMENT_PREFIX_PATH:" in
            *":$_wm_venv:"*) ;;
            *) export AMENT_PREFIX_PATH="$_wm_venv${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}" ;;
        esac
    fi
    if [ -n "${ZSH_VERSION:-}" ]; then
        . "$_wm_install/local_setup.zsh"
    else
        . "$_wm_install/local_setup.bash"
    fi
    export MUJOCO_GL="${MUJOCO_GL:-osmesa}"
    # The worker's interpreter, once `make worker` is done, unless you have set one of your own.
    if grep -qs '"packages"' "$_wm_root/.venv-worker/setup.json"; then
        export WM_PLANNER_WORKER_PYTHON="${WM_PLANNER_WORKER_PYTHON:-$_wm_root/.venv-worker/bin/python}"
    fi
    # Shared memory for images in Fast DDS (docs/how-to/middleware.md), unless you have set a profile.
    if [ -z "$FASTRTPS_DEFAULT_PROFILES_FILE$FASTDDS_DEFAULT_PROFILES_FILE" ]; then
        _wm_profile="$_wm_install/wm_planner/share/wm_planner/config/fastdds.xml"
        if [ "${ROS_DISTRO:-jazzy}" = jazzy ]; then
            export FASTRTPS_DEFAULT_PROFILES_FILE="$_wm_profile"
        else
            export FASTDDS_DEFAULT_PROFILES_FILE="$_wm_profile"
        fi
        unset _wm_profile
    fi
    # Completion of wm-planner, where someone types; in zsh only after its own (compinit).
    case $- in
        *i*)
            if [ -z "${ZSH_VERSION:-}" ] || typeset -f compdef >/dev/null; then
                eval "$(register-python-argcomplete wm-planner 2>/dev/null)" || true
            fi
            ;;
    esac
fi
unset _wm_root _wm_distro _wm_suffix _wm_venv _wm_install
