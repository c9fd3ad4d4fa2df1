"""What each command does with its options: read, run, write and print. Imported when the command is called."""
