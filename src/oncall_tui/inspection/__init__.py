"""What is read on demand of what an engineer looks at: tasks, metrics, logs, runbooks. Never polled, never written."""
