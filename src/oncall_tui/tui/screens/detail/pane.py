"""The detail of one row, as lines of (text, style): from what was read already, no call is made for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import PartialFailure, SourceStatus
from oncall_tui.domain.revision import changes
from oncall_tui.domain.service import Service
from oncall_tui.engine.engine import Update
from oncall_tui.text.cells import count
from oncall_tui.text.history_words import began_by, named
from oncall_tui.text.team_words import doing
from oncall_tui.text.time_format import ago, moment
from oncall_tui.triage.empty_board import last_read
from oncall_tui.triage.ownership import aftermath, assignment
from oncall_tui.triage.routing import route_verb
from oncall_tui.triage.suspects import Suspect
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui import commands
from oncall_tui.tui.presenters import progress
from oncall_tui.tui.presenters.renewal import renewing
from oncall_tui.tui.presenters.targets import ActionTarget, spot, target

Line = tuple[tuple[str, str], ...]
OTHERS = 3
SKIPPED = 20  # the journal's entries that are named one by one


def stale(update: Update, tz: tzinfo, *sources: str) -> list[Line]:
    """Return a warning for the lines below if their sources cannot be read."""
    lines = []
    for name in dict.fromkeys(sources):
        source = update.board.sources.get(name)
        if source and not source.current:
            at = f"as of {moment(source.read_at, tz, update.board.at)}" if source.read_at else "never read"
            lines.append(
                line(
                    "? " + name,
                    f"{source.state.label}, {at}: not known to be so now. {renewing(source.hint, [source])}",
                    "stale",
                )
            )
    return lines


def line(name: str, text: str, style: str = "") -> Line:
    return ((f" {name:<9} ", "dim"), (text, style))


def alert_lines(row: TriagedAlert, update: Update, now: float, tz: tzinfo) -> list[Line]:
    """Return an alert's lines: the suspect first, because the key acts on it."""
    alert = row.alert
    old = stale(update, tz, alert.source, *([row.service.source] if row.service else []))
    lines: list[Line] = [*old, line("alert", alert.title, "bold"), line("state", state(alert, now, tz))]
    lines += people_lines(update, now, row.id, *(m.id for m in row.members), row.service.id if row.service else "")
    lines += suspicion_lines(row, update, now, tz)
    if row.service:
        lines.append(line("service", service_words(row.service)))
        newest = update.board.deploys.get(row.service.deploy_id)
        lines += waits(newest, alert.state is not AlertState.RESOLVED) if newest else []
    lines += memory_lines(row, update, now, tz)
    lines += [line("same incident", f"{o.source}: {o.title} · {state(o, now, tz)}") for o in row.others[:OTHERS]]
    if row.others[OTHERS:]:
        lines.append(line("same incident", f"and {count(len(row.others) - OTHERS, 'more alert')}"))
    lines.append(line("sort reason", f"{row.why}{f' · {row.flaps}' if row.flaps else ''}", "dim"))
    if row.incident != alert.id and (incident := update.board.alerts.get(row.incident)):
        keys = f"{commands.named('ack')} and {commands.named('escalate')}"
        goes = f" · {keys} go to the incident" if route_verb(row, update.board, Verb.ACKNOWLEDGE) else ""
        words = f"{incident.source}: {incident.title} · {state(incident, now, tz)}{goes}"
        lines.append(line("pager", words))
    if words := aftermath(row, now):
        lines.append(line("pager", words))
    if held := assignment(alert, now):
        lines.append(line("assigned", held))
    lines += product_lines(row.product)
    lines += [line(name, text) for name, text in alert.annotations if name not in ("summary", "title")]
    if alert.labels:
        lines.append(line("labels", "  ".join(f"{k}={v}" for k, v in alert.labels)))
    if alert.url:
        lines.append(line("link", alert.url))
    lines.append(line("id", alert.id, "dim"))
    return lines


def guardrail_lines(held: Iterable[str]) -> list[Line]:
    """Return a line for each rule that holds for the row now, as ``Guard.about`` words it."""
    return [line("guardrail", words, "warning") for words in held]


def people_lines(update: Update, now: float, *subjects: str) -> list[Line]:
    """Return what other engineers do with any of *subjects*."""
    return [line("others", words, "warning") for words in doing(update.others, subjects, now)]


