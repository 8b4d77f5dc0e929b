"""The moving picture of the documentation: each frame is seen in its own time, and nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from tests.support.moving_picture import MOST_BYTES, Frame, moving

NIGHT = Path(__file__).parents[2] / "docs" / "night.svg"


def picture(text: str) -> str:
    style = '@font-face { src: url("https://example.com/font"); } .r { fill: red }'
    return (
        f'<svg viewBox="0 0 100 50" xmlns="http://www.w3.org/2000/svg"><style>{style}</style><text>{text}</text></svg>'
    )


def test_frames_follow_one_another_without_a_gap() -> None:
    made = moving(
        [Frame(picture("one"), "first <b>", 1.0), Frame(picture("two"), "", 3.0), Frame(picture("3"), "", 4.0)]
    )
    root = ElementTree.fromstring(made)
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")][:3] == ["one", "first <b>", "two"]
    seen = re.findall(r"@keyframes f\d\{.*?(\d+\.\d+)%,(\d+(?:\.\d+)?)%\{visibility:visible\}", made)
    assert seen == [("0.000", "12.499"), ("12.500", "49.999"), ("50.000", "100")]
    assert "8s steps(1) infinite" in made
    assert "example.com" not in made


def test_the_one_in_the_documentation_is_small_and_loads_nothing() -> None:
    text = NIGHT.read_text()
    assert len(text.encode()) < MOST_BYTES
    assert "url(http" not in text
    assert "http://www.w3.org/2000/svg" in text
    assert len(re.findall(r'<g class="f f\d+">', text)) >= 8
