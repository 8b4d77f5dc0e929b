"""The faults of Textual that ``tui/terminal/driver.py``, ``tui/collector.py`` and ``tui/lean_strips.py`` work around: a
test fails where one is mended there, so that ours can go. Its version is pinned by requirements.lock.
"""

from __future__ import annotations

import inspect
import re

import pytest
import textual.strip
from rich.segment import Segment
from textual._styles_cache import StylesCache
from textual.drivers.linux_driver import LinuxDriver
from textual.strip import Strip

from oncall_tui.tui import lean_strips
from oncall_tui.tui.collector import Collector
from oncall_tui.tui.terminal.driver import KeyDriver

FAULTS = {
    "run_input_thread": ('getincrementaldecoder("utf-8")().decode', "textual#6456: strict decoding ends the program"),
    "_get_terminal_size": ("shutil.get_terminal_size()", "textual#6153: COLUMNS and LINES win over the window"),
    "_sigcont_application": ("self.resume_application_mode()", "SIGCONT without SIGTSTP starts the driver twice"),
    "_query_in_band_window_resize": ("2048$p", "sizes among the keys can be forged by what is typed"),
    "disable_input": ("TCIFLUSH", "an answer that comes later than the flush is typed into what runs next"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_worked_around_is_still_there(name: str) -> None:
    fault, why = FAULTS[name]
    assert fault in inspect.getsource(getattr(LinuxDriver, name)), f"mended? ({why}): try without the override"
    assert name in vars(KeyDriver), "the work-around is gone: take the row away too"


def test_the_end_of_input_is_still_read_again_and_again() -> None:
    source = inspect.getsource(LinuxDriver.run_input_thread)
    assert "if not unicode_data:" in source, "mended? (textual#6690: the end of input spins a core)"
    assert "break" in source.partition("if not unicode_data:")[2][:120]


def test_the_names_that_are_overridden_are_there() -> None:
    for name in ("start_application_mode", "suspend_application_mode", "resume_application_mode", "close"):
        assert callable(getattr(LinuxDriver, name))
    for word in ("_writer_thread", "_key_thread", "attrs_before", "exit_event", "_file"):
        assert word in inspect.getsource(LinuxDriver), word


def test_textual_keeps_the_lines_of_widgets_that_are_gone() -> None:
    source = inspect.getsource(StylesCache)
    assert "@lru_cache" in source.partition("def get_inner_outer")[0][-40:], "mended? (1,024 widgets are kept alive)"
    assert "get_inner_outer.cache_clear()" in inspect.getsource(Collector), (
        "the work-around is gone: take this away too"
    )


def test_a_strip_has_seven_caches_from_the_first_and_ours_the_same_when_they_are_asked_for() -> None:
    source = inspect.getsource(textual.strip).partition("class Strip:")[2]
    begun = source.partition("def __init__(")[2].partition("\n    def ")[0]
    caches = {name: int(size) for name, size in re.findall(r"self\.(\w+)[^=]*= FIFOCache\((\d+)\)", begun)}
    assert caches == lean_strips.CACHES
    others = set(re.findall(r"self\.(\w+)\b", begun)) - caches.keys()
    assert others == {"_segments", "_cell_length", *lean_strips.NOT_YET}
    assert all(f"self.{name}: " in begun and begun.count("| None = None") >= 3 for name in lean_strips.NOT_YET)


def test_a_strip_keeps_what_it_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Strip, "__init__", Strip.__init__)
    monkeypatch.setattr(Strip, "__getattr__", None, raising=False)
    lean_strips.make_strips_lean()
    strip = Strip([Segment("payments"), Segment(" api")])
    assert (strip.cell_length, strip.text) == (12, "payments api")
    cut = strip.crop(0, 8)
    assert cut.text == "payments"
    assert strip.crop(0, 8) is cut
    assert [part.text for part in strip.divide([8, 12])] == ["payments", " api"]
    assert strip.adjust_cell_length(14).text == "payments api  "
    assert not hasattr(strip, "_any_other")
    slots = [name for name in lean_strips.CACHES if name not in ("_crop_cache", "_divide_cache", "_line_length_cache")]
    for name in slots:
        with pytest.raises(AttributeError):
            object.__getattribute__(strip, name)
