"""The simulated services: what each real API answers."""
