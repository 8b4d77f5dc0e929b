"""Plain objects that the keys call: each takes the session, and the dialogs where it asks something."""
