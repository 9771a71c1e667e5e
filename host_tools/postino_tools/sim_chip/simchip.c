// The flash chip of the simulated board.
//
// This is the MicroPython module `simchip`, compiled into the runtime of the simulator only. The whole flash chip is a
// file mapped into memory; `Partition` gives the firmware windows onto it with the methods of `esp32.Partition`.
// Everything that is counted goes into a second mapped file, the books, which the host reads at any time, also after
// the runtime has died (layout in books.h). All state is outside the garbage-collected heap, so none of it counts as
// the firmware's memory.
//
// Rule of this file: littlefs calls the flash methods through C frames that an exception would skip and leave
// corrupt. They neither raise nor allocate; a wrong call returns a negative errno and writes nothing.
//
// An operation is one block-device call. It is counted at the block where it starts, its bytes at the blocks where
// they lie. `writeblocks(n, buf)`, which erases first, is one erase and one program for each block.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "py/binary.h"
#include "py/runtime.h"

#include "books.h"

#define PAGE_SIZE (256)

// What the process ends with: a program that would set a cleared bit, and a power cut.
#define EXIT_NOR_VIOLATION (98)
#define EXIT_POWER_CUT (99)

// Cost of real flash, in nanoseconds.
#define READ_CALL_NS (30 * 1000)
#define READ_BYTE_NS (100)
#define PROGRAM_PAGE_NS (500 * 1000)
#define ERASE_BLOCK_NS (45 * 1000 * 1000)

// The numbers of the block-device protocol, the same on every port.
#define IOCTL_INIT (1)
#define IOCTL_DEINIT (2)
#define IOCTL_SYNC (3)
#define IOCTL_BLOCK_COUNT (4)
#define IOCTL_BLOCK_SIZE (5)
#define IOCTL_BLOCK_ERASE (6)

// A window onto the chip: `offset` and `size` in bytes, both multiples of the block size.
typedef struct _partition_t {
    mp_obj_base_t base;
    uint32_t offset;
    uint32_t size;
} partition_t;

static uint8_t *chip;
static uint32_t chip_size;
books_header_t *simchip_books;
static block_record_t *records;

// Programs and erases so far, and the number of the one that is the last; 0 for no power cut.
static uint64_t operations;
static uint64_t cut_after;
static bool timed;

// ---- the chip ----

static void sleep_ns(uint64_t ns) {
    struct timespec rest = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
}

// Counts a program or erase that is complete. Nothing may run after the last one: no finaliser, no buffered output.
static void operation_done(void) {
    simchip_books->operations = ++operations;
    if (operations == cut_after) {
        _exit(EXIT_POWER_CUT);
    }
}

// Adds `len` bytes from `addr` on to the counter at `field` of each block they lie in.
static void count_bytes(uint32_t addr, uint32_t len, size_t field) {
    while (len > 0) {
        uint32_t part = MIN(len, BLOCK_SIZE - addr % BLOCK_SIZE);
        *(uint64_t *)((uint8_t *)&records[addr / BLOCK_SIZE] + field) += part;
        addr += part;
        len -= part;
    }
}

static void chip_read(uint32_t addr, uint8_t *buf, uint32_t len) {
    memcpy(buf, chip + addr, len);
    records[addr / BLOCK_SIZE].reads += 1;
    count_bytes(addr, len, offsetof(block_record_t, read_bytes));
    if (timed) {
        sleep_ns(READ_CALL_NS + (uint64_t)READ_BYTE_NS * len);
    }
}

// NOR flash can only clear bits. A program that relies on setting one is a mistake that a board would hide as damaged
// data, so it ends the process at once, with the address in the books and the chip untouched.
static void refuse_setting_bits(uint32_t addr, const uint8_t *buf, uint32_t len) {
    for (uint32_t i = 0; i < len; i++) {
        if (buf[i] & ~chip[addr + i]) {
            simchip_books->fault_address = addr + i;
            _exit(EXIT_NOR_VIOLATION);
        }
    }
}

