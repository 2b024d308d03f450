"""One file a command or group. Each ends in `bot.gallery.deliver` or answers by itself."""
