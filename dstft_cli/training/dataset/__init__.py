"""A data set: its clips, their labels, and the parts that train, validate and test."""
