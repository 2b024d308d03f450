"""ControlNets of a model and the maps that they follow."""
