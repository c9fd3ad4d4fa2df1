"""Windows learnt for a task: labelled clips, their splits, networks behind the transform, and what their scores show."""
