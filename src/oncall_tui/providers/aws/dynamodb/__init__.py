"""DynamoDB, as a team's journal."""
