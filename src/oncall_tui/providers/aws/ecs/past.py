"""A source's services by name, and their deploys of the past, as ECS remembers them.

Facts: ECS API reference and botocore's model. ListServiceDeployments has 90 days of a service's deploys, a hundred a
page, made since 25 October 2024; it names no deploy of another controller, and no service that is deleted. Who began a
deploy ECS does not say: who registered its task definition is told in that place, as on the board. Times are seconds
since the epoch, UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from oncall_tui import errors
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.history import PastDeploy
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.service import ServiceKey
from oncall_tui.domain.service_history import deploy_history
from oncall_tui.domain.told import HistoryPage, HistorySpan, ServiceName, ServicePage
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import NOT_OFFERED, Gone
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback.history import goes_back, replaced, short
from oncall_tui.providers.aws.ecs.rollback.snapshot import read_briefs
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.history_words import noun

AT_ONCE = 10  # services of one DescribeServices
DESCRIBED = 20  # deploys of one DescribeServiceDeployments
KEPT_S = 90 * 86_400.0
PAGES = 10  # of a hundred deploys of one service

Name = tuple[str, str]  # (cluster, service)


class ServiceLister:
    """Lists the services of a source's clusters, a page at a time (base.SupportsServiceNames)."""

    def __init__(self, options: EcsOptions, client: AwsClient) -> None:
        self._options, self._client = options, client
        self._clusters: list[str] | None = None

    def page(self, after: str) -> ServicePage:
        """Read one page: *after* is ``CLUSTER TOKEN``. Raises errors.SourceError."""
        calls = self._client.calls.total()
        cluster, _, token = after.partition(" ")
        problems: list[PartialFailure] = []
        try:
            clusters = self._read_clusters(problems)
            cluster = cluster or next(iter(clusters), "")
            if not cluster:
                return ServicePage(after=None, problems=tuple(problems))
            found, token = self._services(cluster, token, problems)
        except RateLimited as later:
            return ServicePage(after=after, wait_s=later.wait_s, calls=self._client.calls.total() - calls)
        following = next((name for name in clusters if name > cluster), None)
        return ServicePage(
            after=f"{cluster} {token}" if token else following,
            services=found,
            problems=tuple(problems),
            calls=self._client.calls.total() - calls,
        )

    def _read_clusters(self, problems: list[PartialFailure]) -> list[str]:
        """The names of the configured clusters, in order; read once."""
        if self._clusters is not None:
            return self._clusters
        globs = self._options.clusters
        if not any(c in glob for glob in globs for c in "*?["):
            self._clusters = sorted(set(globs))
            return self._clusters
        names: set[str] = set()
        damage, paging = Damage(), Paging("")
        for token in paging:
            priority, more = (Priority.ACT, {"nextToken": token}) if token else (Priority.SWEEP, {})
            page = self._client.read(w.ListClusters, "ListClusters", priority, damage, maxResults=100, **more)
            names.update(arn.parse(one).name for one in page.cluster_arns)
            paging.follow(page.next_token)
        problems += [*damage.problems("clusters"), *paging.problems("clusters", len(names))]
        self._clusters = sorted(name for name in names if any(fnmatchcase(name, glob) for glob in globs))
        return self._clusters

    def _services(
        self, cluster: str, token: str, problems: list[PartialFailure]
    ) -> tuple[tuple[ServiceName, ...], str]:
        """One page of a cluster's services, and the next one's token. A cluster that cannot be had is a problem."""
        more = {"nextToken": token} if token else {}
        damage = Damage()
        try:
            page = self._client.read(
                w.ListServices, "ListServices", Priority.SWEEP, damage, cluster=cluster, maxResults=100, **more
            )
        except (*NOT_OFFERED, Gone) as error:
            problems.append(PartialFailure(SourceState(error.state), f"cluster {cluster}", error.message, error.hint))
            return (), ""
        problems += damage.problems(f"services of {cluster}")
        if page.next_token == token and token:
            words = "the pages of its services repeat themselves"
            problems.append(PartialFailure(SourceState.MALFORMED, f"cluster {cluster}", words))
            return (), ""
        return tuple(self._named(cluster, one) for one in page.service_arns), page.next_token

    def _named(self, cluster: str, service_arn: str) -> ServiceName:
        at = arn.parse(service_arn)
        key = ServiceKey(self._options.account or at.account, at.region, cluster, at.name)
        return ServiceName(f"{self._options.name}/{cluster}/{at.name}", self._options.name, key)


