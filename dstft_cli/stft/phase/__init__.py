"""What the phase of S tells: where in time and frequency energy belongs."""
