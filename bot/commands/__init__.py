"""One file a command or group. Each ends in `Delivery.deliver` (bot/gallery/delivery.py) or answers by itself."""
