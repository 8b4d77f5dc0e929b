"""Data read on demand for an open screen: tasks, metrics, logs, runbooks. Never polled, never written."""
