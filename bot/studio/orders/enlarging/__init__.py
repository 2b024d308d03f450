"""Orders that enlarge a picture."""
