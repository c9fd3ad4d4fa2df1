"""``dstft train`` and ``dstft predict``: from labelled clips to a model, tables and pictures, and from a model to predictions."""
