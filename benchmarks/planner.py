"""Benchmark of the planners against DINO-WM's rule and public packages, all in the same run.

    python benchmarks/planner.py                          everything, about 25 minutes on one core
    python benchmarks/planner.py --quick                  a first look, about two minutes
    python benchmarks/planner.py --only contact sparse    plans and loops of some families
    python benchmarks/planner.py --against OTHER          with the planner of another checkout

In the folder ``planner`` beside this file are the families of problems, the rules that are
compared, the measures and the report.
"""

from planner.run import main

if __name__ == "__main__":
    main()
