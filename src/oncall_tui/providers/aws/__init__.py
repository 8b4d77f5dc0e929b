"""AWS: ECS services and deploys, CloudWatch alarms, and what they share. The only room that knows botocore."""
