"""How the descent steps: on a plane in memory or block by block, with frames that stay and frames that move."""
