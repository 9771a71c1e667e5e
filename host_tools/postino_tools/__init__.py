"""Host tools of Postino: the simulator, the tools for the board, and the build of the runtime."""

__version__ = "0.1.0"
