/*
 * The stack of a thread that is about to die, read from outside by libdw.
 *
 *   /proc/PID/maps ─► modules ─► CFI of each (.eh_frame) ─► frames ─► (module, build-id,
 * offset)
 *
 * libdw's own process attachment would do, but for two things that crashes are made of:
 *  - a call through a NULL or wild pointer leaves a program counter that no module
 * covers, where unwinding ends before it began. Such a frame is recorded as "[anon]" and
 * the return address that the call pushed is taken for the next one;
 *  - files are opened through /proc/PID/root: the target may live in a private tree that
 * shows files which exist nowhere else. Debug files are taken from the local disk only:
 * no attempt waits for a network.
 */
#include "crash.h"

#include <elf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include "../common/text.h"
#include "attempt.h"

/* DWARF register numbers. Sources: System V ABI AMD64 psABI, figure 3.36; DWARF for the
 * Arm 64-bit Architecture, section 4.1. */
#if defined(__x86_64__)
enum { N_REGISTERS = 17, REGISTER_SP = 7 };
#elif defined(__aarch64__)
enum { N_REGISTERS = 32, REGISTER_SP = 31, REGISTER_LR = 30 };
#else
#error "crash.c needs the register layout of this architecture"
#endif

struct walk {
    pid_t pid, tid;
    Dwfl *dwfl;
    Dwarf_Word registers[N_REGISTERS];
    Dwarf_Word pc;
    bool wild_pc; /* the innermost frame was recorded by hand */
    struct crash_frame frames[OBSERVATION_MAX_FRAMES];
    uint32_t n;
};

static bool read_word(pid_t pid, Dwarf_Addr address, Dwarf_Word *out) {
    struct iovec to = {out, sizeof *out};
    struct iovec from = {(void *)(uintptr_t)address, sizeof *out};
    return process_vm_readv(pid, &to, 1, &from, 1, 0) == (ssize_t)sizeof *out;
}

static bool read_registers(struct walk *walk) {
    struct user_regs_struct regs;
    struct iovec io = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, walk->tid, (void *)NT_PRSTATUS, &io) < 0 ||
        io.iov_len != sizeof regs) /* a 32-bit program on a 64-bit machine has fewer */
        return false;
#if defined(__x86_64__)
    const Dwarf_Word in_order[N_REGISTERS] = {
        regs.rax, regs.rdx, regs.rcx, regs.rbx, regs.rsi, regs.rdi,
        regs.rbp, regs.rsp, regs.r8,  regs.r9,  regs.r10, regs.r11,
        regs.r12, regs.r13, regs.r14, regs.r15, regs.rip};
    memcpy(walk->registers, in_order, sizeof in_order);
    walk->pc = regs.rip;
#else
    for (int i = 0; i < 31; i++)
        walk->registers[i] = regs.regs[i];
    walk->registers[REGISTER_SP] = regs.sp;
    walk->pc = regs.pc;
#endif
    return true;
}

static void set_pc(struct walk *walk, Dwarf_Word pc) {
    walk->pc = pc;
#if defined(__x86_64__)
    walk->registers[16] = pc;
#endif
}

/* --- what libdw asks for --- */

static pid_t next_thread(Dwfl *dwfl, void *argument, void **thread_argument) {
    (void)dwfl;
    if (*thread_argument)
        return 0;
    *thread_argument = argument;
    return ((struct walk *)argument)->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *argument, void **thread_argument) {
    (void)dwfl;
    *thread_argument = argument;
    return tid == ((struct walk *)argument)->tid;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result,
                        void *argument) {
    (void)dwfl;
    return read_word(((struct walk *)argument)->pid, address, result);
}

static bool set_initial_registers(Dwfl_Thread *thread, void *argument) {
    struct walk *walk = argument;
    if (!dwfl_thread_state_registers(thread, 0, N_REGISTERS, walk->registers))
        return false;
#if defined(__aarch64__)
    dwfl_thread_state_register_pc(thread, walk->pc);
#endif
    return true;
}

static int find_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf) {
    if (name[0] == '/') {
        const struct walk *walk = *user;
        char path[PATH_MAX];
        if (walk && snprintf(path, sizeof path, "/proc/%d/root%s", walk->pid, name) <
                        (int)sizeof path) {
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            if (fd >= 0) {
                *file_name = strdup(name);
                return fd;
            }
        }
    }
    return dwfl_linux_proc_find_elf(module, user, name, base, file_name, elf);
}

/* Every module's user pointer is the walk, so that find_elf() knows the process. */
static int give_walk(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr start,
                     void *argument) {
    (void)module, (void)name, (void)start;
    *user = argument;
    return DWARF_CB_OK;
}

