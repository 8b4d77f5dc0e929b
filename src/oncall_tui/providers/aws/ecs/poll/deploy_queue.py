"""The calls to make about a source's deploys, by purpose, and how much goes into each. Pure: it makes no call.

Of one purpose, each kind of call has its turn. What fails goes behind the others of its kind, and into smaller calls,
so that one deploy that cannot be read holds up no other. Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from enum import IntEnum
from typing import TypeVar

import msgspec

from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.poll.fair_share import FairShares, Purpose

T = TypeVar("T")
A_CALL = 20  # deploys or revisions
COLLECT_S = 3.0  # what is to be described or revised waits for more of it, while more is being listed


class Ask(IntEnum):
    """The calls about deploys."""

    LIST = 0
    DESCRIBE = 1
    CODE_DEPLOY = 2
    REVISE = 3
    EXPLAIN = 4
    DEFINE = 5


class Wanted(msgspec.Struct):
    """A deploy to be described: not before *due*, so that others go with it in one call."""

    cluster: str
    since: float
    due: float
    purpose: Purpose


class DeployQueue:
    """The calls to be made; *described* are the deploys, and *explained* the services, that were read once."""

    def __init__(self, described: Container[str], explained: Container[str]) -> None:
        self._described, self._explained = described, explained
        self.to_list: dict[str, w.EcsService] = {}
        self.to_describe: dict[str, Wanted] = {}  # by ARN
        self.to_revise: dict[str, str] = {}  # ARN -> cluster
        self.to_define: dict[str, str] = {}
        self.to_explain: dict[str, w.EcsService] = {}
        self.apart = False  # describe no deploys of two clusters in one call: one of them is denied
        self._revise_since = 0.0
        self._turns = {purpose: FairShares(dict.fromkeys(Ask, 1.0)) for purpose in Purpose}
        self._most = dict.fromkeys(Ask, A_CALL)  # fewer after a call that failed

    # --- told ---

    def describe(self, item: str, cluster: str, now: float, due: float, purpose: Purpose) -> None:
        """Queue a deploy to be described, from *due* on, so that others go with it in one call."""
        wanted = self.to_describe.setdefault(item, Wanted(cluster, now, due, purpose))
        wanted.due, wanted.purpose = min(wanted.due, due), min(wanted.purpose, purpose)

    def revise(self, items: Iterable[str], cluster: str, now: float) -> None:
        """Queue revisions to be described."""
        if not self.to_revise:
            self._revise_since = now
        self.to_revise.update(dict.fromkeys(items, cluster))

    def forget(self, key: str) -> None:
        """Forget a service that is gone."""
        self.to_list.pop(key, None)
        self.to_explain.pop(key, None)

    def drop(self, what: str, cluster: str) -> None:
        """Drop the calls of a place that cannot be asked."""
        of_service = {"deploys": self.to_list, "tasks": self.to_explain}.get(what, {})
        for key in [k for k, service in of_service.items() if arn.parse(service.cluster_arn).name == cluster]:
            del of_service[key]
        by_arn = {"deploys": self.to_revise, "definitions": self.to_define}.get(what, {})
        for item in [i for i, of in by_arn.items() if of == cluster]:
            del by_arn[item]
        if what == "deploys":
            for item in [i for i, wanted in self.to_describe.items() if wanted.cluster == cluster]:
                del self.to_describe[item]

    def failed(self, ask: Ask) -> None:
        """Note that the call failed: the next one asks for half as many."""
        self._most[ask] = max(1, self._most[ask] // 2)

    def answered(self, ask: Ask) -> None:
        """Note that the call was answered."""
        self._most[ask] = min(A_CALL, self._most[ask] * 2)

    # --- asked ---

    def dues(self, code_deploy: Iterable[Purpose]) -> dict[Purpose, dict[Ask, float]]:
        """Return when each call is due, by purpose; of CodeDeploy, its purposes are those of *code_deploy*."""
        found: dict[Purpose, dict[Ask, float]] = {}

        def offer(purpose: Purpose, ask: Ask, due: float = 0.0) -> None:
            asks = found.setdefault(purpose, {})
            asks[ask] = min(asks.get(ask, due), due)

        if self.to_list:
            offer(Purpose.FIRST_DEPLOYS, Ask.LIST)
        patience = COLLECT_S if self.to_list else 0.0
        if self.to_revise:
            whole = len(self.to_revise) >= A_CALL
            offer(Purpose.FIRST_DEPLOYS, Ask.REVISE, 0.0 if whole else self._revise_since + patience)
        whole = len(self.to_describe) >= A_CALL
        for item, wanted in self.to_describe.items():
            if item in self._described:
                offer(wanted.purpose, Ask.DESCRIBE, wanted.since if whole else wanted.due)
            else:
                offer(Purpose.FIRST_DEPLOYS, Ask.DESCRIBE, wanted.since if whole else wanted.due + patience)
        for purpose in code_deploy:
            offer(purpose, Ask.CODE_DEPLOY)
        for key in self.to_explain:
            offer(Purpose.DETAIL_AGAIN if key in self._explained else Purpose.DETAIL, Ask.EXPLAIN)
        if self.to_define:
            offer(Purpose.DETAIL, Ask.DEFINE)
        return found

    def turn(self, purpose: Purpose, now: float, code_deploy: Iterable[Purpose]) -> Ask | None:
        """Return the kind of call for *purpose* whose turn it is; None: nothing is due."""
        dues = self.dues(code_deploy).get(purpose, {})
        ask = self._turns[purpose].pick(kind for kind, due in dues.items() if due <= now)
        if ask is not None:
            self._turns[purpose].charge(ask, 1.0)
        return ask

    def next_to_list(self, first: Iterable[str]) -> tuple[str, w.EcsService]:
        """Return a service whose deploys are to be listed, one of *first* before the others."""
        return self._last(self.to_list, next(iter(first), None))

    def next_to_explain(self, purpose: Purpose) -> tuple[str, w.EcsService]:
        """Return a service whose stopped tasks are to be read."""
        again = purpose is Purpose.DETAIL_AGAIN
        return self._last(self.to_explain, next(k for k in self.to_explain if (k in self._explained) is again))

    def next_to_define(self) -> tuple[str, str]:
        """Return a task definition and its cluster."""
        return self._last(self.to_define)

    def next_to_revise(self) -> tuple[str, list[str]]:
        """Return a cluster, and revisions of it."""
        cluster = next(iter(self.to_revise.values()))
        chunk = [a for a, of in self.to_revise.items() if of == cluster][: self._most[Ask.REVISE]]
        for item in chunk:
            self._last(self.to_revise, item)
        return cluster, chunk

    def next_to_describe(self, purpose: Purpose) -> dict[str, str]:
        """Return deploys (ARN -> cluster), those for *purpose* before the others that go with them."""
        first = purpose is Purpose.FIRST_DEPLOYS
        chunk = sorted(self.to_describe, key=lambda a: ((a in self._described) is first, self.to_describe[a].due))
        if self.apart:
            chunk = [a for a in chunk if self.to_describe[a].cluster == self.to_describe[chunk[0]].cluster]
        del chunk[self._most[Ask.DESCRIBE] :]
        return {item: self._last(self.to_describe, item)[1].cluster for item in chunk}

    @staticmethod
    def _last(queue: dict[str, T], key: str | None = None) -> tuple[str, T]:
        """Return an item of *queue* and put it last: where asking for it fails, others go first the next time."""
        name = next(iter(queue)) if key is None else key
        queue[name] = queue.pop(name)
        return name, queue[name]
