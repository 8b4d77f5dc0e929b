"""When to ask whom: a poller a source, on that source's own threads. No Textual, no provider by name."""
