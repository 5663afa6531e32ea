from wm_planner_sim.evaluation.program import main

main()
