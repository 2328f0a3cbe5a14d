"""Grading: runs submissions where they can harm nothing, and writes the grades nbgrader records."""
