"""The numbers on screen: with plots, and what each of them counts."""
