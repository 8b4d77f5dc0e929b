"""The process itself: its clock, its job queues, its log, its secrets."""
