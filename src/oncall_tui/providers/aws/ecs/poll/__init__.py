"""The poller's side of ECS: what is due is read within the rate limit."""
