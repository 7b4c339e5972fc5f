"""The product around the library: the command line and the HTTP service."""
