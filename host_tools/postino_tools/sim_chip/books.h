// The books: what the simulated chip and heap count, shared with the host through a mapped file.
//
// Layout of the books, little endian (mirrored in host_tools/postino_tools/books.py):
//
//      0  char[8]  "POSTBOOK"
//      8  u32      layout version: 1
//     12  u32      block size: 4096
//     16  u64      chip size in bytes
//     24  u64      operations: programs + erases since process start
//     32  u64      address of the first byte of a refused program, or all ones
//     40  u64      largest live heap after any collection, in bytes
//     48  u64      collections since process start
//     56  u64      process id that the runtime must have as its parent, 0 for any
//     64  u64[16]  gauges, written by simchip.note()
//   4096  one record for each block of the chip: u64 reads, read_bytes, progs, prog_bytes, erases
//
// The header ends long before the first record, so both may grow without a change of place.

#ifndef POSTINO_SIMCHIP_BOOKS_H
#define POSTINO_SIMCHIP_BOOKS_H

#include <stdint.h>

#include "py/obj.h"

#define BLOCK_SIZE (4096)
#define GAUGES (16)
#define BOOKS_VERSION (1)

typedef struct _books_header_t {
    char magic[8];
    uint32_t version;
    uint32_t block_size;
    uint64_t chip_size;
    uint64_t operations;
    uint64_t fault_address;
    uint64_t heap_peak_used;
    uint64_t collections;
    uint64_t owner;
    uint64_t gauges[GAUGES];
} books_header_t;

typedef struct _block_record_t {
    uint64_t reads;
    uint64_t read_bytes;
    uint64_t progs;
    uint64_t prog_bytes;
    uint64_t erases;
} block_record_t;

// The open books, NULL before simchip.open().
extern books_header_t *simchip_books;

// The functions of the module that belong to the heap (heap.c).
MP_DECLARE_CONST_FUN_OBJ_1(simchip_fail_allocation_obj);
MP_DECLARE_CONST_FUN_OBJ_0(simchip_allocations_obj);
MP_DECLARE_CONST_FUN_OBJ_0(simchip_heap_live_obj);

#endif
