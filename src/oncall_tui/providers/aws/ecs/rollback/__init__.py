"""Roll an ECS service back: snapshot, inputs, decision, plan, write, verification."""
