from wm_planner.ending import explained

with explained("evaluate"):  # also Ctrl+C during the imports, which take seconds
    from wm_planner_sim.evaluation.program import main

    main()
