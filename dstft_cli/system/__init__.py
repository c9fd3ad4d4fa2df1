"""The operating system: atomic files, folder locks, memory, devices, standard streams, shutdown."""
