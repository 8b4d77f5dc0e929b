"""What the engineer sees and presses. The only room that knows Textual."""
