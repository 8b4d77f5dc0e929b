"""PagerDuty Events v2, as a destination: it pages without knowing whom."""
