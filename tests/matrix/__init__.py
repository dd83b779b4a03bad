"""Every set of refused permissions, every journey of the shop: at the server, without a browser."""
