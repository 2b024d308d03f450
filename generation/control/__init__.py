"""Control pictures: their kinds, the settings that name ControlNets, and control maps made of pictures. Imports no torch."""
