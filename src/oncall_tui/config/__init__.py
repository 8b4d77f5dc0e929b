"""The configuration: YAML text and each provider's options type become one frozen value, or every mistake at once."""

from oncall_tui.config.files import unsafe
from oncall_tui.config.kept_nodes import cache_folder
from oncall_tui.config.load import find, known_settings, load, load_files, load_text
from oncall_tui.config.model import Config, Me, PageRule, Screen, ScreenWords
from oncall_tui.config.template import template

__all__ = [
    "Config",
    "Me",
    "PageRule",
    "Screen",
    "ScreenWords",
    "cache_folder",
    "find",
    "known_settings",
    "load",
    "load_files",
    "load_text",
    "template",
    "unsafe",
]
