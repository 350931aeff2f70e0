/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules of this process, and what lies where in them: see binding_private.h.
 *
 * Read through the kernel, which says EFAULT where a wrong address would be the program's end. Who runs it: any
 * thread.
 */
#include <sys/auxv.h>

#include "binding_private.h"
#include "sys.h"

/* --- reading --- */

void binding_want(struct look *look, void *to, uintptr_t from, size_t n) {
    look->to[look->n_wanted] = (struct iovec){to, n};
    look->from[look->n_wanted++] = (struct iovec){(void *)from, n};
}

/* By way of a pipe, which takes a page. Return: bytes read. */
static long read_by_pipe(const struct iovec *to, const struct iovec *from, size_t n) {
    const size_t most = 4096;
    int pair[2];
    long sum = 0;
    if (sys_call(SYS_pipe2, (long)pair, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        size_t at = 0, want = from[i].iov_len;
        while (at < want) {
            size_t piece = want - at < most ? want - at : most;
            long there = (long)from[i].iov_base + (long)at;
            long here = (long)to[i].iov_base + (long)at;
            long got = sys_call(SYS_write, pair[1], there, (long)piece, 0, 0, 0);
            if (got <= 0 || sys_call(SYS_read, pair[0], here, got, 0, 0, 0) != got)
                break;
            at += (size_t)got;
        }
        sum += (long)at;
        if (at < want)
            break;
    }
    sys_close(pair[0]);
    sys_close(pair[1]);
    return sum;
}

/* Return: bytes read, up to what is not there; negative: nothing. */
static long read_vectors(const struct look *look, const struct iovec *to,
                         const struct iovec *from, size_t n) {
    long got = sys_call(SYS_process_vm_readv, look->pid, (long)to, (long)n, (long)from,
                        (long)n, 0);
    /* qemu-user has no such call, containers on old kernels forbid it */
    bool refused = got == -ENOSYS || got == -EPERM;
    return refused && !sys_is_sandboxed ? read_by_pipe(to, from, n) : got;
}

/* The kernel stops at the first that is not there, and has read all before it. */
void binding_fetch_wanted(struct look *look) {
    const uint32_t n = look->n_wanted;
    for (uint32_t i = 0; i < n;) {
        long got = read_vectors(look, look->to + i, look->from + i, n - i);
        for (; i < n && got >= (long)look->to[i].iov_len; i++) {
            got -= (long)look->to[i].iov_len;
            look->there[i] = true;
        }
        if (i < n)
            look->there[i++] = false;
    }
    look->n_wanted = 0;
}

bool binding_fetch(const struct look *look, void *to, uintptr_t from, size_t n) {
    struct iovec there = {(void *)from, n}, here = {to, n};
    return read_vectors(look, &here, &there, 1) == (long)n;
}

/* What follows it may not be there; what is on its page is. */
static size_t to_end_of_page(uintptr_t from, size_t most) {
    size_t n = 4096 - from % 4096;
    return most < n ? most : n;
}

size_t binding_fetch_text(const struct look *look, char *to, size_t room,
                          uintptr_t from) {
    size_t n = 0;
    while (n + 1 < room) {
        size_t rest = room - 1 - n;
        size_t piece = to_end_of_page(from + n, rest < TEXT_BYTES ? rest : TEXT_BYTES);
        if (!binding_fetch(look, to + n, from + n, piece))
            break;
        for (size_t end = n + piece; n < end; n++)
            if (!to[n])
                return n;
    }
    to[n] = '\0';
    return n;
}

/* --- ranges --- */

static void take_phdrs(struct image *image, const ElfW(Phdr) * phdr, size_t n) {
    image->start = UINTPTR_MAX;
    for (size_t i = 0; i < n; i++) {
        uintptr_t at = image->bias + phdr[i].p_vaddr;
        if (phdr[i].p_type == PT_DYNAMIC)
            image->dynamic_bytes = phdr[i].p_memsz;
        if (phdr[i].p_type != PT_LOAD)
            continue;
        image->start = at < image->start ? at : image->start;
        image->end =
            at + phdr[i].p_memsz > image->end ? at + phdr[i].p_memsz : image->end;
    }
}

#define PHDRS_MOST (sizeof((union part *)0)->phdr / sizeof(ElfW(Phdr)))

static size_t phdrs_of_program(void) {
    size_t n = getauxval(AT_PHNUM);
    return n < PHDRS_MOST ? n : PHDRS_MOST;
}

/* Program headers mostly follow the ELF header, which is where a module begins. */
static const ElfW(Phdr) * phdrs_of(const struct look *look, const struct image *image,
                                   const union part *part,
                                   ElfW(Phdr) elsewhere[static PHDRS_MOST], size_t *n) {
    *n = phdrs_of_program();
    if (image->main)
        return part->phdr;
    if (__builtin_memcmp(part->elf.e_ident, ELFMAG, SELFMAG) != 0)
        return NULL;
    uint64_t at = part->elf.e_phoff;
    *n = part->elf.e_phnum < PHDRS_MOST ? part->elf.e_phnum : PHDRS_MOST;
    if (at % 8 == 0 && at <= HEADER_BYTES && *n * sizeof *elsewhere <= HEADER_BYTES - at)
        return (const ElfW(Phdr) *)((const char *)part + at);
    return binding_fetch(look, elsewhere, image->bias + at, *n * sizeof *elsewhere)
               ? elsewhere
               : NULL;
}

static bool find_range(const struct look *look, struct image *image,
                       const union part *part) {
    ElfW(Phdr) elsewhere[PHDRS_MOST];
    size_t n;
    const ElfW(Phdr) *phdr = phdrs_of(look, image, part, elsewhere, &n);
    if (!phdr)
        return false;
    take_phdrs(image, phdr, n);
    return image->end > image->start && image->dynamic_bytes;
}

/* ld.so has most addresses in there relocated, in place; where it may not write they are not. */
static uintptr_t pointer(const struct image *image, uintptr_t value) {
    return value < image->bias ? value + image->bias : value;
}

static size_t dynamic_bytes(const struct image *image) {
    const size_t most = sizeof((union part *)0)->dynamic;
    return image->dynamic_bytes < most ? image->dynamic_bytes : most;
}

static bool take_dynamic(struct image *image, const ElfW(Dyn) * dynamic) {
    size_t n = dynamic_bytes(image) / sizeof *dynamic;
    for (size_t i = 0; i < n; i++) {
        uintptr_t value = dynamic[i].d_un.d_val;
        switch (dynamic[i].d_tag) {
        case DT_NULL:
            return image->symbols && image->strings;
        case DT_SYMTAB:
            image->symbols = pointer(image, value);
            break;
        case DT_STRTAB:
            image->strings = pointer(image, value);
            break;
        case DT_HASH:
            image->hash = pointer(image, value);
            break;
        case DT_GNU_HASH:
            image->gnu_hash = pointer(image, value);
            break;
        case DT_JMPREL:
            image->plt = pointer(image, value);
            break;
        case DT_PLTRELSZ:
            image->plt_bytes = value;
            break;
        case DT_RELA:
            image->rela = pointer(image, value);
            break;
        case DT_RELASZ:
            image->rela_bytes = value;
            break;
        case DT_RELACOUNT:
            image->rela_count = value;
            break;
        default:
            break;
        }
    }
    return image->symbols && image->strings;
}

/* Of @n modules that are known by their link maps. */
static void find_ranges(struct look *look, struct image *images, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (images[i].main)
            binding_want(look, look->parts[i].phdr, getauxval(AT_PHDR),
                         phdrs_of_program() * sizeof(ElfW(Phdr)));
        else
            binding_want(look, &look->parts[i], images[i].bias, HEADER_BYTES);
    binding_fetch_wanted(look);
    for (uint32_t i = 0; i < n; i++) {
        if (!look->there[i] || !find_range(look, &images[i], &look->parts[i]))
            images[i].start = images[i].end = images[i].dynamic_bytes = 0;
        binding_want(look, look->parts[i].dynamic, images[i].dynamic,
                     dynamic_bytes(&images[i]));
    }
    binding_fetch_wanted(look);
    for (uint32_t i = 0; i < n; i++)
        if (!look->there[i] || !take_dynamic(&images[i], look->parts[i].dynamic))
            images[i].start = images[i].end = 0;
}

/* --- link maps --- */

static const struct link_map *last_at_start;

/* A thread takes memory, so there is none before the first hook: nothing was loaded or unloaded by the program
 * yet. What is there now stays, and in its order. */
void binding_begin_images(const struct r_debug *debug) {
    const struct link_map *map = debug ? debug->r_map : NULL;
    while (map && map->l_next)
        map = map->l_next;
    last_at_start = map;
}

/* Link maps that nobody frees are read as ld.so reads them. */
static bool take_map(const struct look *look, const struct link_map *at, bool lasts,
                     struct link_map *out) {
    if (!lasts)
        return binding_fetch(look, out, (uintptr_t)at, sizeof *out);
    *out = *at;
    return true;
}

static void find_namespace(struct look *look, const struct r_debug *debug, bool foreign) {
    struct link_map map;
    const struct link_map *at = debug->r_map;
    bool lasts = !foreign && last_at_start, first = !foreign;
    while (at && look->n_images < MODULES_SEEN) {
        if (!take_map(look, at, lasts, &map))
            return;
        look->images[look->n_images++] = (struct image){.bias = map.l_addr,
                                                        .dynamic = (uintptr_t)map.l_ld,
                                                        .name = (uintptr_t)map.l_name,
                                                        .foreign = foreign,
                                                        .main = first};
        first = false;
        lasts &= at != last_at_start;
        at = map.l_next;
    }
}

/* From glibc 2.35 on, a second namespace makes the version 2 and the link to it valid. */
struct next_debug {
    struct r_debug base;
    const struct next_debug *next;
};

void binding_find_images(struct look *look, const struct r_debug *debug) {
    struct next_debug next = {.base = {0}};
    uintptr_t at = (uintptr_t)debug;
    for (int n = 0; at && n < 64; n++) {
        if (!binding_fetch(look, &next.base, at, sizeof next.base))
            break;
        find_namespace(look, &next.base, n > 0);
        if (next.base.r_version < 2 || !binding_fetch(look, &next, at, sizeof next))
            break;
        at = (uintptr_t)next.next;
    }
    for (uint32_t i = 0; i < look->n_images; i += GROUP)
        find_ranges(look, &look->images[i],
                    look->n_images - i < GROUP ? look->n_images - i : GROUP);
}

const struct image *binding_image_at(const struct look *look, uintptr_t address) {
    for (uint32_t i = 0; i < look->n_images; i++)
        if (address >= look->images[i].start && address < look->images[i].end)
            return &look->images[i];
    return NULL;
}

/* --- of several at once --- */

static size_t hash_bytes(const struct image *image) {
    const size_t most = sizeof(union part) - offsetof(union part, table);
    return image->end && image->gnu_hash ? to_end_of_page(image->gnu_hash, most) : 0;
}

void binding_read_parts(struct look *look, uint32_t first, uint32_t n) {
    const struct image *images = &look->images[first];
    for (uint32_t i = 0; i < n; i++) {
        binding_want(look, look->parts[i].name, images[i].name,
                     to_end_of_page(images[i].name, TEXT_BYTES));
        binding_want(look, &look->parts[i].table, images[i].gnu_hash,
                     hash_bytes(&images[i]));
    }
    binding_fetch_wanted(look);
    for (uint32_t i = 0; i < n; i++) {
        size_t most = to_end_of_page(images[i].name, TEXT_BYTES);
        look->has_name[i] =
            look->there[2 * i] && __builtin_memchr(look->parts[i].name, 0, most);
        look->hash_bytes[i] =
            look->there[2 * i + 1] ? (uint32_t)hash_bytes(&images[i]) : 0;
    }
    for (uint32_t i = 0; i < n; i++) /* its head is on two pages */
        if (look->hash_bytes[i] && look->hash_bytes[i] < sizeof(struct gnu_table))
            look->hash_bytes[i] =
                binding_fetch(look, &look->parts[i].table, images[i].gnu_hash,
                              sizeof(struct gnu_table))
                    ? sizeof(struct gnu_table)
                    : 0;
}
