from wm_planner.cli import main

raise SystemExit(main())