def memory_lines(row: TriagedAlert, update: Update, now: float, tz: tzinfo) -> list[Line]:
    """Return how often it came, the word on it, and its follow-ups, as far as that was read."""
    known = update.memory.get(row.id)
    if known is None:
        return []
    often = f"fired {known.recent} times in 30 days" if known.recent > 1 else ""
    words = " · ".join(word for word in (often, f"marked {known.mark}" if known.mark else "") if word)
    lines = [line("memory", words)] if words else []
    for one in known.follow_ups[:OTHERS]:
        owner = f"owner {one.owner}" if one.owner else "no owner"
        opened = f"opened {moment(one.opened_at, tz, now)} by {one.opened_by}"
        lines.append(line("follow-up", f"{one.title} · {one.state} · {owner} · {opened}"))
    return lines


def state(alert: Alert, now: float, tz: tzinfo) -> str:
    words = [str(alert.state)]
    if alert.by:
        words.append("by " + ", ".join(alert.by))
    if alert.by_at and alert.by:
        words.append(f"{moment(alert.by_at, tz, now)} ({ago(now - alert.by_at)})")
    if alert.until:
        words[-1] += "," if alert.by else ""
        words.append(f"until {moment(alert.until, tz, now)}")
    words.append(f"· began {moment(alert.began, tz, now)}, {ago(now - alert.began)}")
    if alert.escalates_at and alert.state.asks:
        words.append(f"· auto-escalates at {moment(alert.escalates_at, tz, now)}")
    if alert.comment:
        words.append(f"· {alert.comment}")
    return " ".join(words)


def suspicion_lines(row: TriagedAlert, update: Update, now: float, tz: tzinfo) -> list[Line]:
    """The first suspect and whether R can do something, the next ones, and what began too late to be one."""
    found = row.suspicion
    if not found.placed and not found.not_known:
        return []
    style = "warning" if found.suspects and not found.wide and not found.in_doubt else ""
    words = found.words(now, tz)
    lines = [line("suspect", words if found.suspects else words.replace("no suspect", "none", 1), style)]
    lines += [line("then", one.told(tz, now)) for one in found.suspects[1:OTHERS]]
    able = row.suspect and isinstance(target(Verb.ROLL_BACK, spot("alerts", row.id, row, update.board)), ActionTarget)
    of = next((n for n, one in enumerate(found.suspects[:OTHERS]) if isinstance(one, Suspect)), None)
    if able and of is not None:
        name, (text, its) = lines[of]
        lines[of] = (name, (f"{text}    {commands.named('rollback')} rolls it back", its))
    return lines + [line("later", s.words, "dim") for s in found.innocent[:OTHERS]]


def service_words(service: Service) -> str:
    pending = f" +{service.pending}" if service.pending else ""
    return f"{service.id}  {service.running}/{service.desired}{pending}  {service.revisions}  {service.health}"


def product_lines(product: Product | None) -> list[Line]:
    if product is None:
        return []
    words = [f"{product.name}", f"owner {product.owner}" if product.owner else ""]
    words += [f"runbook {product.runbook}" if product.runbook else "", "protected" if product.protected else ""]
    return [line("product", "   ".join(w for w in words if w))]


def service_lines(service: Service, update: Update, now: float, tz: tzinfo) -> list[Line]:
    """Return a service's lines: its deploy, its events, its alerts."""
    key = service.key
    lines = [*stale(update, tz, service.source), line("service", service_words(service), "bold")]
    lines.append(line("where", f"account {key.account} · {key.region} · cluster {key.cluster} · {service.deployed_by}"))
    lines.append(line("revision", service.revision.family_revision + images(service)))
    deploy = update.board.deploys.get(service.deploy_id)
    if deploy:
        lines += deploy_head(deploy, now, tz)
    if service.note:
        lines.append(line("note", service.note, "warning"))
    lines += people_lines(update, now, service.id, service.deploy_id)
    firing = [a.alert for a in update.triaged.alerts if a.service and a.service.id == service.id]
    lines += [line("alert", f"{a.severity} {a.title} · {state(a, now, tz)}") for a in firing[:4]]
    lines += product_lines(update.triaged.products.get(service.id))
    lines += [line(moment(at, tz, now), text, "dim") for at, text in service.events[:5]]
    return lines


def images(service: Service) -> str:
    return "".join(f"  {i.short} {i.digest[:15]}" for i in service.revision.images)


