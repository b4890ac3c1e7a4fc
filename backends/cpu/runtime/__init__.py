"""Running programs in this process: the thread pool, the driver, the loader, the native call, saved files."""
