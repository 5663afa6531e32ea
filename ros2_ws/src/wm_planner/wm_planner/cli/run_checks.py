"""Runs the registered checks on what is examined."""

from __future__ import annotations

from wm_planner.cli.errors_as_findings import errors_as_findings
from wm_planner.cli.report import Section
from wm_planner.diagnosis.check_result import OK, STOP
from wm_planner.diagnosis.examined import Examined
from wm_planner.diagnosis.registry import CHECKS, EFFECTS
from wm_planner.progress import Progress, silent


def run_checks(
    examined: Examined, section: Section, *earlier: Section, progress: Progress = silent
) -> bool:
    """Run all checks that need this kind of thing, in the order of the registry.

    Args:
        examined: What is examined.
        section: Takes results, facts and notes.
        earlier: Sections whose problems may explain bad predictions, too.
        progress: Shows how far the job is.

    Returns:
        False if an essential check found something, so that the rest was skipped.
    """
    checks = [check for check in CHECKS if type(examined) is check.needs]
    with progress(f"examining {section.title}", len(checks)) as step:
        for check in checks:
            known = [result for part in (*earlier, section) for result in part.results]
            examined.causes = [r.name for r in known if r.verdict == STOP and r.name not in EFFECTS]
            before = len(section.results)
            with errors_as_findings(section, check.names[0]):
                for answer in check.run(examined):
                    section.add(answer)
            step()
            if check.essential and any(r.verdict != OK for r in section.results[before:]):
                return False
    return True
