"""Windows whose shape is learnt together with their length."""
