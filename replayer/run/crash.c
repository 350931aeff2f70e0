/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stack of a thread that is about to die, read from outside by libdw.
 *
 *   /proc/PID/maps ─► modules ─► CFI of each (.eh_frame) ─► frames
 *                                          └─► (module, build-id, offset)
 *
 * libdw's own process attachment would do, but for two things that crashes are made of:
 *  - a call through a NULL or wild pointer leaves a program counter that no module
 * covers, where unwinding ends before it began. Such a frame is recorded as "[anon]" and
 * the return address that the call pushed is taken for the next one;
 *  - files are opened through /proc/PID/root: the target may live in a private tree that
 * shows files which exist nowhere else. Debug files are taken from the local disk only:
 * no attempt waits for a network.
 *
 * A program that crashes at hundreds of sites does so in the same few files. What libdw has read of
 * them is kept from crash to crash (struct memory): attempts run at fixed addresses (launch.c), so
 * that the next process shows the same modules and libdwfl keeps them; where one has other addresses
 * it is read anew. Which they are is told by what is executable, a few mappings of many: a stack that leads out of
 * that (a call to nowhere) asks for all of them. Names of functions are kept by (build-id, offset): libdw looks through the whole
 * symbol table for each.
 *
 * Who runs it: a worker, one thread.
 */
#include "crash.h"

#include <elf.h>
#include <elfutils/libdwfl.h>
#include <elfutils/version.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arch.h"
#include "attempt.h"
#include "fetch.h"
#include "landing.h"
#include "mappings.h"
#include "process_status.h"
#include "straight.h"
#include "text.h"
#include "thrown.h"

#define N_NAMES 1024u /* a power of two */
struct name {
    uint8_t build_id[32];
    uint32_t build_id_bytes; /* 0 = empty */
    uint64_t offset;
    char *function; /* NULL = it has none */
};

/* What straight_leads() said of two places in one file. */
struct straight {
    struct dearth_key places; /* zero = empty */
    bool leads;
};

/* What is kept from crash to crash. */
static struct memory {
    Dwfl *dwfl;
    int template_fd; /* an ELF file of this machine: libdw asks for one */
    Elf *template;
    struct walk *walk; /* under way */
    uint64_t
        mapped; /* mappings_name() of the process whose modules are known; 0 = none */
    struct mappings_code code; /* of that process, or the one that has the same */
    bool pinned;               /* crash_pin_files() */
    bool checked;              /* and they have been looked at since */
    struct name names[N_NAMES];
    struct straight straight[N_NAMES];
} memory;

#define STRAIGHT_FRAMES 16u /* abort() and what led to it */
#define PAGE_BYTES      4096u
struct walk {
    pid_t pid, tid;
    Dwfl *dwfl;
    uint64_t page; /* address of what page_bytes[] holds; 0 = nothing */
    uint8_t page_bytes[PAGE_BYTES];
    Dwarf_Word registers[ARCH_N_DWARF + 1]; /* by DWARF number */
    Dwarf_Word pc;
    Dwarf_Word signature; /* bits of a return address that a signature may take */
    Dwarf_Word caller_sp; /* of the second frame; 0 = not known */
    bool by_code;         /* the modules are kept by what is executable alone */
    bool wild_pc;         /* the innermost frame was recorded by hand */
    struct crash_frame frames[OBSERVATION_MAX_FRAMES];
    Dwarf_Addr
        addresses[OBSERVATION_MAX_FRAMES]; /* return addresses; innermost: pc + 1 */
    uint32_t n;
};

static bool read_word(pid_t pid, Dwarf_Addr address, Dwarf_Word *out) {
    return fetch(pid, address, out, sizeof *out);
}

