"""The Discord side: commands, buttons, cards. No other package knows Discord."""
