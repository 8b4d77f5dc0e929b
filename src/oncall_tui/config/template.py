"""The file that ``init`` writes: every key, explained by an example, and nothing said yet."""

from __future__ import annotations

from oncall_tui.config.model import DEFAULT_JOURNAL


def template() -> str:
    """Comments alone, so that it loads as it is. A line becomes active when it is uncommented."""
    return _TEMPLATE.replace("JOURNAL", DEFAULT_JOURNAL)


_TEMPLATE = """\
## The configuration of oncall-tui. Lines with one # are examples: uncomment them, and edit.
## /etc/oncall-tui/config.yaml is the team's; your ~/.config/oncall-tui/config.yaml is merged over it.
## A secret is {env: NAME}, {file: PATH} or {command: [ARG, ...]}, never a literal. A file that runs commands (a
## secret's command, a source's login) must be yours or root's, and writable by nobody else.

## Your name in the journal and at PagerDuty; without it the Unix account is used, and the screen says so.
# me:
#   name: Alice
#   email: alice@example.com         # the one that PagerDuty knows you by

## The time zone of every time on screen and in reports; UTC without it.
# timezone: Asia/Tokyo

## What is read. Every source has a name and a provider; interval_s is the time between polls, login the command
## that renews an expired login.
# sources:
#   - name: prod
#     provider: ecs
#     region: ap-northeast-1
#     profile: prod
#     act_profile: prod-operator     # used for actions only; without it, the reading profile acts too
#     clusters: ["prod-*"]
#     shell: /bin/sh                 # what `s` starts in a container
#     build_info:                    # where task definitions name their build: an env, a (docker) label or a tag
#       repository: {label: org.opencontainers.image.source}
#       commit: [{env: GIT_COMMIT}, {label: org.opencontainers.image.revision}]
#       version: {tag: genova.build}
#       author: {env: GIT_AUTHOR}
#     login: [aws, sso, login, --profile, prod]
#     account: "123456789012"        # only to override the account that was read
#   - name: other-account
#     provider: ecs
#     region: ap-northeast-1
#     role_arn: arn:aws:iam::123456789012:role/oncall-read
#     act_role_arn: arn:aws:iam::123456789012:role/oncall-act
#     endpoint_url: https://vpce-1.example.com   # instead of AWS's own; a banner says that it is in use
#   - name: alarms
#     provider: cloudwatch
#     region: ap-northeast-1
#     profile: prod
#     severity: {critical: ["*-critical"]}   # by the alarm's name; the rest are warnings
#     show_target_tracking: false    # alarms that target-tracking scaling keeps for itself
#   - name: databases
#     provider: rds                  # failovers, restarts, maintenance of databases, as changes
#     region: ap-northeast-1
#     profile: prod
#     databases: ["payments-*"]      # names of DB instances and clusters
#   - name: prom
#     provider: alertmanager
#     url: http://127.0.0.1:9093
#     bearer_token: {env: AM_TOKEN}
#     interval_s: 10
#     filter: ['team="payments"']    # matchers: the server sends only these
#     severity_label: severity
#     title: [summary, alertname]    # annotations or labels: the first that is there is the row's title
#     cluster_labels: [ecs_cluster, cluster]   # these four say which ECS service an alert is about
#     service_labels: [ecs_service, service]
#     account_label: account
#     region_label: region
#   - name: prom-behind-login
#     provider: alertmanager
#     url: https://alertmanager.example.com/prefix
#     username: oncall
#     password: {file: /run/secrets/alertmanager}
#     # These four are for every source and destination over HTTP.
#     headers: {X-Scope-OrgID: payments, X-Gateway-Token: {env: GATEWAY_TOKEN}}   # for a gateway
#     ca_file: /etc/oncall-tui/ca.pem      # the authority of its certificate, trusted besides the public ones
#     client_cert: ~/.config/oncall-tui/client.pem   # where it asks for a certificate
#     client_key: ~/.config/oncall-tui/client.key
#   - name: amp
#     provider: alertmanager
#     url: https://aps-workspaces.ap-northeast-1.amazonaws.com/workspaces/ws-0123/alertmanager
#     auth: sigv4                    # sign for AWS, with profile, role_arn, act_profile, act_role_arn as for ecs
#     signing_service: aps           # execute-api for an API gateway
#   - name: pager
#     provider: pagerduty
#     token: {command: [pass, show, pagerduty]}
#     url: https://api.pagerduty.com # https://api.eu.pagerduty.com in the EU
#     teams: [PABC123]               # these four narrow what is read
#     services: [PSVC001]
#     urgencies: [high, low]
#     mine: false                    # true: only incidents that are assigned to me
#     change_events: true            # what tools told PagerDuty of changes
#     schedule_edits: true           # who edited schedules: wants audit_records.read
#   - name: errors
#     provider: sentry
#     organization: example          # its slug
#     token: {env: SENTRY_TOKEN}     # the scopes event:read, and event:write to act
#     url: https://sentry.io         # https://de.sentry.io for data in the EU, or your own Sentry
#     projects: [checkout, search]   # these four narrow what is read; query is in Sentry's search language
#     environments: [production]
#     levels: [fatal, error]
#     query: "!logger:csp"
#     seen_within: 24h               # issues not seen for longer are not shown
#     services: {checkout: prod-main/checkout-api}   # which ECS service a project is: CLUSTER/SERVICE
#     releases: true                 # as changes; the token needs project:releases too
#   - name: dd
#     provider: datadog
#     site: datadoghq.com            # us3.datadoghq.com, us5.datadoghq.com, datadoghq.eu, ap1.datadoghq.com, …
#     url: https://api.datadoghq.com # only where it is reached by another name
#     api_key: {env: DD_API_KEY}
#     application_key: {env: DD_APP_KEY}   # with monitors_read, and monitors_downtime to silence and to see who did
#     monitor_tags: [team:payments]  # these three narrow what is read; query as on the page Manage Monitors
#     tags: [env:prod]
#     query: "type:metric"
#     states: [alert, warn, no data, unknown]
#     cluster_labels: [ecs_cluster, cluster_name]   # these four are tags that say which ECS service it is
#     service_labels: [ecs_service, service]
#     account_label: aws_account
#     region_label: region
#     events: "source:deploy env:prod"   # a search of the Events Explorer: changes; the key needs events_read too
#     notify_at_end: true            # when a silence ends and the monitor still alerts, Datadog notifies anew
#   - name: monitors
#     provider: mackerel
#     api_key: {env: MACKEREL_APIKEY}   # Read, and Write to close alerts
#     url: https://api.mackerelio.com
#     organization: example          # its name, for links to alerts
#     services: {Shop: prod-main/checkout-api}   # which ECS service a service of Mackerel's is
#   - name: events
#     provider: eventbridge
#     queue: https://sqs.ap-northeast-1.amazonaws.com/123456789012/oncall-events   # or its name; one reader a queue
#     region: ap-northeast-1         # profile, role_arn and endpoint_url as for ecs
#     profile: prod

## Which alerts page; the others only notify. A rule has fields (severity, provider, urgency, source, state) and labels;
## all of them must match, each as a glob, and one rule is enough.
# pages:
#   - {severity: critical}
#   - {provider: pagerduty, urgency: high}

## Heartbeats: alerts that must always fire. They are hidden while they do; a missing one is an alert that pages.
# expected:
#   - {alertname: Watchdog}

## Notification destinations: for alerts that cannot escalate at their source, and for rollbacks (a product's tell).
# escalation:
#   - name: payments-channel
#     provider: slack
#     token: {env: SLACK_TOKEN}      # a bot's, with chat:write: one thread an incident
#     channel: "#payments"
#   - name: ops-channel
#     provider: slack
#     webhook: {env: SLACK_WEBHOOK}  # or an incoming webhook: its URL is the secret
#   - name: payments-page
#     provider: pagerduty-events
#     routing_key: {env: PAGERDUTY_ROUTING_KEY}
#     url: https://events.pagerduty.com   # https://events.eu.pagerduty.com in the EU
#   - name: managers
#     provider: sns
#     topic_arn: arn:aws:sns:ap-northeast-1:123456789012:managers
#     profile: prod                  # role_arn and endpoint_url as for ecs
#     pages: true                    # false: it notifies, and pages nobody

## Systems with an owner. services are SOURCE/CLUSTER/SERVICE globs, alerts label: glob.
# products:
#   - name: payments
#     owner: "#team-payments"
#     runbook: https://wiki.example.com/payments
#     services: ["prod/prod-main/payments-*"]
#     alerts: {team: payments}
#     changes: ["prod/payments-*"]   # SOURCE/RESOURCE globs: its databases and the like
#     protected: true                # roll back only with the name typed
#     rollback_note: "v2 migrates the ledger: ask #team-payments first"
#     compare: https://github.com/example/payments/compare/{old_tag}...{new_tag}   # or {old_commit}...{new_commit}
#     tell: [payments-channel]       # notified when a rollback is sent, and how it ended

## Who may do what to what, and when: a rail against mistakes. A typed reason overrides what one refuses.
# guardrails:
#   - name: year-end
#     reason: year-end sale
#     products: [payments]           # globs, as all of these
#     services: ["prod/prod-main/payments-*"]
#     accounts: ["123456789012"]
#     sources: [prod]
#     actions: [roll back, restart]  # left out: everything that does more than tell people
#     freeze: {from: "2026-12-28 18:00", until: "2027-01-05 09:00"}
#     hours: [Mon-Fri 09:00-18:00 Asia/Tokyo]   # outside them it holds too
#     who: [sre-lead]                # may all the same
#     does: refuse                   # or: type the name
#     override: true                 # false: no reason overrides it

## Programs of your own, on a key or by name: no shell runs them, and a row's names stand in their arguments.
# commands:
#   - name: deploy
#     argv: [ecspresso, deploy, --config, "services/{service}/ecspresso.yml"]
#     key: D
#     what: ecspresso deploy of what the repository has
#     rows: [alert, service]           # and deploy, board
#     services: ["prod/prod-main/*"]   # SOURCE/CLUSTER/SERVICE globs
#     writes: true                     # shows its plan, and asks
#     timeout_s: 900
#     folder: ~/infra
#     env: {AWS_PROFILE: prod-operator}
#     secrets: [GITHUB_TOKEN]          # variables with secrets, which it would not get

## Where the commits between two builds are read, when somebody looks: a token with read access to their contents.
# github: {token: {env: GITHUB_TOKEN}, api_url: https://api.github.com, ca_file: /etc/oncall-tui/ca.pem}

## Switch every write off.
# read_only: false

## How the screen looks and sounds. keys: an action's id and its key (docs/keys.md); views: a name and a filter.
# screen:
#   bell: true                       # ring when something new pages
#   mouse: false                     # true takes the mouse from the terminal's own selecting and copying
#   theme: textual-dark
#   ambiguous_width: 2               # where the terminal draws "…", "→" and frames two cells wide
#   signs: ascii                     # where its font lacks them
#   keys: {rollback: ctrl+r}
#   views: {mine: payments}

## How long a rollback has to stay healthy before it is done, in seconds.
# steady_s: 60

## How long before an alert a deploy may have ended and still be suspected, in seconds.
# look_back_s: 3600

## Where the record of alerts, deploys and actions is kept, for how long, and the table that shares it with the team.
# journal:
#   path: JOURNAL
#   keep_days: 400
#   dynamodb: {table: oncall-tui-journal, region: ap-northeast-1}

## Where `oncall-tui record` shares its readings with the boards on its machine, and a group that may read there too.
# recorder: {socket: /run/oncall-tui/record.socket, group: oncall}
"""
