"""Turn the triaged board into rows and lines. Pure."""