def deploy_head(deploy: Deploy, now: float, tz: tzinfo, takes_keys: bool = True) -> list[Line]:
    """Return a deploy's head: its name, its wait, its failures, its progress. *takes_keys*: see ``waits``."""
    head = f"{deploy.service_id} {named(deploy)}  {progress.state_words(deploy, tz, now)}"
    lines = [line("deploy", head, "critical" if deploy.state.bad else "bold")]
    lines += waits(deploy, takes_keys)
    lines += [line(name, words, style) for name, words, style in progress.why(deploy)]
    if far := progress.far(deploy, now):
        until = (
            f" (until {'about ' if deploy.bake_about else ''}{moment(deploy.bake_until, tz, now)})"
            if deploy.bake_until and deploy.bake_until > now
            else ""
        )
        lines.append(line("progress", far + until))
    return lines


def waits(deploy: Deploy, takes_keys: bool) -> list[Line]:
    """Return the lines on its wait. *takes_keys*: the row takes ``C`` (a resolved alert's refuses it)."""
    if not deploy.waits:
        return []
    goes_on = (
        f"    {commands.named('continue')} continues the deploy" if takes_keys and Verb.CONTINUE in deploy.verbs else ""
    )
    return [line("waits", deploy.waits + goes_on, "warning")]


def deploy_lines(deploy: Deploy, update: Update, now: float, tz: tzinfo) -> list[Line]:
    """Return a deploy's lines: its wait, its failures, its progress, its changes."""
    ended = f", ended {moment(deploy.finished, tz, now)}" if deploy.finished else ""
    lines = [*stale(update, tz, deploy.source), *deploy_head(deploy, now, tz)]
    lines.append(
        line("began", f"{moment(deploy.started, tz, now)}, {ago(now - deploy.started)} {began_by(deploy)}{ended}")
    )
    lines += people_lines(update, now, deploy.id, deploy.service_id)
    if deploy.old:
        lines.append(line("changes", " · ".join(changes(deploy.old, deploy.new))))
    counts = f"new {deploy.running} running, {deploy.pending} pending · old {deploy.old_running} left · "
    lines.append(line("tasks", f"{counts}{deploy.failed_tasks} failed"))
    lines += [line("stopped", f"{moment(f.at, tz, now)} {f.task} {f.summary}") for f in deploy.failures[1:4]]
    if deploy.alarms and deploy.state.running:
        lines.append(line("alarms", f"{', '.join(deploy.alarms)}: one that fires makes ECS roll it back"))
    lines.append(line("id", f"{deploy.native_id}  (read from {deploy.read_from})", "dim"))
    return lines


def _problem_words(problem: PartialFailure, source: SourceStatus) -> str:
    hint = renewing(problem.hint, [source], " on the board")
    return f"{problem.scope}: {problem.message}{f' → {hint}' if hint else ''}"


def source_lines(update: Update, now: float) -> list[Line]:
    """Every source: how it is, when it was last read well, what to do."""
    lines: list[Line] = []
    for s in update.board.sources.values():
        style = "ok" if s.live else "critical"
        lines.append(((f" {s.name:<12} ", "bold"), (f"{s.state.label:<15}", style), (f" {last_read(s, now):<16}", "")))
        if s.message:
            lines.append(((" " * 14, ""), (s.message, "")))
        hints = [
            renewing(s.hint, [s], " on the board"),
            *(_problem_words(p, s) for p in s.problems if not s.message.startswith(f"{p.scope}: {p.message}")),
            s.banner,
        ]
        lines += [((" " * 14 + "→ ", "dim"), (hint, "")) for hint in dict.fromkeys(hints) if hint]
        lines.append(((" " * 14, ""), (f"{s.provider}, {s.calls_per_s:.1f} calls/s", "dim")))
    if update.journal_failure:
        lines.append(((" journal      ", "bold"), (update.journal_failure, "critical")))
    lines += [
        ((" journal      ", "bold"), (words, "warning")) for words in (*update.notices, *update.skipped[-SKIPPED:])
    ]
    if update.shared_failure:
        lines.append(((" team         ", "bold"), (update.shared_failure, "warning")))
    lines += [((" recorder     ", "bold"), (words, "")) for words in update.recorder]
    lines += [
        ((" program      ", "bold"), (f"{words} (please report it with the log)", "critical"))
        for words in update.troubles
    ]
    return lines