/* A stack is read a word at a time, and is stopped meanwhile: a page of it costs no more than a word. */
static bool read_stack(struct walk *walk, Dwarf_Addr address, Dwarf_Word *out) {
    uint64_t within = address % PAGE_BYTES, page = address - within;
    if (within > PAGE_BYTES - sizeof *out)
        return read_word(walk->pid, address, out);
    if (page != walk->page) {
        struct iovec to = {walk->page_bytes, PAGE_BYTES};
        struct iovec from = {(void *)(uintptr_t)page, PAGE_BYTES};
        walk->page = 0;
        if (process_vm_readv(walk->pid, &to, 1, &from, 1, 0) != (ssize_t)PAGE_BYTES)
            return read_word(walk->pid, address, out);
        walk->page = page;
    }
    memcpy(out, walk->page_bytes + within, sizeof *out);
    return true;
}

/* To libdw, the last module reaches up to the end of all addresses. */
static Dwfl_Module *module_at(const struct walk *walk, Dwarf_Addr pc) {
    Dwfl_Module *module = pc ? dwfl_addrmodule(walk->dwfl, pc) : NULL;
    Dwarf_Addr start = 0, end = 0;
    if (module)
        dwfl_module_info(module, NULL, &start, &end, NULL, NULL, NULL, NULL);
    return pc >= start && pc < end ? module : NULL;
}

static bool is_code(const struct walk *walk, Dwarf_Addr pc) {
    return module_at(walk, pc) != NULL;
}

/* @stored, or the address of code that it is without its signature: libdw knows nothing of such. */
static Dwarf_Word without_signature(const struct walk *walk, Dwarf_Word stored) {
    Dwarf_Word address = stored & ~walk->signature;
    return address != stored && is_code(walk, address - 1) ? address : stored;
}

static void read_signature(struct walk *walk) {
    struct {
        uint64_t data, code;
    } bits = {0}; /* struct user_pac_mask */
    struct iovec io = {&bits, sizeof bits};
    if (ARCH_PAC_REGSET &&
        ptrace(PTRACE_GETREGSET, walk->tid, (void *)ARCH_PAC_REGSET, &io) == 0)
        walk->signature = bits.code;
}

static void set_pc(struct walk *walk, Dwarf_Word pc) {
    walk->pc = pc;
    if (ARCH_DWARF_PC >= 0)
        walk->registers[ARCH_DWARF_PC] = pc;
}

static bool read_registers(struct walk *walk) {
    static const uint8_t places[ARCH_N_DWARF + 1] = {ARCH_DWARF_WORDS};
    elf_gregset_t words;
    struct iovec io = {words, sizeof words};
    if (!ARCH_N_DWARF ||
        ptrace(PTRACE_GETREGSET, walk->tid, (void *)NT_PRSTATUS, &io) < 0 ||
        io.iov_len != sizeof words) /* a 32-bit program on a 64-bit machine has fewer */
        return false;
    for (int i = 0; i < ARCH_N_DWARF; i++)
        walk->registers[i] = words[places[i]];
    set_pc(walk, words[ARCH_PC_WORD]);
    read_signature(walk);
    return true;
}

/* --- what libdw asks for --- */

static pid_t next_thread(Dwfl *dwfl, void *argument, void **thread_argument) {
    (void)dwfl, (void)argument;
    if (*thread_argument)
        return 0;
    *thread_argument = memory.walk;
    return memory.walk->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *argument, void **thread_argument) {
    (void)dwfl, (void)argument;
    *thread_argument = memory.walk;
    return tid == memory.walk->tid;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result,
                        void *argument) {
    (void)dwfl, (void)argument;
    bool read = read_stack(memory.walk, address, result);
    if (read && memory.walk->signature)
        *result = without_signature(memory.walk, *result);
    return read;
}

static bool set_initial_registers(Dwfl_Thread *thread, void *argument) {
    struct walk *walk = memory.walk;
    (void)argument;
    if (!dwfl_thread_state_registers(thread, 0, ARCH_N_DWARF, walk->registers))
        return false;
    if (ARCH_DWARF_PC < 0)
        dwfl_thread_state_register_pc(thread, walk->pc);
    return true;
}

