"""Tell others: destinations, the notifier, escalation to a destination."""
