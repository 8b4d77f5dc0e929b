"""Reports of what happened: the handover."""
