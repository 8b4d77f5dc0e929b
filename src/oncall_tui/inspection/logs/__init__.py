"""A service's log: what to ask next, its lines in a bounded buffer, a link to the console."""
