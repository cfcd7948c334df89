"""The page of the vitals room: a live picture of its devices, in the browser of the workstation."""
