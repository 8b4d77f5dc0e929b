"""The ECS provider: services and deploys of one account and region."""
