"""What pytest must not import to look for doctests: it would have R in its process ever after."""

collect_ignore = ["embedded_cases.py"]
