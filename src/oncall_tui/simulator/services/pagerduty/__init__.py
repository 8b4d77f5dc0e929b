"""PagerDuty, simulated."""
