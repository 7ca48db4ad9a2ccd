"""Trees to the world: images, registries and running containers. The only room with effects outside a folder."""
