"""The search for a first configuration: what this machine leads to, and which of it can be read.

AWS profiles, tokens in the environment, an Alertmanager on this machine. Each is asked once, all at the same time, by
the code that polls; nothing is written anywhere. Of a secret its variable's name is taken, and its value by nobody but
the source that it belongs to.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from oncall_tui import bootstrap
from oncall_tui.domain.alert import OURS
from oncall_tui.errors import Denied, OncallError, SourceError
from oncall_tui.runtime.calls_at_once import CallsAtOnce
from oncall_tui.runtime.clock import Clock

ALERTMANAGER = "http://127.0.0.1:9093"
AT_ONCE = 16
LONGEST_S = 20.0  # for all of it: a call has 2 s to connect and 5 s for an answer, a login's helper more
CLUSTERS_SHOWN = 10


class FoundEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry that the file may have: *keys* as they stand there, *section* ``sources`` or ``escalation``.

    *tried* says how it was found. *ask* reads it once, and returns words on what is there; it raises SourceError.
    *only_if_there*: what cannot be read is no more than told of.
    """

    section: str
    keys: dict[str, Any]
    tried: str
    ask: Callable[[], Answered]
    only_if_there: bool = False

    @property
    def name(self) -> str:
        """Return its name in the file."""
        return str(self.keys["name"])


class Answered(msgspec.Struct, frozen=True):
    """The answer to an entry's first reading: *words* for a person; *same* is equal for what is the same thing again.

    *empty*: it can be read, and has nothing that a board would show.
    """

    words: str = ""
    same: str = ""
    empty: bool = False


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate and what came of it: *answered*, or a *problem* with a *hint*; *denied*: a permission is missing."""

    candidate: FoundEntry
    answered: Answered | None = None
    problem: str = ""
    hint: str = ""
    denied: bool = False

    @property
    def usable(self) -> bool:
        """Return whether the file gets it as an entry."""
        return self.answered is not None and not self.answered.empty


# --- what there may be ------------------------------------------------------------------------------------------------


def candidates(environ: Mapping[str, str], clock: Clock) -> tuple[list[FoundEntry], list[str]]:
    """Return what this machine names, and words on what of it cannot be looked at. Makes no call."""
    wrong: list[str] = []
    try:
        profiles = bootstrap.aws_profiles()
    except SourceError as error:
        profiles = ()
        wrong.append(str(error))
    found = [one for profile, region in profiles for one in _of_profile(profile, region, clock)]
    found += _of_environment(environ, clock)
    url = {"name": "alertmanager", "provider": "alertmanager", "url": ALERTMANAGER}
    found.append(_read_whole("sources", url, f"an Alertmanager at {ALERTMANAGER}", clock, only_if_there=True))
    return list(_named_once(found)), wrong


def _of_profile(profile: str, region: str, clock: Clock) -> Iterator[FoundEntry]:
    name = re.sub(r"[\s/*?\[\],]+", "-", profile) or "aws"
    by = f"profile {profile}" if profile else "the keys in the environment"
    keys = {"region": region, **({"profile": profile} if profile else {})}
    tried = f"{by}, {region or 'no region is named'}"

    def ask_clusters() -> Answered:
        account, names = bootstrap.aws_clusters(profile, region, clock)
        if not names:
            return Answered("no ECS cluster there", empty=True)
        shown = ", ".join(names[:CLUSTERS_SHOWN]) + (", …" if len(names) > CLUSTERS_SHOWN else "")
        return Answered(f"{len(names)} ECS cluster{'s' * (len(names) > 1)}: {shown}", same=f"ecs {account} {region}")

    def ask_alarms() -> Answered:
        bootstrap.aws_alarms(profile, region, clock)
        return Answered("CloudWatch alarms")

    yield FoundEntry(section="sources", keys={"name": name, "provider": "ecs", **keys}, tried=tried, ask=ask_clusters)
    alarms = {"name": f"{name}-alarms", "provider": "cloudwatch", **keys}
    yield FoundEntry(section="sources", keys=alarms, tried=tried, ask=ask_alarms)


def _of_environment(environ: Mapping[str, str], clock: Clock) -> Iterator[FoundEntry]:
    """The entries of those variables that the providers' options name (``found_in``)."""
    for section, provider, way, secrets in bootstrap.found_in():
        named = {key: next((v for v in variables if environ.get(v)), "") for key, variables in way.items()}
        if not all(named[key] for key in secrets):
            continue
        given = {key: {"env": v} if key in secrets else environ[v] for key, v in named.items() if v}
        tried = ", ".join(f"${variable}" for variable in named.values() if variable)
        yield _read_whole(section, {"name": provider, "provider": provider, **given}, tried, clock)


