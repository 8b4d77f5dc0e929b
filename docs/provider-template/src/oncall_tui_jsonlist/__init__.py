"""Alerts of a JSON list over HTTP, for oncall-tui. Imported when the configuration is read: keep it light."""

from oncall_tui.providers.outside import ProviderManifest

PROVIDER = ProviderManifest(
    api_version=1,
    options="oncall_tui_jsonlist.options:JsonListOptions",
    factory="oncall_tui_jsonlist.provider:build",
)
