"""Many callers at once, killed processes, made-up requests: short by default, at length with `STRESS=full`."""
