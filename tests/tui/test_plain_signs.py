"""Columns stay straight where a terminal draws ambiguous characters two cells wide; ASCII signs where asked for."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from tests.support.fakes import Able
from tests.support.screen import Rig, on_screen

from oncall_tui.config import load_text
from oncall_tui.errors import ConfigurationError
from oncall_tui.providers import registry
from oncall_tui.tui.widgets.clean_text import guard
from oncall_tui.tui.widgets.plain_signs import ASCII, PlainSigns

TITLE = "※ ①/payments → エラー率 ×3 … Ωμέγα"
SOURCE = "sources: [{name: prod, provider: ecs, region: ap-northeast-1}]\n"


def is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) == "A" and not unicodedata.combining(char)


async def shown(tmp_path: Path, size: tuple[int, int], wide: bool, *keys: str) -> str:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.add("a", title=TITLE)
    async with on_screen(rig, size):
        if wide:
            guard(rig.pilot.app, 2)
        rig.refresh()
        await rig.press(*keys)
        rig.pilot.app.refresh(repaint=True)
        await rig.pilot.pause()
        return rig.text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("keys", [(), ("question_mark",), ("enter",), ("E",)], ids=str)
async def test_no_cell_of_any_screen_may_take_two(tmp_path: Path, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    usual = await shown(tmp_path / "usual", size, False, *keys)
    plain = await shown(tmp_path / "plain", size, True, *keys)
    assert any(map(is_wide, usual))
    assert not {char for char in plain if is_wide(char)}
    assert [cell_len(line) for line in plain.splitlines()] == [cell_len(line) for line in usual.splitlines()]


def test_what_is_not_ambiguous_stays() -> None:
    wide = PlainSigns(wide=True, ascii_signs=False)
    assert wide.plain("エラー率 :41→:42 …") == "エラー率 :41>:42 ~"
    assert wide.plain("①※ Ω é") == "1* ? é".replace("é", wide.plain("é"))
    assert wide.plain("╭─┬─╮│├┼╯╱") == "+-+-+|+++/"
    ours = PlainSigns(wide=False, ascii_signs=True)
    assert ours.plain("⚠ Ω → ┃⣿") == "! Ω > |?"


def test_each_sign_takes_one_cell_and_controls_are_left_alone() -> None:
    assert {cell_len(sign) for sign in ASCII.values()} == {1}
    assert all(sign.isascii() and sign.isprintable() for sign in ASCII.values())
    control = Segment("→", None, [(1,)])  # type: ignore[list-item]
    assert PlainSigns(wide=True, ascii_signs=True).apply([control], None) == [control]  # type: ignore[arg-type]


def test_it_is_configured() -> None:
    config = load_text(f"{SOURCE}screen: {{ambiguous_width: 2, signs: ascii}}", registry.options_types())
    assert (config.screen.ambiguous_width, config.screen.signs) == (2, "ascii")
    with pytest.raises(ConfigurationError) as caught:
        load_text(f"{SOURCE}screen: {{ambiguous_width: 3}}", registry.options_types())
    assert "1" in str(caught.value.mistakes)
    assert "2" in str(caught.value.mistakes)
