"""The moving picture of the documentation: ``python -m tests.support.moving_picture FILE``.

The real program on the simulated world, played by its keys at 80×24; one SVG, whose frames follow one another by CSS,
so that a browser needs no script and loads nothing.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from textual.pilot import Pilot

from oncall_tui import bootstrap
from oncall_tui.cli.demo import demo_config
from oncall_tui.tui.app import OncallApp
from tests.support.picture import until, world_served

SIZE = (80, 24)
MOST_BYTES = 2_000_000
CAPTION = 34  # units below the terminal
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


class Frame(NamedTuple):
    """What is on screen for *seconds*, and what was done for it, in words."""

    svg: str
    said: str
    seconds: float


class Player:
    """Plays the program, and takes a frame where something is to be seen."""

    def __init__(self, pilot: Pilot[None], app: OncallApp) -> None:
        self._pilot, self._app = pilot, app
        self.frames: list[Frame] = []

    async def take(self, said: str, seconds: float) -> None:
        """Keep what is on screen now."""
        await self._pilot.pause(0.3)
        self.frames.append(Frame(self._app.export_screenshot(title="oncall-tui"), said, seconds))

    async def press(self, *keys: str) -> None:
        """Press keys as a person does: not in one burst."""
        for key in keys:
            await self._pilot.press(key)
            await self._pilot.pause(0.05)

    async def sees(self, text: str, seconds: float = 60.0) -> None:
        """Wait for a text on screen."""
        await until(self._pilot, self._app, text, seconds)


async def play(world: dict[str, object]) -> list[Frame]:
    """The night, from the page to the rollback that is done."""
    with tempfile.TemporaryDirectory() as scratch:
        config = demo_config(world, Path(scratch))
        engine = bootstrap.make_engine(config)
        app = OncallApp(engine, config)
        async with app.run_test(size=SIZE) as pilot:
            player = Player(pilot, app)
            await player.sees("search-index", 30)
            await player.press("G")
            await player.take("The board: alerts, ECS services and deploys, joined", 2.5)
            await player.sees("NEW PAGE")
            await asyncio.sleep(4)
            await player.take("A page arrives while the cursor is elsewhere", 2.5)
            await player.press("g")
            await player.take("g – to the page: which deploy is suspected, and why", 3.5)
            await asyncio.sleep(1)
            await player.press("a")
            await player.sees("m left", 20)
            await player.take("a – acknowledge: the escalation stops", 2.5)
            await player.press("enter")
            await player.sees("1 alert", 10)
            await asyncio.sleep(2)
            await player.take("Enter – the alert, its service, tasks and deploys", 3.0)
            await player.press("escape", "l")
            await player.sees("began ──", 20)
            await asyncio.sleep(1.5)
            await player.take("l – what the service logged when it began", 3.0)
            await player.press("escape")
            await asyncio.sleep(1)
            await player.press("R")
            await player.sees("Protected", 15)
            await player.take("R – the plan: from what to what, and by which call", 3.5)
            await asyncio.sleep(1)
            await player.press(*"payments-api")
            await player.take("It is protected, so its name is typed", 2.0)
            await player.press("enter")
            await player.sees("rolling back", 30)
            await player.take("Sent once; followed until AWS says how it ended", 2.5)
            await player.sees("steady for", 90)
            await player.take("Not done before it is: the service has to stay healthy", 2.5)
            await player.sees("done", 120)
            await player.take("Done", 4.0)
            app.exit()
        engine.stop()
    return player.frames


def _bare(svg: str) -> tuple[str, str]:
    """Return a picture's style, without a font from elsewhere, and what it draws."""
    style = re.search(r"<style>(.*?)</style>", svg, re.S)
    assert style
    rules = re.sub(r"@font-face\s*{[^}]*}", "", style[1]).replace("Fira Code, monospace", FONT)
    drawn = svg[style.end() :].removesuffix("</svg>\n").removesuffix("</svg>")
    return re.sub(r"\s*\n\s*", "", rules), re.sub(r"\s*\n\s*", "\n", drawn)


def moving(frames: list[Frame]) -> str:
    """Return one SVG of all frames, which begins again after the last. Who wants no motion sees the last one."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', frames[0].svg)
    assert box
    width, height = float(box[1]), float(box[2])
    whole = sum(frame.seconds for frame in frames)
    rules, groups, at = [], [], 0.0
    for number, frame in enumerate(frames):
        style, drawn = _bare(frame.svg)
        begins, ends = 100 * at / whole, 100 * (at + frame.seconds) / whole
        at += frame.seconds
        before = "" if number == 0 else f"0%,{begins - 0.001:.3f}%{{visibility:hidden}}"
        after = "" if number == len(frames) - 1 else f"{ends:.3f}%,100%{{visibility:hidden}}"
        last = f"{ends - 0.001:.3f}%" if after else "100%"
        rules.append(f"{style}@keyframes f{number}{{{before}{begins:.3f}%,{last}{{visibility:visible}}{after}}}")
        rules.append(f".f{number}{{animation:f{number} {whole:g}s steps(1) infinite}}")
        said = f'<text class="said" x="{width / 2:g}" y="{height + 22:g}">{escape(frame.said)}</text>'
        groups.append(f'<g class="f f{number}">{drawn}{said}</g>')
    rules.append(f".said{{font:18px {FONT};fill:#888;text-anchor:middle}}.f{{visibility:hidden}}")
    still = f".f{{animation:none}}.f{len(frames) - 1}{{visibility:visible}}"
    rules.append(f"@media (prefers-reduced-motion:reduce){{{still}}}")
    size = f'viewBox="0 0 {width:g} {height + CAPTION:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{"".join(rules)}</style>{"".join(groups)}</svg>\n'


def main(file: Path) -> None:
    """Write the moving picture."""
    with world_served() as world:
        text = moving(asyncio.run(play(world)))
    assert len(text.encode()) < MOST_BYTES, len(text)
    file.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/night.svg"))
