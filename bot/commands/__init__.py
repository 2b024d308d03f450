"""One file a command or group. Each ends in `bot.gallery.delivery.deliver` or answers by itself."""
