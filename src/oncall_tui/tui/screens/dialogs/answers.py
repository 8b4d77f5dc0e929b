"""The answers of dialogs that are no choice of their own, and how long a dialog that was just painted hears nothing.

Apart from the dialogs: who reads an answer need not import what asks, which takes time that the first frame has not.
"""

from __future__ import annotations

DEAF_S = 0.5
ANOTHER = "another"  # said where another target is wanted
OVERRIDE = "override"  # said where a guardrail is to be overridden
LOGIN = "login"  # said where an expired login is to be renewed
ANEW = "anew"  # said where the plan is too old to be carried out, or is asked for again
