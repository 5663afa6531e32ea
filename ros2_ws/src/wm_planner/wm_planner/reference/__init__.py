"""The reference pages of the documentation, generated from the code.

``python -m wm_planner.reference docs/reference``, in a checkout of the repository, writes them; a
test compares them with the committed files. To add a page, write a module with ``page()``, which
returns its Markdown, and add its line to ``pages.py``.
"""
