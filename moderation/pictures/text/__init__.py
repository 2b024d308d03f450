"""Reads what is written in a picture, where the owner has installed a package for it."""
