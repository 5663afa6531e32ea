"""What the doctor knows: pure checks on a model and on data, each a number and a sentence.

``soundness`` and ``checkpoint`` look at the model alone; ``data_set`` at its statistics;
``layout`` and ``distribution`` at recorded numbers; ``inputs``, ``encoding``, ``prediction`` and
``losses`` at what the model makes of a recorded ``Episode``, which ``data_set`` and ``bag_episode``
read. Nothing here prints.
"""
