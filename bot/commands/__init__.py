"""One file for each command or group. Each one ends in `Delivery.deliver` (bot/gallery/delivery.py) or answers itself."""
