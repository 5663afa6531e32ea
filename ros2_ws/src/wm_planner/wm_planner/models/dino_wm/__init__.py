"""DINO-WM: frozen DINOv2 tokens and a transformer over frames (Zhou et al., arXiv 2411.04983)."""
