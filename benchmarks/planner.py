"""Benchmark of the planners against DINO-WM's rule and public packages, all in the same run.

In the folder ``planner`` beside this file are the families of problems, the rules that are
compared, the measures and the report.
"""

from planner.run import main

if __name__ == "__main__":
    main()
