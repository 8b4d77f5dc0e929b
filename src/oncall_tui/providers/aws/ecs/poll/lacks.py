"""The holes in the lists of a source, by what was asked: said until that was read well."""

from __future__ import annotations

from collections.abc import Collection

from oncall_tui.domain.reading import PartialFailure
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.paging import Paging


class ListLacks:
    """The partial failures of lists that came with holes. Used by the poller's thread alone."""

    def __init__(self) -> None:
        self._found: dict[str, list[PartialFailure]] = {}

    def note(self, what: str, damage: Damage, paging: Paging[str] | None = None, read: int = 0) -> None:
        """Note how the list *what* was read: its damage, and how its pages ended after *read* items."""
        problems = damage.problems(what) + (paging.problems(what, read) if paging else [])
        if problems:
            self._found[what] = problems
        else:
            self._found.pop(what, None)

    def asked(self, what: str, keys: Collection[str], came: Collection[str], damage: Damage) -> list[str]:
        """Return those of *keys* that may be the damaged ones, after one call for all of them in which some *came*."""
        holes = [key for key in keys if key not in came] if damage.lost else []
        problems = damage.problems(what)
        for key in keys:
            self._found.pop(key, None)
            if key in holes or (damage and not damage.lost):
                self._found[key] = problems
        return holes

    def clear(self, key: str) -> None:
        """Forget what is gone."""
        self._found.pop(key, None)

    def of(self, what: str) -> bool:
        """Return whether the list *what* came with holes."""
        return what in self._found

    def problems(self) -> list[PartialFailure]:
        """Each of them once."""
        return list({problem.message: problem for found in self._found.values() for problem in found}.values())
