"""The canvas of a request: lays a picture on it, fills what is new, and masks what is drawn. Uses Pillow and numpy, no torch."""