static void chip_program(uint32_t addr, const uint8_t *buf, uint32_t len) {
    refuse_setting_bits(addr, buf, len);
    memcpy(chip + addr, buf, len);
    records[addr / BLOCK_SIZE].progs += 1;
    count_bytes(addr, len, offsetof(block_record_t, prog_bytes));
    if (timed && len > 0) {
        uint32_t pages = (addr + len - 1) / PAGE_SIZE - addr / PAGE_SIZE + 1;
        sleep_ns((uint64_t)PROGRAM_PAGE_NS * pages);
    }
    operation_done();
}

static void chip_erase(uint32_t addr) {
    memset(chip + addr, 0xff, BLOCK_SIZE);
    records[addr / BLOCK_SIZE].erases += 1;
    if (timed) {
        sleep_ns(ERASE_BLOCK_NS);
    }
    operation_done();
}

// ---- Partition: the methods littlefs calls; they neither raise nor allocate ----

// One transfer as littlefs asks for it, checked and turned into an address on the chip.
typedef struct _transfer_t {
    uint32_t addr;
    mp_buffer_info_t buf;
} transfer_t;

// Takes (self, block, buffer[, offset]) apart. False when any of it is of the wrong type or leaves the window.
static bool parse_transfer(size_t n_args, const mp_obj_t *args, mp_uint_t flags, transfer_t *out) {
    const partition_t *self = MP_OBJ_TO_PTR(args[0]);
    if (!mp_obj_is_small_int(args[1]) || !mp_get_buffer(args[2], &out->buf, flags)) {
        return false;
    }
    if (n_args > 3 && !mp_obj_is_small_int(args[3])) {
        return false;
    }
    int64_t start = (int64_t)MP_OBJ_SMALL_INT_VALUE(args[1]) * BLOCK_SIZE;
    int64_t within = n_args > 3 ? MP_OBJ_SMALL_INT_VALUE(args[3]) : 0;
    if (start < 0 || within < 0 || start + within + (int64_t)out->buf.len > self->size) {
        return false;
    }
    out->addr = self->offset + start + within;
    return true;
}

