from wm_planner.ending import explained

with explained("demo"):  # also Ctrl+C during the imports, which take seconds
    from wm_planner_sim.demo.program import main

    main()
