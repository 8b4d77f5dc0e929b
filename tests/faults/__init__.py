"""What each source says when it goes wrong, seen through the real engine; `python -m tests.faults` prints it."""
