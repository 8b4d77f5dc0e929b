"""The log of a service on screen. Imported when its key is pressed, not before the first frame."""
