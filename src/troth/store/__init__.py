"""The only SQL over our own tables, and the only place that commits our own transactions."""
