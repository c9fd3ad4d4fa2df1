"""Audio containers checked byte by byte, before and after their samples are decoded."""
