"""The CloudWatch provider: alarms, mute rules, metrics."""
