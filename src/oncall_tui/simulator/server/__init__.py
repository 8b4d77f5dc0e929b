"""Serve a simulated world on loopback: HTTP, control, faults."""
