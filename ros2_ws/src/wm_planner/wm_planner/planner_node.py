"""Entry point of ``planner_node``: a package that is missing ends in a sentence."""

from __future__ import annotations

import sys

from wm_planner.explain import explain


def main() -> None:
    """Run the node."""
    try:
        from wm_planner import node
    except (ImportError, OSError) as error:  # OSError: a library cannot be loaded
        print(f"planner_node: {explain(error)}", file=sys.stderr)
        sys.exit(2)
    node.main()


if __name__ == "__main__":
    main()
