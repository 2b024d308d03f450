"""The page on which a member draws a region of a picture: its web server, its files, and its buttons in Discord."""
