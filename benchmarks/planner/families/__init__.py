"""The families of problems, by name."""

from planner.families.altered import NOISY, PLATEAUS
from planner.families.base import BOX, Budget, Family, Make, Moving, Problems, first_draws
from planner.families.contact import FAR, NEAR
from planner.families.long import LONG
from planner.families.minima import MINIMA
from planner.families.smooth import SMOOTH
from planner.families.sparse import SPARSE
from planner.families.wall import NARROW, WIDE

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (*SMOOTH, MINIMA, FAR, NEAR, SPARSE, NARROW, WIDE, NOISY, PLATEAUS, LONG)
}
"""In the order of the report."""

__all__ = ["BOX", "FAMILIES", "Budget", "Family", "Make", "Moving", "Problems", "first_draws"]
