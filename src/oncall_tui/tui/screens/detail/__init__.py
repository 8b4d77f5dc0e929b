"""Views of one row: the pane below the lists (`pane`), and a screen of its own (`screen`)."""
