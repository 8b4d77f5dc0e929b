"""AWS, simulated."""
