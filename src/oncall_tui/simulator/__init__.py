"""A small simulated world behind real wire protocols, served on loopback: the demo's and the tests' other side.

It imports the standard library and PyYAML alone, and nothing else of this program.
"""
