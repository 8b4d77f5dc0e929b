"""RDS: what happened to databases."""