/* --- frames --- */

static bool is_code(struct walk *walk, Dwarf_Addr pc) {
    return pc && dwfl_addrmodule(walk->dwfl, pc) != NULL;
}

static void add_frame(struct walk *walk, Dwarf_Addr pc, bool exact) {
    if (walk->n == OBSERVATION_MAX_FRAMES)
        return;
    struct crash_frame *frame = &walk->frames[walk->n++];
    Dwfl_Module *module = dwfl_addrmodule(walk->dwfl, exact ? pc : pc - 1);
    frame->offset = exact ? pc + 1 : pc;
    if (!module) {
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
    GElf_Off into;
    GElf_Sym symbol;
    const char *function = dwfl_module_addrinfo(module, exact ? pc : pc - 1, &into,
                                                &symbol, NULL, NULL, NULL);
    /* a nearest symbol that ends before the address is another function */
    if (function && (symbol.st_size == 0 || into < symbol.st_size))
        frame->function = text_dup(function);
}

static int on_frame(Dwfl_Frame *state, void *argument) {
    struct walk *walk = argument;
    Dwarf_Addr pc;
    bool exact;
    if (!dwfl_frame_pc(state, &pc, &exact))
        return DWARF_CB_ABORT;
    if (walk->wild_pc && walk->n == 1)
        add_frame(walk, pc + 1, false);
    else
        add_frame(walk, pc, exact);
    return walk->n < OBSERVATION_MAX_FRAMES ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/* The called address is no code: note it, and stand where the call came from. */
static void step_over_wild_call(struct walk *walk) {
    if (is_code(walk, walk->pc))
        return;
    Dwarf_Word back = 0;
#if defined(__x86_64__)
    if (!read_word(walk->pid, walk->registers[REGISTER_SP], &back))
        return;
#else
    back = walk->registers[REGISTER_LR];
#endif
    if (!is_code(walk, back - 1))
        return;
    add_frame(walk, walk->pc, true);
    walk->wild_pc = true;
#if defined(__x86_64__)
    walk->registers[REGISTER_SP] += sizeof back;
#endif
    set_pc(walk, back - 1); /* inside the call: a call may be the last of its function */
}

static pid_t process_of(pid_t tid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    FILE *f = fopen(path, "re");
    pid_t pid = tid;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Tgid: %d", &pid) == 1)
            break;
    if (f)
        fclose(f);
    return pid;
}

static void unwind(struct walk *walk) {
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
    walk->dwfl = dwfl_begin(&callbacks);
    if (!walk->dwfl)
        return;
    if (dwfl_linux_proc_report(walk->dwfl, walk->pid) == 0 &&
        dwfl_report_end(walk->dwfl, NULL, NULL) == 0) {
        dwfl_getmodules(walk->dwfl, give_walk, walk, 0);
        step_over_wild_call(walk);
        if (dwfl_attach_state(walk->dwfl, NULL, walk->pid, &thread_callbacks, walk))
            dwfl_getthread_frames(walk->dwfl, walk->tid, on_frame, walk);
    }
    if (walk->n == 0) /* not even one: the place itself is still worth having */
        add_frame(walk, walk->pc, true);
    dwfl_end(walk->dwfl);
}

static void free_frames(struct observation *seen) {
    for (uint32_t i = 0; i < seen->n_crash_frames; i++) {
        free(seen->crash_frames[i].module);
        free(seen->crash_frames[i].function);
    }
    free(seen->crash_frames);
    free(seen->crash_exe);
    seen->crash_frames = NULL;
    seen->crash_exe = NULL;
    seen->n_crash_frames = 0;
}

unsigned crash_capture(pid_t tid, struct observation *seen) {
    free_frames(seen);
    struct walk *walk = text_alloc(sizeof *walk);
    walk->tid = tid;
    walk->pid = process_of(tid);
    if (read_registers(walk))
        unwind(walk);
    seen->crash_pid = (uint32_t)walk->pid;
    char link[64], exe[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/exe", walk->pid);
    ssize_t n = readlink(link, exe, sizeof exe - 1);
    if (n > 0) {
        exe[n] = 0;
        seen->crash_exe = text_dup(exe);
    }
    if (walk->n) {
        seen->crash_frames = text_alloc(walk->n * sizeof *seen->crash_frames);
        memcpy(seen->crash_frames, walk->frames, walk->n * sizeof *seen->crash_frames);
        seen->n_crash_frames = walk->n;
    }
    unsigned n_frames = walk->n;
    free(walk);
    return n_frames;
}
