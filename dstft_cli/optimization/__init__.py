"""Window lengths and frame positions by gradient descent: criteria, loss, search, strategies."""