// readblocks(block, buffer[, offset]) -> 0 or -EINVAL
static mp_obj_t partition_readblocks(size_t n_args, const mp_obj_t *args) {
    transfer_t t;
    if (!parse_transfer(n_args, args, MP_BUFFER_WRITE, &t)) {
        return MP_OBJ_NEW_SMALL_INT(-EINVAL);
    }
    if (t.buf.len > 0) {
        chip_read(t.addr, t.buf.buf, t.buf.len);
    }
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(partition_readblocks_obj, 3, 4, partition_readblocks);

// writeblocks(block, buffer) erases and programs whole blocks; writeblocks(block, buffer, offset) only programs.
static mp_obj_t partition_writeblocks(size_t n_args, const mp_obj_t *args) {
    transfer_t t;
    bool erase = n_args == 3;
    if (!parse_transfer(n_args, args, MP_BUFFER_READ, &t) || (erase && t.buf.len % BLOCK_SIZE != 0)) {
        return MP_OBJ_NEW_SMALL_INT(-EINVAL);
    }
    if (!erase && t.buf.len > 0) {
        chip_program(t.addr, t.buf.buf, t.buf.len);
    }
    for (uint32_t done = 0; erase && done < t.buf.len; done += BLOCK_SIZE) {
        chip_erase(t.addr + done);
        chip_program(t.addr + done, (const uint8_t *)t.buf.buf + done, BLOCK_SIZE);
    }
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(partition_writeblocks_obj, 3, 4, partition_writeblocks);

// ioctl(op, arg) -> the number asked for, 0, or -EINVAL
static mp_obj_t partition_ioctl(mp_obj_t self_in, mp_obj_t op_in, mp_obj_t arg_in) {
    const partition_t *self = MP_OBJ_TO_PTR(self_in);
    mp_int_t op = mp_obj_is_small_int(op_in) ? MP_OBJ_SMALL_INT_VALUE(op_in) : 0;
    mp_int_t arg = mp_obj_is_small_int(arg_in) ? MP_OBJ_SMALL_INT_VALUE(arg_in) : -1;
    switch (op) {
        // A shared mapping outlives the process, so there is nothing to sync.
        case IOCTL_INIT:
        case IOCTL_DEINIT:
        case IOCTL_SYNC:
            return MP_OBJ_NEW_SMALL_INT(0);
        case IOCTL_BLOCK_COUNT:
            return MP_OBJ_NEW_SMALL_INT(self->size / BLOCK_SIZE);
        case IOCTL_BLOCK_SIZE:
            return MP_OBJ_NEW_SMALL_INT(BLOCK_SIZE);
        case IOCTL_BLOCK_ERASE:
            if (arg < 0 || arg >= (mp_int_t)(self->size / BLOCK_SIZE)) {
                return MP_OBJ_NEW_SMALL_INT(-EINVAL);
            }
            chip_erase(self->offset + arg * BLOCK_SIZE);
            return MP_OBJ_NEW_SMALL_INT(0);
        default:
            return MP_OBJ_NEW_SMALL_INT(-EINVAL);
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(partition_ioctl_obj, partition_ioctl);

static void require_open(void) {
    if (simchip_books == NULL) {
        mp_raise_OSError(ENODEV);
    }
}

// Partition(offset, size): ValueError when it is not on block bounds inside the chip, OSError(ENODEV) before open().
static mp_obj_t partition_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 2, 2, false);
    require_open();
    mp_int_t offset = mp_obj_get_int(args[0]);
    mp_int_t size = mp_obj_get_int(args[1]);
    if (offset < 0 || size <= 0 || offset % BLOCK_SIZE || size % BLOCK_SIZE
        || (uint64_t)offset + (uint64_t)size > chip_size) {
        mp_raise_ValueError(MP_ERROR_TEXT("partition outside the chip"));
    }
    partition_t *self = mp_obj_malloc(partition_t, type);
    self->offset = offset;
    self->size = size;
    return MP_OBJ_FROM_PTR(self);
}

static const mp_rom_map_elem_t partition_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&partition_readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&partition_writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&partition_ioctl_obj) },
};
static MP_DEFINE_CONST_DICT(partition_locals, partition_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    partition_type, MP_QSTR_Partition, MP_TYPE_FLAG_NONE,
    make_new, partition_make_new,
    locals_dict, &partition_locals
    );

// ---- open ----

// Maps a whole file for reading and writing and stores its size. Raises OSError.
static void *map_file(mp_obj_t path_in, size_t *size) {
    int fd = open(mp_obj_str_get_str(path_in), O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        mp_raise_OSError(errno);
    }
    struct stat st;
    void *map = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size <= INT32_MAX) {
        *size = st.st_size;
        map = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    int error = errno;
    close(fd);
    if (map == MAP_FAILED) {
        mp_raise_OSError(error ? error : EFBIG);
    }
    return map;
}

// Whether the books were made for a chip of `size` bytes, by a version of the host tools that agrees on the layout.
static bool books_fit(const books_header_t *header, size_t books_size, size_t size) {
    return size > 0 && size % BLOCK_SIZE == 0
           && books_size >= BLOCK_SIZE + size / BLOCK_SIZE * sizeof(block_record_t)
           && memcmp(header->magic, "POSTBOOK", sizeof(header->magic)) == 0
           && header->version == BOOKS_VERSION && header->block_size == BLOCK_SIZE && header->chip_size == size;
}

static pid_t parent_at_start;

__attribute__((constructor)) static void remember_parent(void) {
    parent_at_start = getppid();
}

// From here on the process dies with its parent, which owns the flash file, and writes nothing more. A parent that
// was gone before this line is seen by the parent process id, which has changed then.
// Ctrl-C in a terminal reaches the whole process group; as an exception inside littlefs it would corrupt the file
// system, so it is left to the parent to say when to stop.
static void live_and_die_with_parent(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pid_t parent = getppid();
    if (parent != parent_at_start || (simchip_books->owner != 0 && parent != (pid_t)simchip_books->owner)) {
        _exit(1);
    }
    signal(SIGINT, SIG_IGN);
}

