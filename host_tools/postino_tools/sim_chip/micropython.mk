# Build rules of the simulated flash chip, included by the MicroPython build through USER_C_MODULES.

SIMCHIP_DIR := $(USERMOD_DIR)

SRC_USERMOD_C += $(SIMCHIP_DIR)/simchip.c $(SIMCHIP_DIR)/heap.c
CFLAGS_USERMOD += -I$(SIMCHIP_DIR)

# The linker sends every call of these three through heap.c, so that allocations can be counted
# and made to fail, and the live heap is noted after each collection, without a change to MicroPython.
LDFLAGS_USERMOD += -Wl,--wrap=gc_alloc -Wl,--wrap=gc_realloc -Wl,--wrap=gc_collect
