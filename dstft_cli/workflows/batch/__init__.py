"""Many recordings at once: inputs found, workers, resuming, report."""
