"""Discord: commands, buttons, cards. The only package that knows it."""
