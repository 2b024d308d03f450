"""Orders that follow a control picture."""
