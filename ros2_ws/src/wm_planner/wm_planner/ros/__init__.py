"""The parts of the node that use ROS; ``runtime.py`` builds and wires them.

In: ``camera`` and ``proprio`` (joined by ``observer``), ``end_effector`` or ``commanded_joints``;
``goal_server`` (action), ``plan_once``, ``goal_services`` and ``stop_services`` (services);
``parameters``. Out: ``command_output``, ``status_publisher``, ``diagnostics``, ``plan_views``.
"""
