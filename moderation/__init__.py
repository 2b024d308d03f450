"""Verdicts on prompts and what a member may spend. Knows neither Discord nor SQL nor diffusers."""
