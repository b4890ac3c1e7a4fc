"""aicomp."""
