"""Pictures of tracks and of orders."""
