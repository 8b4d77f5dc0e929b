"""Amazon ECS, simulated: services whose rolling deploys move. Shapes are those of the service's API model."""
