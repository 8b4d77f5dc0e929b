"""A recorder's readings, shared with the boards on its machine over a Unix socket. Read only: nothing is acted here."""
