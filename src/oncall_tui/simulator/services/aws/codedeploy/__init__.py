"""CodeDeploy, simulated."""
