"""The doctor's checks: a model and data in, results with a sentence each out. Nothing here prints.

A check is one file in ``checks/``. To add one, write a file such as ``checks/my_check.py``::

    def run(recording: Recording) -> Iterator[Result]:
        yield judge("my_check", score, LIMIT, WARN if score > LIMIT else OK, "What is wrong, …")

    CHECK = Check(("my_check",), Recording, run)

and add ``"my_check"`` to the list in ``registry.py``, which sets the order of the report.
``examined.py`` has the classes that a check can need: ``ModelDescription``, ``LoadedModel``,
``OpenDataset``, ``Recording``, ``Predictions``, ``GivenStates`` and ``PlanningTasks``.

Episodes come from ``bag_episode`` and ``dataset_episode``; datasets from
``wm_planner.datasets``. Images alone are compared by ``camera_examiner``, messages by
``camera_stream``, neither of which needs torch. ``plan_cost`` is for ``wm-planner inspect``.
"""
