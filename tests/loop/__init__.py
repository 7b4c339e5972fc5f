"""The analysts' loop with real parts: service processes, workers, training."""