def _read_whole(
    section: str, keys: dict[str, Any], tried: str, clock: Clock, *, only_if_there: bool = False
) -> FoundEntry:
    """A candidate that is asked as a poll asks; of a destination only what it stands on is checked."""

    def ask() -> Answered:
        return Answered(bootstrap.read_once(section, keys, clock))

    return FoundEntry(section=section, keys=keys, tried=tried, ask=ask, only_if_there=only_if_there)


def _named_once(found: Sequence[FoundEntry]) -> Iterator[FoundEntry]:
    """The candidates, each with a name of its own: ``prod``, ``prod-2``."""
    taken = {OURS}
    for one in found:
        name, number = one.name, 1
        while name in taken:
            number += 1
            name = f"{one.name}-{number}"
        taken.add(name)
        yield msgspec.structs.replace(one, keys={**one.keys, "name": name})


# --- asking -----------------------------------------------------------------------------------------------------------


def try_all(found: Sequence[FoundEntry], tell: Callable[[Tried], None]) -> list[Tried]:
    """Ask each candidate once, all at the same time; *tell* hears of each as it ends. In the order of *found*.

    What does not answer within ``LONGEST_S`` is left behind. Raises KeyboardInterrupt at once.
    """
    calls: CallsAtOnce[int, Answered] = CallsAtOnce("first run")
    ends_at = time.monotonic() + LONGEST_S
    waiting = list(enumerate(found))
    ended: dict[int, Tried] = {}
    while len(ended) < len(found):
        while waiting and len(calls.flying) < AT_ONCE:
            number, one = waiting.pop(0)
            calls.start(number, one.ask)
        came = calls.next_within(max(0.0, ends_at - time.monotonic()))
        if came is None:
            break
        number, answer = came
        ended[number] = _tried(found[number], answer.get)
        tell(ended[number])
    late = f"no answer within {LONGEST_S:.0f} s"
    for number, one in enumerate(found):
        if number not in ended:
            ended[number] = Tried(candidate=one, problem=late, hint="`oncall-tui check` asks again")
            tell(ended[number])
    return _each_once([ended[number] for number in range(len(found))])


def _tried(one: FoundEntry, answer: Callable[[], Answered]) -> Tried:
    try:
        return Tried(candidate=one, answered=answer())
    except OncallError as error:
        return Tried(candidate=one, problem=error.message, hint=error.hint, denied=isinstance(error, Denied))
    except Exception as error:  # noqa: BLE001 - one candidate's bug takes no other away
        return Tried(candidate=one, problem=f"bug: {error.__class__.__name__}: {error}", hint="please report it")


def _each_once(tried: Sequence[Tried]) -> list[Tried]:
    """The same with what a second profile reads again as a problem: every service would be on the board twice."""
    first: dict[str, str] = {}
    found = []
    for one in tried:
        same = one.answered.same if one.answered is not None else ""
        if same and same in first:
            words = f"the same account and region as {first[same]}"
            one = msgspec.structs.replace(one, answered=None, problem=words, hint="act_profile may name it there")
        elif same:
            first[same] = one.candidate.name
        found.append(one)
    return found
