"""The contracts of the house: what holds for every file, whoever wrote it."""
