"""An Alertmanager, simulated."""
