"""The simulated world: its time, its events, its truth."""
