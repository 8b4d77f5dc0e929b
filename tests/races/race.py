"""What a race is made of, by its seed alone."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from tests.races.others import ALARM, Deed, Moment, moment
from tests.races.truth import BAD, PATH

KINDS = (
    "nothing",
    "completes",
    "stop lost",
    "second stop",
    "second, same",
    "second, other",
    "new deploy",
    "bad again",
    "R twice",
    "throttled",
    "read hangs",
    "write hangs",
    "write arrives late",
    "write cut off",
    "500 after effect",
    "500 before effect",
    "denied",
    "outage",
    "breaker",
    "hook",
    "second R",
    "alarm",
    "task dies",
    "scaled",
    "overtook",
    "deploys denied",
)
STRATEGIES = ("ROLLING", "BLUE_GREEN", "CANARY", "LINEAR", "CODE_DEPLOY")
WEIGHTS = (40, 20, 15, 10, 15)


class Race(NamedTuple):
    """What a seed stands for."""

    seed: int
    kind: str
    strategy: str
    http: bool
    on_deploy: bool  # R on the deploy's row, or on the service's
    pressed_s: float  # after the bad deploy began
    stale_s: float  # between the look at the board and R
    looks_s: float  # between the plan and its confirm
    deeds: tuple[Deed, ...]
    faults: tuple[dict[str, Any], ...]
    scenario: dict[str, Any]
    before: tuple[Deed, ...] = ()  # what others did before the bad deploy
    ends: dict[str, Any] = {}
    late_s: float | None = None
    twice: str = ""
    outage_s: float = 0.0  # from the write on, nothing answers
    blind: bool = False  # from the write on, ListServiceDeployments is denied


def made(seed: int, http: bool = False) -> Race:
    """The race of a seed: nothing else goes into it."""
    rng = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    (strategy,) = rng.choices(STRATEGIES, WEIGHTS)
    if kind == "hook":
        (strategy,) = rng.choices(STRATEGIES[1:4])
    begins = rng.choice((rng.uniform(2, 25), rng.uniform(2, 90), rng.uniform(60, 700)))
    parts: dict[str, Any] = {"deeds": (), "faults": ()} | _trouble(kind, strategy, rng)
    if rng.random() < 0.25:  # a second trouble beside
        more = _trouble(
            rng.choice([k for k in KINDS if k not in ("denied", "breaker", "hook", "alarm", kind)]), strategy, rng
        )
        parts = {**more, **parts, **{k: (*parts[k], *more.get(k, ())) for k in ("deeds", "faults")}}
    return Race(
        seed=seed,
        kind=kind,
        strategy=strategy,
        http=http,
        on_deploy=rng.random() < 0.5,
        pressed_s=begins,
        stale_s=rng.choice((0.5, rng.uniform(0, 5), rng.uniform(0, 15))),
        looks_s=rng.choice((1.0, rng.uniform(1, 10), rng.uniform(5, 45))),
        scenario=scenario(kind, strategy, rng),
        **parts,
    )


def _trouble(kind: str, strategy: str, rng: random.Random) -> dict[str, Any]:
    when = moment(rng)
    fault: dict[str, Any] = {"source": "prod", "count": rng.choice((1, 1, 2)), "skip": 0}
    write = {**fault, "writes_only": True}
    read = {**fault, "count": rng.randint(1, 3), "skip": rng.randint(0, 15)}
    match kind:
        case "completes":
            return {"deeds": (Deed(when, "complete"),)}
        case "stop lost":
            ends = rng.choice(("SUCCESSFUL", "SUCCESSFUL", "STOPPED", "ROLLBACK_FAILED"))
            return {"ends": {"service": PATH, "ends": ends, "after_s": rng.uniform(0.5, 6)}}
        case "second stop":
            return {"deeds": (Deed(when, "stop"),)}
        case "second, same":
            return {"deeds": (Deed(when, "deploy", 41),)}
        case "second, other":
            return {"deeds": (Deed(when, "deploy", 40),)}
        case "new deploy":
            return {"deeds": (Deed(when, "deploy", 43),)}
        case "bad again":
            return {"deeds": (Deed(when, "deploy", BAD),)}
        case "R twice":
            return {"twice": rng.choice(("same plan", "two plans", "R while it goes"))}
        case "throttled":
            return {"faults": ({**rng.choice((read, write)), "kind": "throttle"},)}
        case "read hangs":
            return {"faults": ({**read, "kind": "hang"},)}
        case "write hangs":
            return {"faults": ({**write, "kind": "hang", "after_effect": rng.random() < 0.5},)}
        case "write arrives late":
            return {"late_s": rng.uniform(0.2, 5.0)}
        case "write cut off":
            return {"faults": ({**write, "kind": "truncated"},)}
        case "500 after effect":
            return {"faults": ({**write, "kind": "error500", "after_effect": True},)}
        case "500 before effect":
            return {"faults": ({**write, "kind": "error500"},)}
        case "denied":
            return {"faults": ({**write, "kind": "denied", "count": None},)}
        case "outage":
            lost = ({**write, "kind": "hang", "count": 1},) if rng.random() < 0.5 else ()
            return {"outage_s": rng.uniform(15, 240), "faults": lost}
        case "deploys denied":
            return {"blind": True}
        case "second R":
            return {"deeds": (Deed(when, "R"),)}
        case "alarm":
            return {"deeds": (Deed(when, "trip"),)}
        case "task dies":
            return {"deeds": (Deed(when, "kill"),)}
        case "scaled":
            return {"deeds": (Deed(when, "scale", rng.randint(1, 6)),)}
        case "overtook":
            return {"before": (Deed(Moment("before", 0), "deploy", rng.choice((43, 40))),)}
        case "hook":
            answer = rng.choice(("CONTINUE", "ROLLBACK", "", ""))
            return {"deeds": (Deed(when, answer),) if answer else ()}
        case _:
            return {}


def scenario(kind: str, strategy: str, rng: random.Random) -> dict[str, Any]:
    """One service at rest with :41, which ran for six days; :40 and :39 before it."""
    service: dict[str, Any] = {
        "at": PATH,
        "desired": rng.randint(1, 4),
        "revision": 41,
        "days": 6,
        "image": "v1.8.3",
        "start_s": rng.uniform(2, 15),
        "steady_s": rng.uniform(5, 20),
        "definitions": {
            "39": {"image": "v1.8.1"},
            "40": {"image": "v1.8.2"},
            "42": {"image": "v1.9.0"},
            "43": {"image": "v1.9.1"},
        },
        "history": [
            {"revision": 39, "days": 40},
            {"revision": 40, "days": 20},
            {"revision": 41, "days": 6},
        ],
    }
    if kind == "breaker":
        service["definitions"]["42"]["fails"] = rng.choice(("exit", "oom", "pull"))
        service["breaker"] = {"enable": True, "rollback": rng.random() < 0.7, "threshold": rng.randint(2, 6)}
    if kind == "alarm" and strategy != "CODE_DEPLOY":
        service["deploy_alarms"] = {"names": [ALARM], "rollback": rng.random() < 0.7}
    if strategy == "CODE_DEPLOY":
        config = rng.choice(("ECSAllAtOnce", "ECSCanary10Percent5Minutes", "ECSLinear10PercentEvery1Minutes"))
        service["controller"] = strategy
        service["codedeploy"] = {
            "config": f"CodeDeployDefault.{config}",
            "wait_minutes": rng.choice((1, 5, 60)),
            "ready_minutes": rng.choice((0, 0, 10)),
        }
        if kind == "alarm":
            service["codedeploy"] |= {"alarms": [ALARM], "rollback_events": ["DEPLOYMENT_STOP_ON_ALARM"]}
    elif strategy != "ROLLING":
        service["strategy"] = {
            "name": strategy,
            "bake_minutes": rng.choice((0, 1, 5)),
            "step_percent": 25,
            "step_bake_minutes": 1,
            "canary_percent": 10,
            "canary_bake_minutes": rng.choice((1, 3)),
            "stage_s": rng.uniform(1, 4),
            "clean_up_stop": rng.choice(("accepted", "refused")),
        }
    if kind == "hook":
        stage = rng.choice(("POST_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"))
        service["hooks"] = [{"stages": [stage], "type": "PAUSE", "timeout_minutes": 30}]
    return {
        "name": "race",
        "sources": [{"name": "prod", "provider": "ecs", "clusters": ["main"]}],
        "services": [service],
    }
