"""The report of the planner benchmark in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from planner.families import FAMILIES, Budget, Family, first_draws
from planner.grid import Grid
from planner.measures import LOOP_ITERATIONS, STEPS, Record
from planner.rules import BASE, OURS
from planner.stats import geometric_mean, ratio_text, ratios, share_text
from planner.summary import Results

Rows = Iterable[Sequence[str]]


def size(budget: Budget) -> str:
    return f"{budget[0]}x{budget[1]}"


def table(title: str, note: str, head: Sequence[str], rows: Rows, level: int = 2) -> str:
    lines = [f"{'#' * level} {title}\n", f"{note}\n" if note else "", f"| {' | '.join(head)} |"]
    lines.append("|" + "---|" * len(head))
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(line for line in lines if line) + "\n"


def head(date: str, command: str, grid: Grid, machine: str) -> str:
    return f"""# Planner benchmark, {date}

Command: `{command}`; problem seeds {", ".join(map(str, grid.seeds))}. Machine: {machine}.

- The defaults were tuned on problems of seeds below 100 and of the *tuned sizes*; *other sizes* of
  a family were not used.
- Every problem has its own dynamics, start and goal. Planners of this package share their draws
  over a batch, so each problem has a planner and a seed of its own; the other rules draw for each
  problem of a batch anew. So the problems of a cell are independent.
- A plan is judged as it is executed, clamped to the box; with noise, by the cost without noise.
- Costs are ratios to {BASE} (a tenth of the candidates as elites; the last mean is the plan)
  at the same budget of candidates x iterations: geometric mean over problems and its 95 % interval
  (percentiles of a bootstrap over problems). Where there is a measure of success, the number of
  solved problems with Wilson's 95 % interval.
- The peers have their own defaults except for a tenth of the candidates as elites and a temperature
  of 0.02 for MPPI. `full` and `online` are the same planner at these budgets; nothing stops early.
