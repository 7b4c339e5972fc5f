"""The HTTP endpoints under `/v1`."""
