"""Convert training runs of gaoyuezhou/dino_wm."""
