"""The operating system: files replaced as a whole, locks, memory, devices, standard streams, shutdown."""
