"""Uses what other devices know about a run: speed and contact time, aligned with the recording."""
