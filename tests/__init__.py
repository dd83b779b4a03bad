"""The tests: they mirror the rooms of src/, and add promises, browser and house."""
