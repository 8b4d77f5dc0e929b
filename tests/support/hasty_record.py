"""``oncall-tui``, where the lease of a team's recorder is renewed and lost in a tenth of the time."""

from __future__ import annotations

from oncall_tui.__main__ import run
from oncall_tui.cli import record
from oncall_tui.journal import lease, team_lease

if __name__ == "__main__":
    record.RENEWED_S = lease.RENEWED_S / 10
    team_lease.LOST_S = lease.LOST_S / 10
    run()
