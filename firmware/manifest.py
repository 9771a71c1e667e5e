"""What is frozen into the firmware: the same for a board image and for the simulator.

Paths are relative to this file. MPY_DIR is the MicroPython tree that the build uses.
"""

include("$(MPY_DIR)/extmod/asyncio")

# opt=2 leaves out assertions and keeps line numbers, so that a logged exception still says where.
package("postino", opt=2)
module("boot.py", opt=2)
module("main.py", opt=2)
