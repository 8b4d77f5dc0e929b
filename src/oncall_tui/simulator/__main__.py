"""`python -m oncall_tui.simulator`: serve a world on loopback, or renew a simulated login."""

import argparse
import contextlib
import json
import os
import sys
import threading
from typing import Any
from urllib.error import URLError

if not __package__:  # started as a file, by `command`: find this package, and nothing else in this folder
    _here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(os.path.dirname(_here)), *(one for one in sys.path if one != _here)]

DEFAULT_SCENARIO = "night"


def main(argv: list[str]) -> int:
    """Run one command; the exit status: 2 for what was asked wrongly."""
    asked = _parser().parse_args(argv)
    return _login(asked.control, asked.source) if asked.command == "login" else _serve(asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="oncall-tui drill", description="A simulated world behind real protocols.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve a world, and print one JSON line that tells where")
    serve.add_argument("--scenario", default=DEFAULT_SCENARIO, metavar="NAME|FILE.yaml")
    serve.add_argument("--port", type=int, default=0, help="of the control API; the sources take the next ones")
    serve.add_argument("--speed", type=float, default=1.0, help="divides how long things take")
    serve.add_argument("--seed", type=int, default=1)
    serve.add_argument("--clock", choices=("wall", "manual"), default="wall")
    serve.add_argument("--services", type=int, default=0, help="of the scale scenario")
    serve.add_argument("--alerts", type=int, default=0, help="of the scale scenario")
    serve.add_argument("--with-parent", action="store_true", help="end when stdin does")
    login = commands.add_parser("login", help="renew a simulated login that has expired")
    login.add_argument("control")
    login.add_argument("source")
    return parser


def _serve(asked: argparse.Namespace) -> int:
    from oncall_tui.simulator.scenarios.reader import ScenarioError

    if asked.speed <= 0:
        sys.stderr.write("--speed: expected more than 0\n")
        return 2
    try:
        line = _start(asked)
    except (ScenarioError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        if asked.with_parent:
            while os.read(0, 4096):
                pass
        else:
            threading.Event().wait()
    return 0


def _start(asked: argparse.Namespace) -> str:
    """Bring a world up; the line that tells where."""
    from oncall_tui.simulator.start import open_world

    opened = open_world(_scenario(asked), asked.speed, asked.clock == "manual", asked.seed, asked.port)
    return json.dumps(opened.told, ensure_ascii=False)


def _scenario(asked: argparse.Namespace) -> dict[str, Any]:
    if asked.scenario == "scale" or asked.services or asked.alerts:
        from oncall_tui.simulator.scenarios.scale import scale

        return scale(asked.services or 200, asked.alerts or 200)
    from oncall_tui.simulator.scenarios.reader import load

    return load(asked.scenario)


def _login(control: str, source: str) -> int:
    import urllib.request

    sys.stdout.write("Open this page on any device:  https://device.sso.example.com/\n")
    sys.stdout.write("and enter the code:            DRILL-CODE\n")
    sys.stdout.flush()
    body = json.dumps({"source": source}).encode()
    request = urllib.request.Request(f"{control}/_drill/login", data=body, method="POST")
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5):
            sys.stdout.write(f"Logged in: {source}.\n")
            return 0
    except (URLError, OSError) as error:
        sys.stderr.write(f"The login failed: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
