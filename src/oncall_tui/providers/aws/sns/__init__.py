"""SNS, as a destination."""