class EcsPast:
    """Reads the past deploys of a source's services, some services at a time (base.SupportsHistory)."""

    def __init__(self, options: EcsOptions, client: AwsClient, known: RevisionCache, clock: Clock) -> None:
        self._source = options.name
        self._client, self._known, self._clock = client, known, clock
        self._calls: Counter[str] = client.calls
        self._lister = ServiceLister(options, client)
        self._names: list[Name] = []
        self._listing: str | None = ""  # what names the next page of services; None: all are listed
        self._seen: set[str] = set()
        self._lacks: dict[PartialFailure, None] = {}
        self._off: set[str] = set()  # clusters whose deploys cannot be had
        self._unnamed_authors = False
        self._there_of = ""  # the cluster of those below
        self._there: dict[str, w.EcsService | None] = {}  # services that are being read, by name

    def page(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read one page: *after* is ``CLUSTER/SERVICE``, where it begins. Raises errors.SourceError."""
        calls = self._calls.total()
        if self._listing is not None:
            wait = self._list()
            return self._page(after, span, calls, wait_s=wait)
        left = [name for name in self._names if "/".join(name) >= after]
        some = [name for name in left[:AT_ONCE] if name[0] == left[0][0]]
        deploys: list[PastDeploy] = []
        if some:
            stopped, wait = self._read(some, span, deploys)
            if stopped is not None:
                return self._page("/".join(stopped), span, calls, deploys, wait)
        following = left[len(some)] if len(some) < len(left) else None
        return self._page("/".join(following) if following else None, span, calls, deploys)

    def _page(
        self,
        after: str | None,
        span: HistorySpan,
        calls: int,
        deploys: Iterable[PastDeploy] = (),
        wait_s: float = 0.0,
    ) -> HistoryPage:
        done = len(self._names) if after is None else sum("/".join(name) < after for name in self._names)
        far = f"{done} of {len(self._names)} services" if self._listing is None else "the list of services"
        return HistoryPage(
            after=after,
            read_to=span.until if after is None else span.since,
            how_far=far,
            deploys=tuple(deploys),
            problems=(*self._lacks, *self._forgotten(span)),
            wait_s=wait_s,
            calls=self._calls.total() - calls,
        )

    def _forgotten(self, span: HistorySpan) -> tuple[PartialFailure, ...]:
        """Say that ECS has forgotten a part of what is asked for."""
        if self._clock.now() - span.since <= KEPT_S + 2 * 86_400.0:
            return ()
        words = "ECS keeps a service's deploys for 90 days, and tells nothing of what was before"
        return (PartialFailure(SourceState.OK, "deploys", words),)

    def _list(self) -> float:
        """List a page of services; how long to wait (seconds) before the next call."""
        page = self._lister.page(self._listing or "")
        self._names += [(one.key.cluster, one.key.name) for one in page.services]
        self._lacks.update(dict.fromkeys(page.problems))
        again = page.after in self._seen and not page.wait_s
        self._seen.add(self._listing or "")
        self._listing = None if again else page.after
        if self._listing is None:
            self._names = sorted(set(self._names), key="/".join)
        return page.wait_s

    # --- services ---

    def _read(self, names: list[Name], span: HistorySpan, into: list[PastDeploy]) -> tuple[Name | None, float]:
        """Read their deploys *into* a list; where the budget is used up, the one to go on with and how long to wait."""
        cluster = names[0][0]
        try:
            self._describe(cluster, [name for _, name in names])
        except RateLimited as later:
            return names[0], later.wait_s
        except (*NOT_OFFERED, Gone) as error:
            self._note(error, f"services of cluster {cluster}")
            return None, 0.0
        for name in names:
            service = self._there[name[1]]
            if service is None or service.status == "INACTIVE" or cluster in self._off:
                continue
            if service.controller != "ECS":
                words = f"of services with the controller {service.controller} ECS tells no past deploys"
                self._lacks[PartialFailure(SourceState.OK, "deploys", words)] = None
                continue
            try:
                into += self._deploys(service, span)
            except RateLimited as later:
                return name, later.wait_s
            except Gone:
                continue
            except NOT_OFFERED as error:
                self._off.add(cluster)
                self._note(error, f"deploys of cluster {cluster}")
        return None, 0.0

    def _describe(self, cluster: str, names: list[str]) -> None:
        """Read these services, once: what waits for the budget goes on with its next call, not with this one."""
        if self._there_of == cluster and self._there.keys() >= set(names):
            return
        damage = Damage()
        answer = self._client.read(
            w.DescribeServices, "DescribeServices", Priority.SWEEP, damage, cluster=cluster, services=names
        )
        self._lacks.update(dict.fromkeys(damage.problems(f"services of {cluster}")))
        found = {service.service_name: service for service in answer.services}
        self._there_of, self._there = cluster, {name: found.get(name) for name in names}

    def _note(self, error: errors.SourceError, scope: str) -> None:
        self._lacks[PartialFailure(SourceState(error.state), scope, error.message, error.hint)] = None

    def _deploys(self, service: w.EcsService, span: HistorySpan) -> Iterator[PastDeploy]:
        """The deploys of one service. Raises SourceError, and RateLimited before the first call alone."""
        key, damage = rows.service_id(self._source, service), Damage()
        briefs = list(
            read_briefs(self._client, service.cluster_arn, service.service_name, Priority.SWEEP, PAGES, damage)
        )
        wanted = [b.service_deployment_arn for b in briefs if span.since <= b.created_at < span.until]
        made = list(self._described(wanted, damage))
        arns = [b.target_service_revision_arn for b in briefs] if made else []
        arns += [a for d in made for a in (d.target_arn, *(s.arn for s in d.source_service_revisions))]
        arns += [d.rollback.service_revision_arn for d in made if d.rollback]
        self._known.read_revisions(arns, Priority.ACT, damage)
        self._lacks.update(dict.fromkeys(damage.problems(f"deploys of {key}")))
        told = deploy_history([self._row(service, one, briefs) for one in made], ())
        remedies = {d.taken_back.deploy: d.id for d in told if d.taken_back is not None and d.taken_back.deploy}
        return (_past(deploy, remedies.get(deploy.id, "")) for deploy in reversed(told))

    def _described(self, arns: list[str], damage: Damage) -> Iterator[w.EcsServiceDeployment]:
        for at in range(0, len(arns), DESCRIBED):
            answer = self._client.read(
                w.DescribeServiceDeployments,
                "DescribeServiceDeployments",
                Priority.ACT,
                damage,
                serviceDeploymentArns=arns[at : at + DESCRIBED],
            )
            yield from answer.service_deployments

    def _row(self, service: w.EcsService, made: w.EcsServiceDeployment, briefs: list[w.EcsBrief]) -> Deploy:
        """The row that the board had of it."""
        of = self._known.definition_of
        new, before = self._known.revision(made.target_arn), replaced(made, briefs, of)
        earlier = made.source_service_revisions or any(b.created_at < made.created_at for b in briefs)
        first = not earlier and bool(service.created_at) and made.created_at - service.created_at < KEPT_S
        return rows.from_service_deployment(
            self._source,
            service,
            made,
            new=new,
            old=self._known.revision(before) if of(before) else None,
            first=first and self._clock.now() - service.created_at < KEPT_S,
            rollback=goes_back(made, briefs, of),
            rollback_to=short(of(made.rollback.service_revision_arn)) if made.rollback else "",
            failures=(),
            failed=0,
            started_by=self._registered_by(new.task_definition),
            can_act=False,
            now=self._clock.now(),
        )

    def _registered_by(self, task_definition: str) -> str:
        """Return the person who registered it; empty where that cannot be read."""
        if self._unnamed_authors or not task_definition.startswith("arn:"):
            return ""
        try:
            return arn.person(self._known.read_definition(task_definition, Priority.ACT).registered_by)
        except Gone:
            return ""
        except NOT_OFFERED as error:
            self._unnamed_authors = True
            self._note(error, "who deployed")
            return ""


def _past(deploy: Deploy, rolls_back: str) -> PastDeploy:
    back = deploy.taken_back
    return PastDeploy(
        id=deploy.id,
        service=deploy.service_id,
        arrow=deploy.arrow,
        started=deploy.started,
        state=str(deploy.state),
        ended=None if deploy.state.running else deploy.finished,
        kind=noun(deploy),
        by=deploy.started_by,
        rolls_back=rolls_back,
        failed=deploy.state.bad or back is not None,
        remedied=back.ended if back is not None else None,
    )
