"""The screen and its keys. The only package that imports Textual."""
