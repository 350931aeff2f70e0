/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which type an exception has that nobody caught, and what it derives from: by the memory of a stopped
 * process, as the runtime itself would tell.
 *
 *   stack of std::terminate() ... __cxa_throw ─► words that point into an exception:
 *
 *   type_info*, destructor ... | _Unwind_Exception: "GNUCC++" ... | the object
 *   └─ 80 bytes before ────────┴─ what throws and unwinds hands on ┴─ what is thrown
 *
 *   type_info: vtable (says which kind), name, and of derived ones their bases
 *
 * No function tells which word it is: one is taken that has the mark of C++ and a type with a name. Who
 * judges compares it with the name that the runtime printed.
 *
 * Source: Itanium C++ ABI: Exception Handling, 2.2.1; C++ ABI, 2.9.5 (RTTI layout), as in gcc's
 * libstdc++-v3/libsupc++/unwind-cxx.h and llvm's libcxxabi/src/cxa_exception.h, for 64-bit machines.
 */
#include "thrown.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "attempt.h"
#include "fetch.h"

#define STACK_WORDS 1024u
#define TYPE_BEFORE 80u /* bytes between the type and the _Unwind_Exception */
#define HEAD_BYTES  32u /* of the _Unwind_Exception, before the object */
#define MOST_BASES  16u
#define DEEPEST     8u

/* "GNUCC++\0", "CLNGC++\0" as a number, but for the last byte, which tells dependent ones apart. */
static bool is_cxx_exception(pid_t pid, uint64_t at) {
    uint64_t class = 0;
    return at % 8 == 0 && fetch(pid, at, &class, sizeof class) &&
           (class >> 8 == 0x474e5543432b2bull || class >> 8 == 0x434c4e47432b2bull) &&
           !(class & 0xff);
}

/* Return: whether @name is the name of @type_info's type, mangled. */
static bool read_name(pid_t pid, uint64_t type_info, char name[static THROWN_BYTES]) {
    uint64_t at = 0;
    struct iovec local = {name, THROWN_BYTES - 1}, remote;
    if (!fetch(pid, type_info + 8, &at, sizeof at) || !at)
        return false;
    remote = (struct iovec){(void *)(uintptr_t)at, THROWN_BYTES - 1};
    ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    if (n <= 0) /* the name lies at the end of what is mapped */
        n = fetch(pid, at, name, 8) ? 8 : 0;
    name[n] = 0;
    if (name[0] == '*') /* compared by its address: of one module alone */
        memmove(name, name + 1, strlen(name));
    return name[0] && strlen(name) < THROWN_BYTES - 1;
}

/* --- what it derives from --- */

enum kind { KIND_PLAIN, KIND_SINGLE, KIND_SEVERAL };

static enum kind kind_of(Dwfl *dwfl, uint64_t vtable) {
    Dwfl_Module *module = dwfl_addrmodule(dwfl, vtable);
    const char *name = module ? dwfl_module_addrname(module, vtable) : NULL;
    if (name && strstr(name, "__si_class_type_info"))
        return KIND_SINGLE;
    return name && strstr(name, "__vmi_class_type_info") ? KIND_SEVERAL : KIND_PLAIN;
}

struct search {
    Dwfl *dwfl;
    pid_t pid;
    uint32_t left; /* types that may still be looked at */
    bool bad_alloc, logic_error;
};

static void look_at(struct search *s, uint64_t type_info, uint32_t depth) {
    char name[THROWN_BYTES];
    uint64_t vtable = 0, base = 0;
    struct {
        uint32_t flags, n;
    } head = {0};
    if (!s->left || depth > DEEPEST || !read_name(s->pid, type_info, name) ||
        !fetch(s->pid, type_info, &vtable, sizeof vtable))
        return;
    s->left--;
    s->bad_alloc |= strcmp(name, "St9bad_alloc") == 0;
    s->logic_error |= strcmp(name, "St11logic_error") == 0;
    enum kind kind = kind_of(s->dwfl, vtable);
    if (kind == KIND_SINGLE && fetch(s->pid, type_info + 16, &base, sizeof base))
        look_at(s, base, depth + 1);
    if (kind != KIND_SEVERAL || !fetch(s->pid, type_info + 16, &head, sizeof head))
        return;
    for (uint32_t i = 0; i < head.n && i < MOST_BASES; i++)
        if (fetch(s->pid, type_info + 24 + 16 * i, &base, sizeof base))
            look_at(s, base, depth + 1);
}

/* --- where it is --- */

/* Return: address of the type_info of an exception that @word points to; 0 = to none. */
static uint64_t type_at(pid_t pid, uint64_t word) {
    const uint64_t unwind[] = {word, word - HEAD_BYTES};
    uint64_t type = 0;
    for (int i = 0; i < 2 && word > HEAD_BYTES + TYPE_BEFORE; i++)
        if (is_cxx_exception(pid, unwind[i]) &&
            fetch(pid, unwind[i] - TYPE_BEFORE, &type, sizeof type))
            return type;
    return 0;
}

void thrown_find(Dwfl *dwfl, pid_t pid, uint64_t sp, struct observation *seen) {
    uint64_t words[STACK_WORDS];
    struct iovec local = {words, sizeof words},
                 remote = {(void *)(uintptr_t)sp, sizeof words};
    ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    size_t n = sizeof(void *) == 8 && got > 0 ? (size_t)got / sizeof *words : 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t type = words[i] % 8 || words[i] < 4096 ? 0 : type_at(pid, words[i]);
        if (!type || !read_name(pid, type, seen->crash.thrown.type))
            continue;
        struct search search = {dwfl, pid, 64, false, false};
        look_at(&search, type, 0);
        seen->crash.thrown.bad_alloc = search.bad_alloc;
        seen->crash.thrown.logic_error = search.logic_error;
        return;
    }
    seen->crash.thrown.type[0] = 0;
}