// open(flash_path, books_path) -> size of the chip in bytes. Once for each process.
// Raises OSError (a file cannot be opened; EBUSY when already open) and ValueError (files that do not fit each other).
static mp_obj_t simchip_open(mp_obj_t flash_path, mp_obj_t books_path) {
    if (simchip_books != NULL) {
        mp_raise_OSError(EBUSY);
    }
    size_t flash_len = 0;
    size_t books_len = 0;
    uint8_t *flash_map = map_file(flash_path, &flash_len);
    books_header_t *books_map = map_file(books_path, &books_len);
    if (books_len < BLOCK_SIZE || !books_fit(books_map, books_len, flash_len)) {
        munmap(flash_map, flash_len);
        munmap(books_map, books_len);
        mp_raise_ValueError(MP_ERROR_TEXT("books do not fit the flash file"));
    }
    chip = flash_map;
    chip_size = flash_len;
    records = (block_record_t *)((uint8_t *)books_map + BLOCK_SIZE);
    simchip_books = books_map;
    live_and_die_with_parent();
    return mp_obj_new_int_from_uint(chip_size);
}
static MP_DEFINE_CONST_FUN_OBJ_2(simchip_open_obj, simchip_open);

// ---- instruments ----

// power_cut(n): operation number n of the process is its last. 0 for never.
static mp_obj_t simchip_power_cut(mp_obj_t n_in) {
    mp_int_t n = mp_obj_get_int(n_in);
    if (n < 0) {
        mp_raise_ValueError(NULL);
    }
    cut_after = n;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(simchip_power_cut_obj, simchip_power_cut);

// timing(mode): 0 as fast as the host, 1 as slow as NOR flash.
static mp_obj_t simchip_timing(mp_obj_t mode_in) {
    mp_int_t mode = mp_obj_get_int(mode_in);
    if (mode != 0 && mode != 1) {
        mp_raise_ValueError(NULL);
    }
    timed = mode == 1;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(simchip_timing_obj, simchip_timing);

// note(slot, value): publishes an unsigned 64-bit gauge to the host. ValueError for a slot that does not exist.
static mp_obj_t simchip_note(mp_obj_t slot_in, mp_obj_t value) {
    require_open();
    mp_int_t slot = mp_obj_get_int(slot_in);
    if (slot < 0 || slot >= GAUGES) {
        mp_raise_ValueError(NULL);
    }
    mp_binary_set_val_array('Q', simchip_books->gauges, slot, value);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(simchip_note_obj, simchip_note);

// ---- module ----

static const mp_rom_map_elem_t simchip_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_simchip) },
    { MP_ROM_QSTR(MP_QSTR_open), MP_ROM_PTR(&simchip_open_obj) },
    { MP_ROM_QSTR(MP_QSTR_Partition), MP_ROM_PTR(&partition_type) },
    { MP_ROM_QSTR(MP_QSTR_power_cut), MP_ROM_PTR(&simchip_power_cut_obj) },
    { MP_ROM_QSTR(MP_QSTR_timing), MP_ROM_PTR(&simchip_timing_obj) },
    { MP_ROM_QSTR(MP_QSTR_note), MP_ROM_PTR(&simchip_note_obj) },
    { MP_ROM_QSTR(MP_QSTR_fail_allocation), MP_ROM_PTR(&simchip_fail_allocation_obj) },
    { MP_ROM_QSTR(MP_QSTR_allocations), MP_ROM_PTR(&simchip_allocations_obj) },
    { MP_ROM_QSTR(MP_QSTR_heap_live), MP_ROM_PTR(&simchip_heap_live_obj) },
};
static MP_DEFINE_CONST_DICT(simchip_globals, simchip_globals_table);

const mp_obj_module_t simchip_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&simchip_globals,
};

MP_REGISTER_MODULE(MP_QSTR_simchip, simchip_module);
