"""Options that several commands share, and how those that are settings are read."""
