// Instruments on the heap: count allocations, make one fail, note the live size after each collection.
//
// They see the heap through the linker (see micropython.mk), so MicroPython itself is unchanged, and they keep their
// state outside the heap that they measure.

#include "py/gc.h"
#include "py/runtime.h"

#include "books.h"

// Allocations so far, and how many more until one fails; 0 for none.
static mp_uint_t allocations;
static uint32_t fail_countdown;

// fail_allocation(n): the n-th allocation from now on fails, once. 0 disarms.
static mp_obj_t simchip_fail_allocation(mp_obj_t n_in) {
    mp_int_t n = mp_obj_get_int(n_in);
    if (n < 0) {
        mp_raise_ValueError(NULL);
    }
    fail_countdown = n;
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(simchip_fail_allocation_obj, simchip_fail_allocation);

// allocations() -> allocations since process start. Asking is none: a small integer is not on the heap.
static mp_obj_t simchip_allocations(void) {
    return mp_obj_new_int_from_uint(allocations);
}
MP_DEFINE_CONST_FUN_OBJ_0(simchip_allocations_obj, simchip_allocations);

// heap_live() -> bytes in use, garbage included until it is collected.
static mp_obj_t simchip_heap_live(void) {
    gc_info_t info;
    gc_info(&info);
    return mp_obj_new_int_from_uint(info.used);
}
MP_DEFINE_CONST_FUN_OBJ_0(simchip_heap_live_obj, simchip_heap_live);

void *__real_gc_alloc(size_t n_bytes, unsigned int alloc_flags);
void *__real_gc_realloc(void *ptr, size_t n_bytes, bool allow_move);
void __real_gc_collect(void);
void *__wrap_gc_alloc(size_t n_bytes, unsigned int alloc_flags);
void *__wrap_gc_realloc(void *ptr, size_t n_bytes, bool allow_move);
void __wrap_gc_collect(void);

// Counts an allocation. True when it is the one that has to fail.
static bool allocation_fails(void) {
    allocations += 1;
    return fail_countdown != 0 && --fail_countdown == 0;
}

// Requests that can only fail, for nothing or under a locked heap, are not allocations.
void *__wrap_gc_alloc(size_t n_bytes, unsigned int alloc_flags) {
    if (n_bytes > 0 && !gc_is_locked() && allocation_fails()) {
        return NULL;
    }
    return __real_gc_alloc(n_bytes, alloc_flags);
}

// Growing a block counts as an allocation, in place or not: which of the two it will be depends on its neighbours.
// A caller that does not allow a move only probes and has its own way on, so that is none.
void *__wrap_gc_realloc(void *ptr, size_t n_bytes, bool allow_move) {
    bool grows = n_bytes > 0 && (ptr == NULL || n_bytes > gc_nbytes(ptr));
    if (grows && allow_move && !gc_is_locked() && allocation_fails()) {
        return NULL;
    }
    return __real_gc_realloc(ptr, n_bytes, allow_move);
}

// The live size is what is left in use right after a collection.
void __wrap_gc_collect(void) {
    __real_gc_collect();
    if (simchip_books != NULL) {
        gc_info_t info;
        gc_info(&info);
        simchip_books->heap_peak_used = MAX(simchip_books->heap_peak_used, info.used);
        simchip_books->collections += 1;
    }
}
