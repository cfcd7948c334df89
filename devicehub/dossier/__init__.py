"""The dossier: files readings in the patient's record and answers each with a receipt."""
