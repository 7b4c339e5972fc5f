"""Programs that stand between a chat platform and the service."""
