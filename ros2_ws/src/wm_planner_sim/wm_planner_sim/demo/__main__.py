from wm_planner_sim.demo.program import main

main()
