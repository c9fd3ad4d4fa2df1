"""The sampling rate of a table: columns that are clocks or counters, and what the lines above the numbers declare."""
