"""Screens: one a file, each with a style sheet of its name in `styles/`."""
