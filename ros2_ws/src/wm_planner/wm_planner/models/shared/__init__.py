"""What the families of world models share: layers, rollouts, options, images and distances."""
