"""Programs that run without Python: objects, shared libraries with a header, executables."""
