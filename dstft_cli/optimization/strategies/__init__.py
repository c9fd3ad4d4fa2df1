"""How the descent steps where the plane fits in memory: frames that stay, and frames that move."""
