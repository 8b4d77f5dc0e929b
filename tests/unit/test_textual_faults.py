"""The faults of Textual that ``tui/terminal/driver.py`` and ``tui/collector.py`` work around: a test fails where one is
mended there, so that ours can go. Its version is pinned by requirements.lock.
"""

from __future__ import annotations

import inspect

import pytest
from textual._styles_cache import StylesCache
from textual.drivers.linux_driver import LinuxDriver

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
