"""Read one ECS service on demand: tasks, logs, a shell."""
