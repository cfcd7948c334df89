"""devicehub: the vitals room's devices, read by themselves, filed in the patient dossier."""

__version__ = "0.1.0"
