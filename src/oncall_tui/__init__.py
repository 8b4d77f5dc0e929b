"""oncall-tui: what is on fire, which ECS service it is, which deploy did it, and one key to make it stop."""

__version__ = "0.1.0"
