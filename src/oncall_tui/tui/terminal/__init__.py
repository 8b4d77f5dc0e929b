"""The terminal itself: keys as they arrive, another program in front, the bell."""