"""


SHARES = ("contact, far", "contact, near", "sparse", "two ways, narrow", "two ways, wide")
"""Families of which a share of the first draws tells something."""


def first_draw_table(grid: Grid) -> str:
    """What the first draws tell, measured on the problems of the report."""
    rows = []
    for name in grid.families:
        family = FAMILIES[name]
        if name not in SHARES:
            continue
        for group, sizes in family.groups().items():
            for label, make in sizes.items():
                problems = make(grid.seeds[0], 24)
                share = problems.telling(first_draws(problems, 2000)).float().mean().item()
                rows.append([name, f"{label} ({group})", f"{100 * share:.2f} %"])
    if not rows:
        return ""
    note = (
        "Share of candidates of deviation 1 that touch the block, meet the reward, or end behind "
        "the wall; 2000 candidates for each of 24 problems."
    )
    return table("First draws that tell something", note, ["family", "size", "share"], rows)


def family_section(family: Family, results: Results) -> str:
    """All tables of a family."""
    parts = [f"## {family.name.capitalize()}\n", f"{family.about}\n"]
    for kind in ("plan", "loop"):
        for group, sizes in family.groups().items():
            records = results.of(kind, family.name, group)
            if records:
                sizes = sizes if kind == "plan" else family.loops
                parts += _group(family, kind, group, ", ".join(sizes), records)
    return "\n".join(parts)


def _group(
    family: Family, kind: str, group: str, sizes: str, records: Sequence[Record]
) -> list[str]:
    budgets = list(dict.fromkeys(record.budget for record in records))
    rules = list(dict.fromkeys(record.rule for record in records))
    found = {(record.rule, record.budget): record for record in records}
    heads = ["planner", *map(size, budgets)]
    count, parts = len(records[0].costs), []
    title = f"{group} ({sizes})"
    if kind == "loop":
        title = (
            f"receding horizon: {STEPS} plans of {LOOP_ITERATIONS} iterations, warm; the mean error"
        )

    def cells(text: Callable[[Record], str]) -> Rows:
        for rule in rules:
            row = [found.get((rule, budget)) for budget in budgets]
            yield [_bold(rule), *("" if r is None else text(r) for r in row)]

    def solved(record: Record) -> str:
        return "" if record.solved is None else share_text(record.solved)

    def cost(record: Record) -> str:
        base = found.get((BASE, record.budget))
        return "" if base is None else ratio_text(ratios(record.costs, base.costs, family.floor))

    if records[0].solved is not None:
        note = f"Solved of {count}" + (" at the end." if kind == "loop" else ".")
        parts.append(table(f"Solved, {title}", note, heads, cells(solved), 3))
    if family.graded:
        parts.append(table(f"Cost, {title}", f"{count} problems.", heads, cells(cost), 3))
    return parts


def _bold(rule: str) -> str:
    return f"**{rule}**" if rule == OURS else rule


def summary_cost(results: Results, others: Sequence[str], title: str, note: str) -> str:
    """The cost of the default planner over that of the best of other rules, cell by cell."""
    budgets, rows = results.budgets(), []
    means: dict[str, list[float]] = {"all": []}
    for row in results.rows():
        cells = [results.compare(row.cell(b), others) for b in budgets]
        if not FAMILIES[row.family].graded or not any(cells):
            continue
        names = dict.fromkeys(c.other for c in cells if c)
        texts = [ratio_text(c.ratios) if c else "" for c in cells]
        rows.append([row.label, *texts, "; ".join(names)])
        for name in ("all", "receding horizons" if row.kind == "loop" else row.group):
            means.setdefault(name, []).extend(geometric_mean(c.ratios) for c in cells if c)
    if not rows:
        return ""
    lines = [
        f"- {name}: {geometric_mean(values):.2f} (geometric mean of the cells), worst "
        f"{max(values):.2f}, below 1 in {sum(v < 1 for v in values)} of {len(values)} cells"
        for name, values in means.items()
    ]
    heads = ["problems", *map(size, budgets), "best other, from left to right"]
    return table(title, note + "\n\n" + "\n".join(lines), heads, rows)


def summary_solved(results: Results, others: Sequence[str], title: str, note: str) -> str:
    """Problems solved by the default planner and by the best of other rules, cell by cell."""
    budgets, rows, pairs = results.budgets(), [], []
    for row in results.rows():
        cells = [results.compare_solved(row.cell(b), others) for b in budgets]
        there = [c for c in cells if c]
        if there:
            names = dict.fromkeys(c.other for c in there)
            texts = [f"{c.ours} : {c.others}" if c else "" for c in cells]
            rows.append([row.label, str(there[0].total), *texts, "; ".join(names)])
            pairs += there
    if not rows:
        return ""
    ours, theirs, total = (sum(getattr(c, n) for c in pairs) for n in ("ours", "others", "total"))
    heads = ["problems", "number", *map(size, budgets), "best other, from left to right"]
    return table(title, f"{note} Over all cells {ours} : {theirs} of {total}.", heads, rows)


def rollouts(results: Results) -> str:
    """The smallest budget with the cost that DINO-WM's rule reaches with 9,000 rollouts."""
    names = [n for n in results.families() if FAMILIES[n].smooth]
    rows = []
    for rule in results.rules():
        cells = [results.rollouts_to_base(n, rule, (300, 30)) for n in names]
        if any(cells):
            rows.append([_bold(rule), *(f"{c} ({c / 90:.0f} %)" if c else "more" for c in cells)])
    if not names or not rows:
        return ""
    return table(
        "Rollouts to the cost that DINO-WM's rule reaches with 9,000",
        "Smallest budget of the grid whose geometric mean over problems is no higher; tuned sizes.",
        ["planner", *names],
        rows,
    )


def machine_tables(
    times: Mapping[str, float], counts: Mapping[str, tuple[float, float]], repeats: int
) -> str:
    first = table(
        "Overhead",
        "Plan time over the time of the forwards alone; 300x30, hidden width 512, one problem. "
        f"Processor time, lowest of {repeats} of each.",
        ["planner", "time ratio"],
        [[name, f"{value:.3f}"] for name, value in times.items()],
    )
    second = table(
        "Operations",
        "Torch operations outside the model per iteration at 300x30, views included, in the second "
        "plan of a planner: average over its iterations, and of each further iteration.",
        ["preset", "average", "each further"],
        [[name, f"{a:.1f}", f"{b:.1f}"] for name, (a, b) in counts.items()],
    )
    return f"{first}\n{second}"


def robust_table(rows: Mapping[str, tuple[int, int]]) -> str:
    return table(
        "A model that diverges",
        "The cost is NaN if an action is above 1.2, as in nearly every random plan. Bad plans are "
        "NaN or cost NaN, at 300x10.",
        ["planner", "bad plans"],
        [[name, f"{bad} of {total}"] for name, (bad, total) in rows.items()],
    )


def option_table(heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    return table(
        "What each option does",
        "On the tuned sizes with seeds 91 and 92: the number of solved problems, or the cost over "
        "that of the default (above 1 the default is better).",
        ["change", *heads],
        [[name, *cells] for name, cells in rows.items()],
    )