/* Which file it is, in a word. Not the device: a renewed overlay has another for the same file. */
static uintptr_t identity_of(const struct stat *status) {
    uint64_t id = (uint64_t)status->st_ino * 0x9e3779b97f4a7c15ull;
    id = (id ^ (uint64_t)status->st_size) * 0x9e3779b97f4a7c15ull;
    id = (id ^ (uint64_t)status->st_mtim.tv_sec) * 0x9e3779b97f4a7c15ull;
    id = (id ^ (uint64_t)status->st_mtim.tv_nsec) * 0x9e3779b97f4a7c15ull;
    return (uintptr_t)(id >> 1 | 1); /* 0 = not read from a file */
}

static bool path_of(const char *name, char path[static PATH_MAX]) {
    return name[0] == '/' &&
           snprintf(path, PATH_MAX, "/proc/%d/root%s", memory.walk->pid, name) < PATH_MAX;
}

/* Has a module that is kept another file now? An attempt may have built one anew. */
static int check_file(Dwfl_Module *module, void **user, const char *name,
                      Dwarf_Addr start, void *stale) {
    (void)module, (void)start;
    char path[PATH_MAX];
    struct stat status;
    if (*user && path_of(name, path) &&
        (stat(path, &status) < 0 || identity_of(&status) != (uintptr_t)*user))
        *(bool *)stale = true;
    return DWARF_CB_OK;
}

static int find_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf) {
    char path[PATH_MAX];
    struct stat status;
    int fd = path_of(name, path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        if (fstat(fd, &status) == 0)
            *user = (void *)identity_of(&status);
        *file_name = strdup(name);
        return fd;
    }
    return dwfl_linux_proc_find_elf(module, user, name, base, file_name, elf);
}

/* --- frames --- */

/* Code that was made as it ran lies in no module. */
static bool is_memory(const struct walk *walk, Dwarf_Addr pc) {
    Dwarf_Word word;
    return read_word(walk->pid, pc, &word);
}

/* Name of the function at @pc. Return: owned, NULL when there is none. */
static char *look_up(Dwfl_Module *module, Dwarf_Addr pc) {
    GElf_Off into;
    GElf_Sym symbol;
    const char *function =
        dwfl_module_addrinfo(module, pc, &into, &symbol, NULL, NULL, NULL);
    /* a nearest symbol that ends before the address is another function */
    bool inside = function && (symbol.st_size == 0 || into < symbol.st_size);
    return inside ? text_dup(function) : NULL;
}

/* The same by way of what is known already. @frame: build-id and offset are filled in. */
static char *name_of(Dwfl_Module *module, Dwarf_Addr pc,
                     const struct crash_frame *frame) {
    if (!frame->build_id_bytes)
        return look_up(module, pc);
    uint64_t hash;
    memcpy(&hash, frame->build_id, sizeof hash);
    hash = (hash ^ frame->offset) * 0x9e3779b97f4a7c15ull; /* Knuth, TAOCP 3, 6.4 */
    struct name *name = &memory.names[hash >> 32 & (N_NAMES - 1)];
    if (name->offset != frame->offset || name->build_id_bytes != frame->build_id_bytes ||
        memcmp(name->build_id, frame->build_id, sizeof name->build_id) != 0) {
        free(name->function);
        name->function = look_up(module, pc);
        name->offset = frame->offset;
        name->build_id_bytes = frame->build_id_bytes;
        memcpy(name->build_id, frame->build_id, sizeof name->build_id);
    }
    return name->function ? text_dup(name->function) : NULL;
}

static void add_frame(struct walk *walk, Dwarf_Addr pc, bool exact) {
    if (walk->n == OBSERVATION_MAX_FRAMES)
        return;
    walk->addresses[walk->n] = exact ? pc + 1 : pc;
    struct crash_frame *frame = &walk->frames[walk->n++];
    Dwfl_Module *module = module_at(walk, exact ? pc : pc - 1);
    frame->offset = exact ? pc + 1 : pc;
    if (!module) {
        frame->offset = pc; /* nothing to look up */
        frame->module = text_dup("[anon]");
        return;
    }
    const char *name = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    frame->module = text_dup(name && strncmp(name, "[vdso", 5) == 0 ? "[vdso]"
                             : name                                 ? name
                                                                    : "[anon]");
    GElf_Addr bias = 0;
    if (dwfl_module_getelf(module, &bias))
        frame->offset -= bias;
    const unsigned char *bits = NULL;
    GElf_Addr at;
    int n = dwfl_module_build_id(module, &bits, &at);
    if (n > 0) {
        frame->build_id_bytes = n > 32 ? 32 : (uint32_t)n;
        memcpy(frame->build_id, bits, frame->build_id_bytes);
    }
    frame->function = name_of(module, exact ? pc : pc - 1, frame);
}

