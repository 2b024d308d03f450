"""Pictures from requests. Knows diffusers and torch; knows neither Discord nor SQL.

The bot's process imports only the plain values (`request`, `ticket`, `dispatch`, `line`, `images`); torch is imported in the
worker process alone.
"""
