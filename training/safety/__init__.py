"""How the learned half of the prompt filter is made. The bot never imports this; it reads what this wrote."""
