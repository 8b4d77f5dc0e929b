"""Text for a terminal: cells, time, durations. Pure."""