static int on_frame(Dwfl_Frame *state, void *argument) {
    struct walk *walk = argument;
    Dwarf_Addr pc;
    bool exact;
    if (!dwfl_frame_pc(state, &pc, &exact))
        return DWARF_CB_ABORT;
    /* what longjmp() took from where nothing was stored, or a stack that was written over, leads to an
     * address that is another in each run: there is no caller to be known */
    if (walk->n && !is_code(walk, pc - 1) && !is_memory(walk, pc - 1))
        return DWARF_CB_ABORT;
#if _ELFUTILS_PREREQ(0, 188)
    if (walk->n == 1)
        dwfl_frame_reg(state, ARCH_DWARF_SP, &walk->caller_sp);
#endif
    if (walk->wild_pc && walk->n == 1)
        add_frame(walk, pc + 1, false);
    else
        add_frame(walk, pc, exact);
    return walk->n < OBSERVATION_MAX_FRAMES ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/* Where the function that was just called will return to. Return: false when it cannot be read. */
static bool return_address(const struct walk *walk, Dwarf_Word *out) {
    if (ARCH_DWARF_RETURN < 0)
        return read_word(walk->pid, walk->registers[ARCH_DWARF_SP], out);
    *out = walk->registers[ARCH_DWARF_RETURN < 0 ? 0 : ARCH_DWARF_RETURN];
    return true;
}

/* The called address is no code: note it, and stand where the call came from. */
static void step_over_wild_call(struct walk *walk) {
    Dwarf_Word back = 0;
    if (is_code(walk, walk->pc) || !return_address(walk, &back) ||
        !is_code(walk, back - 1))
        return;
    add_frame(walk, walk->pc, true);
    walk->wild_pc = true;
    if (ARCH_DWARF_RETURN < 0)
        walk->registers[ARCH_DWARF_SP] += sizeof back;
    set_pc(walk, back - 1); /* inside the call: a call may be the last of its function */
}

static pid_t process_of(pid_t tid) {
    struct process_status status;
    if (syscall(SYS_tgkill, tid, tid, 0) == 0) /* its first thread */
        return tid;
    uint64_t pid = process_status_read(tid, &status) < 0
                       ? 0
                       : process_status_number(&status, "Tgid");
    return pid ? (pid_t)pid : tid;
}

static void forget(void) {
    if (memory.dwfl)
        dwfl_end(memory.dwfl);
    if (memory.template)
        elf_end(memory.template);
    if (memory.template_fd > 0)
        close(memory.template_fd);
    memory.dwfl = NULL;
    memory.template = NULL;
    memory.template_fd = 0;
    memory.mapped = 0;
}

/* Once: libdw attaches to one "process" only; ours is whichever crashes. It is given a file of its
 * own to know the machine by, for modules come and go. */
static bool attach(void) {
    static const Dwfl_Callbacks callbacks = {
        .find_elf = find_elf,
        .find_debuginfo = dwfl_build_id_find_debuginfo,
    };
    static const Dwfl_Thread_Callbacks thread_callbacks = {
        .next_thread = next_thread,
        .get_thread = get_thread,
        .memory_read = memory_read,
        .set_initial_registers = set_initial_registers,
    };
    if (memory.dwfl)
        return true;
    elf_version(EV_CURRENT);
    memory.dwfl = dwfl_begin(&callbacks);
    memory.template_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    memory.template = memory.template_fd < 0
                          ? NULL
                          : elf_begin(memory.template_fd, ELF_C_READ_MMAP, NULL);
    if (memory.dwfl && memory.template &&
        dwfl_attach_state(memory.dwfl, memory.template, getpid(), &thread_callbacks,
                          NULL))
        return true;
    forget();
    return false;
}

/* Are the modules that are kept still from the same files? */
static bool are_same_files(void) {
    bool stale = false;
    if (memory.pinned && memory.checked)
        return true;
    dwfl_getmodules(memory.dwfl, check_file, &stale, 0);
    memory.checked = memory.pinned && !stale;
    return !stale;
}

/* Are they those of the process? @all: by everything that is mapped, not by what is executable alone */
static bool are_kept(struct walk *walk, bool all, const struct mappings_code *code,
                     uint64_t *mapped) {
    walk->by_code = !all && memory.mapped && code->name && code->name == memory.code.name;
    if (walk->by_code)
        return are_same_files();
    *mapped = mappings_name(walk->pid);
    return *mapped && *mapped == memory.mapped && are_same_files();
}

/* Make the modules those of the process. @all: as above. Return: whether they are known. */
static bool report_modules(struct walk *walk, bool all) {
    bool stale = false;
    uint64_t mapped = 0;
    struct mappings_code code;
    if (!attach())
        return false;
    mappings_code(walk->pid, &code);
    if (are_kept(walk, all, &code, &mapped))
        return true;
    if (walk->by_code)
        mapped = mappings_name(walk->pid);
    walk->by_code = false;
    memory.checked = false;
    memory.mapped = 0;
    dwfl_report_begin(memory.dwfl);
    bool reported = dwfl_linux_proc_report(memory.dwfl, walk->pid) == 0;
    reported = dwfl_report_end(memory.dwfl, NULL, NULL) == 0 && reported;
    dwfl_getmodules(memory.dwfl, check_file, &stale, 0);
    if (stale) {
        forget();
        reported = attach() && dwfl_linux_proc_report(memory.dwfl, walk->pid) == 0 &&
                   dwfl_report_end(memory.dwfl, NULL, NULL) == 0;
    }
    memory.mapped = reported ? mapped : 0;
    memory.code = code;
    return reported;
}

/* Of the register that a call leaves its return address in: a function may have signed it already. */
static void take_signature_off(struct walk *walk, int reg) {
    if (reg >= 0)
        walk->registers[reg] = without_signature(walk, walk->registers[reg]);
}

static void walk_stack(struct walk *walk) {
    if (walk->signature)
        take_signature_off(walk, ARCH_DWARF_RETURN);
    step_over_wild_call(walk);
    dwfl_getthread_frames(walk->dwfl, walk->tid, on_frame, walk);
}

/* Is there a frame in what is not executable? There may be a file that was not there before. */
static bool leads_out_of_code(const struct walk *walk) {
    for (uint32_t i = 0; i < walk->n; i++) {
        Dwarf_Addr at = walk->addresses[i] - 1;
        uint32_t k = 0;
        while (k < memory.code.n &&
               (at < memory.code.ranges[k].start || at >= memory.code.ranges[k].end))
            k++;
        if (k == memory.code.n)
            return true;
    }
    return walk->n == 0;
}

static void forget_frames(struct walk *walk) {
    for (uint32_t i = 0; i < walk->n; i++) {
        free(walk->frames[i].module);
        free(walk->frames[i].function);
        walk->frames[i] = (struct crash_frame){0};
    }
    walk->n = 0;
    walk->caller_sp = 0;
    walk->wild_pc = false;
}

static void unwind(struct walk *walk) {
    memory.walk = walk;
    bool reported = report_modules(walk, false);
    walk->dwfl = memory.dwfl;
    if (!walk->dwfl)
        return;
    if (reported)
        walk_stack(walk);
    if (reported && walk->by_code && leads_out_of_code(walk) &&
        mappings_name(walk->pid) != memory.mapped && read_registers(walk)) {
        forget_frames(walk);
        reported = report_modules(walk, true);
        walk->dwfl = memory.dwfl;
        if (reported)
            walk_stack(walk);
    }
    if (walk->n == 0 &&
        walk->dwfl) /* not even one: the place itself is still worth having */
        add_frame(walk, walk->pc, true);
}

static void free_frames(struct observation *seen) {
    for (uint32_t i = 0; i < seen->crash.n_frames; i++) {
        free(seen->crash.frames[i].module);
        free(seen->crash.frames[i].function);
    }
    free(seen->crash.frames);
    free(seen->crash.exe);
    seen->crash.frames = NULL;
    seen->crash.exe = NULL;
    seen->crash.n_frames = 0;
}

/* --- an exception that may not leave a function --- */

static bool is_called(const struct crash_frame *f, const char *name) {
    return f->function && strcmp(f->function, name) == 0;
}

/* libstdc++ catches everything here and there, to tidy up and throw it again. */
static bool is_librarys(const struct crash_frame *f) {
    static const char *const begin[] = {"_ZNSt", "_ZNKSt", "_ZSt", "_ZN9__gnu_cxx"};
    for (size_t i = 0; f->function && i < sizeof begin / sizeof *begin; i++)
        if (strncmp(f->function, begin[i], strlen(begin[i])) == 0)
            return true;
    return f->module && strstr(f->module, "/libstdc++.so");
}

/* Index behind the frame that threw; 0 when this is not an end of that kind. */
static uint32_t find_throw(const struct walk *walk) {
    uint32_t i = 0;
    while (i < walk->n && !is_called(&walk->frames[i], "__gxx_personality_v0"))
        i++;
    while (i < walk->n && !is_called(&walk->frames[i], "__cxa_throw") &&
           !is_called(&walk->frames[i], "__cxa_rethrow") &&
           !is_called(&walk->frames[i], "_Unwind_Resume"))
        i++;
    return i < walk->n ? i + 1 : 0;
}

/* The frame, from 1, whose exception specification does not name it (C++14's throw()); 0 = there is none. */
static uint32_t find_specified(const struct walk *walk) {
    for (uint32_t i = 0; i + 1 < walk->n; i++)
        if (is_called(&walk->frames[i], "__cxa_call_unexpected"))
            return i + 2;
    return 0;
}

/* Which function lets it not out, and is there one further out that would have caught it? */
static void find_boundary(struct walk *walk, struct observation *seen) {
    uint32_t i = find_throw(walk);
    seen->crash.boundary = seen->crash.caught_by = 0;
    uint32_t specified = i ? 0 : find_specified(walk);
    if (specified) { /* from there on: it may have been inlined into the one that catches */
        seen->crash.boundary = specified;
        i = specified - 1;
    }
    for (; i && i < walk->n; i++) {
        enum landing found = landing_of(walk->dwfl, walk->pid, walk->addresses[i]);
        bool all = found == LANDING_CATCHES_ALL || found == LANDING_GUARDED_ALL;
        bool ends = found == LANDING_TERMINATES || found == LANDING_GUARDED ||
                    found == LANDING_GUARDED_ALL;
        if (ends && !seen->crash.boundary) {
            seen->crash.boundary = i + 1;
            /* the noexcept function was inlined into the one that catches */
            if (found == LANDING_GUARDED || (all && !is_librarys(&walk->frames[i])))
                seen->crash.caught_by = i + 1;
        } else if (found == LANDING_CATCHES || found == LANDING_GUARDED ||
                   (all && !is_librarys(&walk->frames[i]))) {
            seen->crash.caught_by = seen->crash.boundary ? i + 1 : 0;
        }
        if (seen->crash.caught_by || found == LANDING_CATCHES) {
            break;
        }
    }
}

/* By way of what is known already: code of a file is what it was. */
static bool leads_straight(const struct walk *walk, uint32_t i) {
    const struct crash_frame *within = &walk->frames[i], *outer = within + 1;
    Dwarf_Addr from = walk->addresses[i], to = walk->addresses[i + 1];
    struct {
        uint8_t build_ids[2][sizeof within->build_id];
        uint64_t offsets[2];
    } places = {.offsets = {within->offset, outer->offset}};
    if (!within->build_id_bytes || !outer->build_id_bytes)
        return straight_leads(walk->pid, from, to);
    memcpy(places.build_ids[0], within->build_id, sizeof within->build_id);
    memcpy(places.build_ids[1], outer->build_id, sizeof outer->build_id);
    struct dearth_key key = key_hash(&places, sizeof places);
    struct straight *known = &memory.straight[key.lo & (N_NAMES - 1)];
    if (!key_equal(known->places, key)) {
        known->places = key;
        known->leads = straight_leads(walk->pid, from, to);
    }
    return known->leads;
}

/* Functions that are there to end the program: of interest where it ended itself. */
static void find_straight(struct walk *walk) {
    for (uint32_t i = 1; i + 1 < walk->n && i < STRAIGHT_FRAMES; i++)
        walk->frames[i].straight = leads_straight(walk, i);
}

static bool is_of_exception(const struct walk *walk) {
    for (uint32_t i = 0; i < walk->n; i++)
        if (is_called(&walk->frames[i], "_ZSt9terminatev") ||
            is_called(&walk->frames[i], "__cxa_throw"))
            return true;
    return false;
}

/* Did it go below its stack? Then the fault lies where nothing may be written, a little below what may, and
 * the stack pointer has come to the end of that. A guard is a page mostly, and a function may have taken more:
 * of one that took much, the fault lies in its frame, and its caller's may be written. */
#define OVERFLOW_REACH (1u << 20)
#define BELOW_FRAME                                                                      \
    4096u /* what a call that is under way, or a function that calls none, uses below its frame */
static bool is_overflow(const struct walk *walk, Dwarf_Word sp,
                        const struct observation *seen) {
    uint64_t at = seen->crash.address;
    if (seen->crash.signal != SIGSEGV ||
        (seen->crash.code != SEGV_MAPERR && seen->crash.code != SEGV_ACCERR) ||
        at + OVERFLOW_REACH < sp)
        return false;
    uint64_t stack = mappings_writable_from(walk->pid, at);
    if (stack <= at)
        return false;
    if (at <= sp + OVERFLOW_REACH && stack - at <= OVERFLOW_REACH &&
        sp < stack + OVERFLOW_REACH / 16)
        return true;
    uint64_t caller = mappings_writable_from(walk->pid, walk->caller_sp);
    return at + BELOW_FRAME >= sp && at < walk->caller_sp && caller &&
           caller <= walk->caller_sp;
}

void crash_pin_files(bool pinned) {
    memory.pinned = pinned;
}

void crash_files_written(void) {
    memory.checked = false;
}

bool crash_pc(pid_t tid, uint64_t *pc) {
    AUTO_FREE struct walk *walk = text_alloc(sizeof *walk);
    walk->tid = tid;
    bool known = read_registers(walk);
    *pc = walk->pc;
    return known;
}

unsigned crash_capture(pid_t tid, struct observation *seen) {
    free_frames(seen);
    struct walk *walk = text_alloc(sizeof *walk);
    walk->tid = tid;
    walk->pid = process_of(tid);
    Dwarf_Word sp = 0;
    if (read_registers(walk)) {
        sp = walk->registers[ARCH_DWARF_SP]; /* unwinding may step over a wild call */
        unwind(walk);
    }
    seen->crash.stack_pointer = sp;
    seen->crash.overflow = sp && is_overflow(walk, sp, seen);
    if (walk->n && walk->dwfl)
        find_boundary(walk, seen);
    if (seen->crash.signal == SIGABRT)
        find_straight(walk);
    if (walk->dwfl && is_of_exception(walk))
        thrown_find(walk->dwfl, walk->pid, sp, seen);
    seen->crash.pid = (uint32_t)walk->pid;
    char link[64], exe[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/exe", walk->pid);
    ssize_t n = readlink(link, exe, sizeof exe - 1);
    if (n > 0) {
        exe[n] = 0;
        seen->crash.exe = text_dup(exe);
    }
    if (walk->n) {
        seen->crash.frames = text_alloc(walk->n * sizeof *seen->crash.frames);
        memcpy(seen->crash.frames, walk->frames, walk->n * sizeof *seen->crash.frames);
        seen->crash.n_frames = walk->n;
    }
    unsigned n_frames = walk->n;
    free(walk);
    return n_frames;
}
