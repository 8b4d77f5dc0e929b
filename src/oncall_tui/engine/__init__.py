"""The engine: pollers, board, actions and journal with one life cycle."""
