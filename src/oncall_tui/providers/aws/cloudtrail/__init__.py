"""Reads CloudTrail, where an engineer asks who did something; never by a poll."""
