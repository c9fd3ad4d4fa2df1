"""What commands print to the terminal: tables, progress and facts about recordings and results."""
