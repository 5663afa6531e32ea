"""The cockpit: a web page that shows what the planner does, sets goals and stops the arm.

It is a process of its own that uses the planner's public topics, services and action only, so it
may run on another machine, and the planner runs without it.
"""
