"""Trees of files, their atomic way onto the disk, the lock and the rendering of text."""
