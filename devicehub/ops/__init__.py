"""The demo: a whole room on one machine, and the view of it in a terminal."""
