"""The Model Context Protocol server: what an assistant may ask of the board. It reads, and no code that writes is here.

``interface``: all that it is given; ``board_answers`` and ``record_answers``: values → answers; ``marking``: every text
from outside, marked and cut; ``tools``: the one table; ``server``: the protocol, by the official SDK.
"""
