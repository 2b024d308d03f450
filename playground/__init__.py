"""A simulated Discord on localhost: guild, HTTP API, gateway and web page, in one process and without a network."""
