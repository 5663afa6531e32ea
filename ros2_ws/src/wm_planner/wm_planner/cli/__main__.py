from wm_planner.cli import program

program()
