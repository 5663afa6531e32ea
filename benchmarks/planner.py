"""Benchmark of the planners against DINO-WM's rule, on the same problems in the same run.

    python benchmarks/planner.py                      everything, about half an hour on one core
    python benchmarks/planner.py --quick --no-peers   a first look, about two minutes

The folder ``planner`` beside this file has the problems, the peers, the measures and the report.
"""

from planner.run import main

if __name__ == "__main__":
    main()
