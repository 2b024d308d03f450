"""A Discord on localhost: guild, HTTP API, gateway and page, in one process and without a network."""
