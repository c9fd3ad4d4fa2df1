"""What a command does, from input files to output files."""
