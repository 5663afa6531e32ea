"""Convert training runs of other projects into model directories of ours.

Each family has a package of its own: ``dino_wm`` is the example. What they share is here.
"""
