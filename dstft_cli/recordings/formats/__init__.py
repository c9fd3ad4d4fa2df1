"""Formats that libraries of their own read: one module each, loaded when a file of that format is read."""
