/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table test of the verdict, policies and the folding of baselines: what was seen in,
 * verdict out.
 */
#include <signal.h>
#include <stdlib.h>

#include "attempt.h"
#include "baseline.h"
#include "catalogue.h"
#include "check.h"
#include "written.h"

static struct observation run(const char *out, int exit_code) {
    struct observation o = {
        .proof.fired = true, .proof.attached = true, .end.exit_code = exit_code};
    o.output.stdout_data = (uint8_t *)out;
    o.output.stdout_kept = o.output.stdout_bytes = strlen(out);
    struct dearth_key digest = key_hash(out, strlen(out));
    memcpy(o.output.stdout_digest, &digest, 16);
    return o;
}

struct seen {
    int exit_code, exit_signal;
    const char *out, *err;
    int crash_signal, crash_code;
    bool crash_fatal, timed_out, not_fired, other_files;
    uint64_t outward;
    uint32_t boundary, caught_by;
    uint32_t libc;        /* so many of the innermost frames are the C library's */
    int check;            /* what --output-check said, plus 1; 0 = there was none */
    const char *stack[6]; /* functions, innermost first */
};

static struct catalogue *builtin;

static struct judgement judge(const struct baseline *b, const struct seen *s,
                              const struct catalogue *c) {
    struct observation o =
        run(s->out ? s->out : "out\n", s->exit_signal ? -1 : s->exit_code);
    struct crash_frame frames[6] = {0};
    o.end.exit_signal = s->exit_signal;
    o.outward = s->outward;
    o.proof.fired = !s->not_fired;
    o.end.timed_out = s->timed_out;
    o.crash.signal = s->crash_signal ? s->crash_signal : s->exit_signal;
    o.crash.code = s->crash_code;
    o.crash.fatal = s->crash_fatal;
    o.output.files_known = true;
    struct written_file file = {.path = "/made", .mode = 0100644};
    o.output.files = &file;
    o.output.n_files = s->other_files;
    o.output.stderr_bytes = s->err ? strlen(s->err) : 0;
    o.output.checked = s->check > 0;
    o.output.check = s->check - 1;
    o.output.stderr_tail = (char *)s->err;
    o.output.stderr_tail_n = s->err ? strlen(s->err) : 0;
    for (; o.crash.n_frames < 6 && s->stack[o.crash.n_frames]; o.crash.n_frames++)
        frames[o.crash.n_frames] = (struct crash_frame){
            .function = (char *)s->stack[o.crash.n_frames],
            .module = (char *)(o.crash.n_frames < s->libc ? "/lib/libc.so.6" : "/bin/p")};
    o.crash.boundary = s->boundary;
    o.crash.caught_by = s->caught_by;
    o.crash.frames = frames;
    return verdict_judge(b, NULL, &o, c);
}

#define BAD_ALLOC                                                                        \
    "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  "       \
    "std::bad_alloc\n"

static const struct {
    const char *name;
    struct seen seen;
    enum verdict verdict;
    const char *policy;
} cases[] = {
    {"not fired", {.not_fired = true}, VERDICT_UNREACHED},
    {"not fired, crashed all the same",
     {.not_fired = true, .exit_signal = SIGSEGV},
     VERDICT_UNREACHED},
    {"not fired, timed out",
     {.not_fired = true, .timed_out = true, .exit_signal = SIGKILL},
     VERDICT_UNREACHED},
    {"same", {0}, VERDICT_HANDLED},
    {"same, says so on stderr", {.err = "warning: out of memory\n"}, VERDICT_HANDLED},
    {"other output", {.out = "other\n"}, VERDICT_DEGRADED},
    {"other files", {.other_files = true}, VERDICT_DEGRADED},
    {"exit 1", {.exit_code = 1}, VERDICT_REPORTED},
    {"exit 1 with an out-of-memory message",
     {.exit_code = 1, .err = "perl: Out of memory!\n"},
     VERDICT_REPORTED},
    {"timed out", {.timed_out = true, .exit_signal = SIGKILL}, VERDICT_HUNG},
    {"SIGSEGV", {.exit_signal = SIGSEGV}, VERDICT_CRASHED},
    {"SIGBUS", {.exit_signal = SIGBUS}, VERDICT_CRASHED},
    {"SIGFPE", {.exit_signal = SIGFPE}, VERDICT_CRASHED},
    {"SIGILL", {.exit_signal = SIGILL}, VERDICT_CRASHED},
    {"SIGSYS", {.exit_signal = SIGSYS}, VERDICT_CRASHED},
    {"SIGSEGV in an xmalloc is no policy",
     {.exit_signal = SIGSEGV, .stack = {"xmalloc", "main"}},
     VERDICT_CRASHED},
    {"SIGKILL", {.exit_signal = SIGKILL}, VERDICT_CRASHED},
    {"SIGTERM", {.exit_signal = SIGTERM}, VERDICT_REPORTED},
    {"SIGPIPE", {.exit_signal = SIGPIPE}, VERDICT_REPORTED},
    {"abort", {.exit_signal = SIGABRT}, VERDICT_ABORTED, "abort"},
    {"rust by stack",
     {.exit_signal = SIGABRT,
      .stack = {"abort", "_ZN5alloc5alloc18handle_alloc_error17h0E"}},
     VERDICT_ABORTED,
     "rust handle_alloc_error"},
    {"rust v0 by stack",
     {.exit_signal = SIGABRT,
      .stack = {"abort", "_RNvNtCs1_5alloc5alloc18handle_alloc_error"}},
     VERDICT_ABORTED,
     "rust handle_alloc_error"},
    {"rust by message",
     {.exit_signal = SIGABRT, .err = "memory allocation of 64 bytes failed\n"},
     VERDICT_ABORTED,
     "rust handle_alloc_error"},
    {"rust's panic that may not unwind",
     {.exit_signal = SIGABRT,
      .stack = {"abort", "_RNvNtCs1_3std9panicking15panic_with_hook",
                "_RNvNtCs1_4core9panicking19panic_cannot_unwind", "callback"}},
     VERDICT_ABORTED,
     "rust panic"},
    {"bad_alloc by message",
     {.exit_signal = SIGABRT,
      .err = BAD_ALLOC,
      .stack = {"raise", "abort", "_ZSt9terminatev"}},
     VERDICT_ABORTED,
     "uncaught std::bad_alloc"},
    {"bad_alloc by stack",
     {.exit_signal = SIGABRT,
      .stack = {"abort", "_ZSt9terminatev", "__cxa_throw", "_Znwm"}},
     VERDICT_ABORTED,
     "uncaught std::bad_alloc"},
    {"bad_alloc with its mangled name",
     {.exit_signal = SIGABRT,
      .err = "terminate called after throwing an instance of 'St9bad_alloc'\n",
      .stack = {"abort", "_ZSt9terminatev"}},
     VERDICT_ABORTED,
     "uncaught std::bad_alloc"},
    {"bad_array_new_length",
     {.exit_signal = SIGABRT,
      .err =
          "terminate called after throwing an instance of 'std::bad_array_new_length'\n"},
     VERDICT_ABORTED,
     "uncaught std::bad_alloc"},
    {"another exception",
     {.exit_signal = SIGABRT,
      .err = "terminate called after throwing an instance of 'std::logic_error'\n",
      .stack = {"abort", "_ZSt9terminatev"}},
     VERDICT_CRASHED},
    {"another exception, by who threw it",
     {.exit_signal = SIGABRT,
      .stack = {"abort", "_ZSt9terminatev", "__cxa_throw", "_ZSt19__throw_logic_errorPKc",
                "main"}},
     VERDICT_CRASHED},
    {"an exception of the program's, without a word",
     {.exit_signal = SIGABRT,
      .stack = {"abort", "_ZSt9terminatev", "__cxa_throw", "main"}},
     VERDICT_ABORTED,
     "uncaught exception"},
    {"its mangled name",
     {.exit_signal = SIGABRT,
      .err = "terminate called after throwing an instance of 'N3app5errorE'\n",
      .stack = {"abort", "_ZSt9terminatev", "__cxa_throw", "main"}},
     VERDICT_CRASHED},
    {"a NULL that rustc's own check meets",
     {.exit_signal = SIGABRT,
      .err = "thread 'main' panicked at a.rs:3:9:\nnull pointer dereference occurred\n"
             "thread caused non-unwinding panic. aborting.\n",
      .stack = {"abort", "_RNvNtCs1_3std9panicking15panic_with_hook", "fill", "main"}},
     VERDICT_CRASHED},
    {"a precondition of an unsafe function, by its stack",
     {.exit_signal = SIGABRT,
      .stack = {"abort", "_RNvNtCs1_3std9panicking15panic_with_hook",
                "_RNvNtCs1_4core9panicking26panic_nounwind_nobacktrace",
                "_RNvNvNtCs1_4core5slice18get_unchecked18precondition_check", "main"}},
     VERDICT_CRASHED},
    {"a pure virtual function",
     {.exit_signal = SIGABRT,
      .err = "pure virtual method called\nterminate called without an active exception\n",
      .stack = {"abort", "_ZSt9terminatev", "__cxa_pure_virtual", "main"}},
     VERDICT_CRASHED},
    {"a thread that is joinable",
     {.exit_signal = SIGABRT,
      .stack = {"abort", "_ZSt9terminatev", "_ZNSt6threadD2Ev", "main"}},
     VERDICT_CRASHED},
    {"bad_alloc in a noexcept function that nobody calls with a handler",
     {.exit_signal = SIGABRT,
      .err = BAD_ALLOC,
      .stack = {"abort", "__gxx_personality_v0", "_Unwind_Resume", "f", "main"}},
     VERDICT_ABORTED,
     "uncaught std::bad_alloc"},
    {"bad_alloc in a noexcept function, and main would catch it",
     {.exit_signal = SIGABRT,
      .err = BAD_ALLOC,
      .stack = {"abort", "__gxx_personality_v0", "_Unwind_Resume", "f", "main"},
      .boundary = 4,
      .caught_by = 5},
     VERDICT_CRASHED},
    {"glibc's words in the middle of a line",
     {.exit_signal = SIGABRT, .err = "prog: malloc(): no memory\n"},
     VERDICT_ABORTED,
     "out of memory"},
    {"glibc's words, but the program ends itself",
     {.exit_signal = SIGABRT,
      .err = "malloc(): Cannot allocate memory\n",
      .stack = {"raise", "abort", "main"}},
     VERDICT_ABORTED,
     "out of memory"},
    {"glibc's words, and its abort()",
     {.exit_signal = SIGABRT,
      .err = "malloc(): corrupted top size\n",
      .stack = {"raise", "abort", "?", "?"},
      .libc = 4},
     VERDICT_CORRUPTED},
    {"a check of its own, by its words",
     {.exit_signal = SIGABRT, .err = "a.c:3: internal error: n == m\n"},
     VERDICT_CRASHED},
    {"a handler that ends by abort()",
     {.exit_signal = SIGABRT, .crash_signal = SIGSEGV, .crash_code = 1},
     VERDICT_CRASHED},
    {"a handler that ends by a signal that it sends",
     {.exit_signal = SIGTERM, .crash_signal = SIGSEGV, .crash_code = 1},
     VERDICT_CRASHED},
    {"a signal that it sends itself after one that a handler was sent",
     {.exit_signal = SIGTERM, .crash_signal = SIGSEGV, .crash_code = SI_TKILL},
     VERDICT_REPORTED},
    {"a trap that is handled",
     {.exit_code = 1, .crash_signal = SIGTRAP, .crash_code = 128},
     VERDICT_REPORTED},
    {"g_malloc traps",
     {.exit_signal = SIGTRAP,
      .err = "GLib-ERROR **: g.c:106: failed to allocate 24 bytes\n"},
     VERDICT_ABORTED,
     "glib g_malloc"},
    {"a trap without a word", {.exit_signal = SIGTRAP}, VERDICT_CRASHED},
    {"jq",
     {.exit_signal = SIGABRT, .err = "jq: error: cannot allocate memory\n"},
     VERDICT_ABORTED,
     "jq jv_mem_alloc"},
    {"xmalloc",
     {.exit_signal = SIGABRT, .stack = {"abort", "xalloc_die", "main"}},
     VERDICT_ABORTED,
     "xmalloc"},
    {"python",
     {.exit_signal = SIGABRT, .err = "Fatal Python error: no memory\n"},
     VERDICT_ABORTED,
     "python fatal error"},
    {"v8",
     {.exit_signal = SIGILL,
      .err = "FATAL ERROR: Zone Allocation failed - process out of memory\n"},
     VERDICT_ABORTED,
     "v8 out of memory"},
    {"somebody's message",
     {.exit_signal = SIGABRT, .err = "prog: Cannot allocate memory\n"},
     VERDICT_ABORTED,
     "out of memory"},
    {"assertion by message",
     {.exit_signal = SIGABRT, .err = "p: a.c:3: main: Assertion `x' failed.\n"},
     VERDICT_CRASHED},
    {"assertion by stack",
     {.exit_signal = SIGABRT, .stack = {"raise", "abort", "__assert_fail"}},
     VERDICT_CRASHED},
    {"double free",
     {.exit_signal = SIGABRT, .err = "double free or corruption (!prev)\n"},
     VERDICT_CORRUPTED},
    {"free(): invalid",
     {.exit_signal = SIGABRT, .err = "free(): invalid pointer\n"},
     VERDICT_CORRUPTED},
    {"realloc(): invalid",
     {.exit_signal = SIGABRT, .err = "realloc(): invalid next size\n"},
     VERDICT_CORRUPTED},
    {"munmap_chunk",
     {.exit_signal = SIGABRT, .err = "munmap_chunk(): invalid pointer\n"},
     VERDICT_CORRUPTED},
    {"corrupted size",
     {.exit_signal = SIGABRT, .err = "corrupted size vs. prev_size\n"},
     VERDICT_CORRUPTED},
    {"damage by stack inside xmalloc",
     {.exit_signal = SIGABRT, .stack = {"abort", "malloc_printerr", "malloc", "xmalloc"}},
     VERDICT_CORRUPTED},
    {"stack smashing",
     {.exit_signal = SIGABRT, .err = "*** stack smashing detected ***: terminated\n"},
     VERDICT_CORRUPTED},
    {"asan use after free",
     {.exit_code = 1,
      .err = "==7==ERROR: AddressSanitizer: heap-use-after-free on address\n"},
     VERDICT_CORRUPTED},
    {"asan SEGV",
     {.exit_code = 1,
      .err = "AddressSanitizer:DEADLYSIGNAL\n==7==ERROR: AddressSanitizer: SEGV on "
             "unknown\n"},
     VERDICT_CRASHED},
    {"asan out of memory",
     {.exit_code = 1,
      .err = "==7==ERROR: AddressSanitizer: out of memory: allocator is trying\n"},
     VERDICT_ABORTED,
     "sanitizer out of memory"},
    {"asan too big",
     {.exit_code = 1, .err = "==7==ERROR: AddressSanitizer: allocation-size-too-big\n"},
     VERDICT_ABORTED,
     "sanitizer out of memory"},
    {"asan, only its summary kept",
     {.exit_signal = SIGABRT,
      .err = "SUMMARY: AddressSanitizer: heap-use-after-free a.c\n"},
     VERDICT_CORRUPTED},
    {"valgrind, use after free",
     {.exit_code = 1,
      .err =
          "==7== Invalid write of size 1\n==7==  Address 0x44d9f043 is 3 bytes inside a "
          "block of size 10 free'd\n"},
     VERDICT_CORRUPTED},
    {"valgrind, NULL",
     {.exit_signal = SIGSEGV,
      .err =
          "==7== Invalid read of size 8\n==7==  Address 0x0 is not stack'd, malloc'd or "
          "(recently) free'd\n==7==  Access not within mapped region at address 0x0\n"},
     VERDICT_CRASHED},
    {"the guard's stack",
     {.exit_signal = SIGABRT, .stack = {"dearth_damage_found", "guarded_free", "free"}},
     VERDICT_CORRUPTED},
    {"ubsan goes on",
     {.err = "a.c:3:5: runtime error: signed integer overflow\n"},
     VERDICT_CORRUPTED},
    {"tsan",
     {.exit_code = 66, .err = "WARNING: ThreadSanitizer: data race (pid=7)\n"},
     VERDICT_CORRUPTED},
    {"what the baseline says is no evidence",
     {.exit_signal = SIGABRT, .err = "noise: corrupted double-linked list\n"},
     VERDICT_ABORTED,
     "abort"},
    {"descendant died",
     {.exit_code = 1, .crash_signal = SIGSEGV, .crash_fatal = true},
     VERDICT_CRASHED},
    {"descendant died, nobody noticed",
     {.crash_signal = SIGSEGV, .crash_fatal = true},
     VERDICT_CRASHED},
    {"descendant was ended",
     {.exit_code = 1, .crash_signal = SIGTERM, .crash_fatal = true},
     VERDICT_REPORTED},
    {"caught SIGSEGV, exit 4",
     {.exit_code = 4, .crash_signal = SIGSEGV, .crash_code = 1},
     VERDICT_CRASHED},
    {"caught SIGSEGV at work",
     {.crash_signal = SIGSEGV, .crash_code = 1},
     VERDICT_HANDLED},
    {"somebody sent SIGSEGV, exit 4",
     {.exit_code = 4, .crash_signal = SIGSEGV, .crash_code = 0},
     VERDICT_REPORTED},
    {"abort out of a handler",
     {.exit_signal = SIGABRT, .stack = {"abort", "handler", "__restore_rt", "main"}},
     VERDICT_CRASHED},
    {"a shell's 139", {.exit_code = 139}, VERDICT_CRASHED},
    {"a shell's 134", {.exit_code = 134}, VERDICT_ABORTED, "abort"},
};

static void run_cases(void) {
    struct observation runs[2] = {run("out\n", 0), run("out\n", 0)};
    struct baseline b;
    runs[0].output.files_known = runs[1].output.files_known = true;
    runs[0].output.stderr_tail = "noise: corrupted double-linked list\n";
    runs[0].output.stderr_tail_n = strlen(runs[0].output.stderr_tail);
    baseline_fold(runs, 2, NULL, &b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct judgement j = judge(&b, &cases[i].seen, builtin);
        CHECK_TEXT(cases[i].name, verdict_name(cases[i].verdict),
                   verdict_name(j.verdict));
        CHECK(cases[i].name, j.severity == verdict_severity(j.verdict) && j.reason[0]);
        CHECK_TEXT(cases[i].name, cases[i].policy ? cases[i].policy : "-",
                   j.policy ? j.policy : "-");
    }
    baseline_deinit(&b);
}

/* Whose signal it was is said. */
static void run_reasons(void) {
    static const struct {
        struct seen seen;
        const char *reason;
    } table[] = {
        {{.exit_signal = SIGTERM, .crash_signal = SIGSEGV, .crash_code = 1},
         "caught, then gave up: SIGSEGV"},
        {{.exit_signal = SIGTERM,
          .crash_signal = SIGSEGV,
          .crash_code = 1,
          .crash_fatal = true},
         "a descendant was ended by SIGSEGV"},
        {{.exit_signal = SIGABRT,
          .crash_signal = SIGSEGV,
          .crash_code = 1,
          .crash_fatal = true},
         "caught, then gave up: SIGSEGV"},
    };
    struct observation runs[1] = {run("out\n", 0)};
    struct baseline b;
    baseline_fold(runs, 1, NULL, &b);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct judgement j = judge(&b, &table[i].seen, builtin);
        CHECK_TEXT("reason", table[i].reason, j.reason);
    }
    baseline_deinit(&b);
}

/* What a user's catalogue says counts before the built-in one. */
static void run_users(void) {
    struct observation runs[1] = {run("out\n", 0)};
    struct baseline b;
    baseline_fold(runs, 1, NULL, &b);
    static const struct {
        const char *name, *text;
        struct seen seen;
        enum verdict verdict;
        const char *policy;
    } table[] = {
        {"a function of the user's",
         "[policy own pool]\nstack pool_die*\n",
         {.exit_signal = SIGABRT, .stack = {"abort", "pool_die_now", "main"}},
         VERDICT_ABORTED,
         "own pool"},
        {"a demangled function",
         "[policy own pool]\nstack my_pool::die*\n",
         {.exit_signal = SIGABRT, .stack = {"abort", "_ZN7my_pool10die_loudlyEv"}},
         VERDICT_ABORTED,
         "own pool"},
        {"a test's own assertion: a harness called the function that has it",
         "# nothing\n",
         {.exit_signal = SIGABRT,
          .stack = {"raise", "abort", "__assert_fail", "test_it", "UnityDefaultTestRun"}},
         VERDICT_ABORTED,
         "test assertion"},
        {"an assertion of what is tested",
         "# nothing\n",
         {.exit_signal = SIGABRT,
          .stack = {"abort", "__assert_fail", "parse", "test_it", "UnityDefaultTestRun"}},
         VERDICT_CRASHED,
         NULL},
        {"a wild access in a test",
         "# nothing\n",
         {.exit_signal = SIGSEGV, .stack = {"test_it", "UnityDefaultTestRun"}},
         VERDICT_CRASHED,
         NULL},
        {"a harness of the user's",
         "[harness ours]\nfunction run_one_test\n",
         {.exit_signal = SIGABRT,
          .stack = {"abort", "__assert_fail", "test_it", "run_one_test"}},
         VERDICT_ABORTED,
         "test assertion"},
        {"both functions of a line",
         "[policy own pool]\nstack pool_die* refill\n",
         {.exit_signal = SIGABRT, .stack = {"abort", "pool_die_now", "main"}},
         VERDICT_ABORTED,
         "abort"},
        {"a message in parts",
         "[policy own pool]\nmessage pool: ... is empty\n",
         {.exit_signal = SIGABRT,
          .err = "Pool: the big one is empty\n",
          .stack = {"abort", "main"}},
         VERDICT_ABORTED,
         "own pool"},
        {"parts in another order",
         "[policy own pool]\nmessage pool: ... is empty\n",
         {.exit_signal = SIGABRT,
          .err = "is empty, pool: x\n",
          .stack = {"abort", "main"}},
         VERDICT_ABORTED,
         "abort"},
        {"an assertion that is a policy of the user's",
         "[policy no pool]\nmessage Assertion `pool ... failed\n",
         {.exit_signal = SIGABRT,
          .err = "x.c:3: main: Assertion `pool != NULL' failed.\n",
          .stack = {"abort", "__assert_fail", "main"}},
         VERDICT_ABORTED,
         "no pool"},
        {"a function that finds damage",
         "[damage canary]\nstack canary_broken\n",
         {.exit_signal = SIGABRT, .stack = {"abort", "canary_broken", "main"}},
         VERDICT_CORRUPTED,
         NULL},
        {"a checker's report before an ordinary exit",
         "[damage my checker]\nreport mychecker: overrun\n",
         {.exit_code = 3, .err = "mychecker: overrun of 3 bytes\n"},
         VERDICT_CORRUPTED,
         NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct catalogue *c = catalogue_new();
        CHECK(table[i].name, catalogue_add_text(c, "text", table[i].text) == 0);
        struct judgement j = judge(&b, &table[i].seen, c);
        CHECK_TEXT(table[i].name, verdict_name(table[i].verdict),
                   verdict_name(j.verdict));
        CHECK_TEXT(table[i].name, table[i].policy ? table[i].policy : "-",
                   j.policy ? j.policy : "-");
        catalogue_free(c);
    }
    baseline_deinit(&b);
    static const char *const bad[] = {"name", "=glob", "name=", ""};
    struct catalogue *c = catalogue_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(bad[i], catalogue_add_policy(c, bad[i]) < 0);
    CHECK("--policy", catalogue_add_policy(c, "own pool=pool_die*") == 0);
    catalogue_free(c);
}

/* Baselines that differ, or that end badly themselves. */
static void run_baselines(void) {
    static const struct {
        const char *name, *first, *second;
        int first_exit, second_exit;
        struct seen seen;
        enum verdict verdict;
        int stdout_same;
    } table[] = {
        {"masked, same elsewhere",
         "a\nt=1\nb\n",
         "a\nt=2\nb\n",
         0,
         0,
         {.out = "a\nt=9\nb\n"},
         VERDICT_HANDLED,
         1},
        {"masked, differs elsewhere",
         "a\nt=1\nb\n",
         "a\nt=2\nb\n",
         0,
         0,
         {.out = "x\nt=9\nb\n"},
         VERDICT_DEGRADED,
         0},
        {"masked, a line less",
         "a\nt=1\nb\n",
         "a\nt=2\nb\n",
         0,
         0,
         {.out = "a\nt=9\n"},
         VERDICT_DEGRADED,
         0},
        {"a line comes and goes",
         "a\n",
         "a\nb\n",
         0,
         0,
         {.out = "a\n"},
         VERDICT_HANDLED,
         1},
        {"a line comes and goes, the other is lost",
         "a\n",
         "a\nb\n",
         0,
         0,
         {.out = "zzz\n"},
         VERDICT_DEGRADED,
         0},
        {"empty against something", "", "", 0, 0, {.out = "x"}, VERDICT_DEGRADED, 0},
        {"baseline fails, same",
         "out\n",
         "out\n",
         3,
         3,
         {.exit_code = 3},
         VERDICT_HANDLED,
         1},
        {"baseline fails, other status",
         "out\n",
         "out\n",
         3,
         3,
         {.exit_code = 4},
         VERDICT_REPORTED,
         1},
        {"baseline fails, same status, other output",
         "out\n",
         "out\n",
         3,
         3,
         {.exit_code = 3, .out = "x"},
         VERDICT_REPORTED,
         0},
        {"baseline fails, same status, another reason",
         "out\n",
         "out\n",
         3,
         3,
         {.exit_code = 3, .err = "out of memory\n"},
         VERDICT_REPORTED,
         1},
        {"baseline fails, attempt succeeds",
         "out\n",
         "out\n",
         3,
         3,
         {0},
         VERDICT_DEGRADED,
         1},
        {"status varies, 1",
         "out\n",
         "out\n",
         0,
         1,
         {.exit_code = 1},
         VERDICT_REPORTED,
         1},
        {"status varies, 0", "out\n", "out\n", 1, 0, {0}, VERDICT_HANDLED, 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct observation runs[2] = {run(table[i].first, table[i].first_exit),
                                      run(table[i].second, table[i].second_exit)};
        struct baseline b;
        baseline_fold(runs, 2, NULL, &b);
        struct judgement j = judge(&b, &table[i].seen, builtin);
        CHECK_TEXT(table[i].name, verdict_name(table[i].verdict),
                   verdict_name(j.verdict));
        CHECK(table[i].name, j.stdout_same == table[i].stdout_same);
        baseline_deinit(&b);
    }
}

/* An exit with 0, another output: who was told? */
static void run_silent(void) {
    static const struct {
        const char *name;
        struct seen seen;
        bool silent;
        enum verdict verdict;
    } table[] = {
        {"without a word", {.out = "x\n", .err = "noise 12\n"}, true, VERDICT_DEGRADED},
        {"without even the usual", {.out = "x\n"}, true, VERDICT_DEGRADED},
        {"with a word",
         {.out = "x\n", .err = "noise 1\nno memory\n"},
         false,
         VERDICT_DEGRADED},
        {"with a word on stdout",
         {.out = "out\ncase 1: out of memory\n"},
         false,
         VERDICT_DEGRADED},
        {"with a status", {.out = "x\n", .exit_code = 1}, false, VERDICT_REPORTED},
        {"other files",
         {.err = "noise 3\n", .other_files = true},
         true,
         VERDICT_DEGRADED},
        {"the same", {.err = "noise 3\n"}, false, VERDICT_HANDLED},
        {"the user says it is the same",
         {.out = "x\n", .check = 1},
         false,
         VERDICT_HANDLED},
        {"the user says it differs", {.check = 2}, true, VERDICT_DEGRADED},
    };
    struct observation runs[2] = {run("out\n", 0), run("out\n", 0)};
    struct baseline b;
    for (int i = 0; i < 2; i++) {
        runs[i].output.files_known = true;
        runs[i].output.stderr_tail = "noise 7\n";
        runs[i].output.stderr_tail_n = runs[i].output.stderr_bytes =
            strlen(runs[i].output.stderr_tail);
    }
    baseline_fold(runs, 2, NULL, &b);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct judgement j = judge(&b, &table[i].seen, builtin);
        CHECK_TEXT(table[i].name, verdict_name(table[i].verdict),
                   verdict_name(j.verdict));
        CHECK(table[i].name, j.silent == table[i].silent);
        CHECK(table[i].name, (j.verdict == VERDICT_DEGRADED) ==
                                 (j.n_differences > 0 && !table[i].seen.exit_code));
    }
    baseline_deinit(&b);
}

/* SIGKILL is 9; runs without a fault send SIGUSR1, 10, to their parent. */
static void run_outward(void) {
    static const struct {
        const char *name;
        struct seen seen;
        enum verdict verdict;
    } table[] = {
        {"its usual signal", {.outward = 1u << 9}, VERDICT_HANDLED},
        {"kills its parent", {.outward = 1u << 8}, VERDICT_DEGRADED},
        {"both", {.outward = 3u << 8}, VERDICT_DEGRADED},
        {"kills it and says so", {.outward = 1u << 8, .exit_code = 1}, VERDICT_DEGRADED},
        {"kills it and crashes",
         {.outward = 1u << 8, .exit_signal = SIGSEGV},
         VERDICT_CRASHED},
        {"was not to", {.outward = 1u << 8, .not_fired = true}, VERDICT_UNREACHED},
    };
    struct observation runs[2] = {run("out\n", 0), run("out\n", 0)};
    struct baseline b;
    runs[1].outward = 1u << 9;
    baseline_fold(runs, 2, NULL, &b);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct judgement j = judge(&b, &table[i].seen, builtin);
        CHECK_TEXT(table[i].name, verdict_name(table[i].verdict),
                   verdict_name(j.verdict));
        if (table[i].verdict == VERDICT_DEGRADED)
            CHECK_TEXT(table[i].name, "SIGKILL", j.differences[0].detail);
    }
    baseline_deinit(&b);
}

static void run_crashing_baseline(void) {
    struct observation runs[1] = {run("", -1)};
    struct baseline b;
    runs[0].end.exit_signal = SIGSEGV;
    baseline_fold(runs, 1, NULL, &b);
    struct judgement j =
        judge(&b, &(struct seen){.exit_signal = SIGSEGV, .out = ""}, builtin);
    CHECK_TEXT("crashes as ever", "handled", verdict_name(j.verdict));
    j = judge(&b, &(struct seen){.exit_signal = SIGABRT, .out = ""}, builtin);
    CHECK_TEXT("aborts instead", "aborted", verdict_name(j.verdict));
    baseline_deinit(&b);
}

/* A program that serves, judged by what its client and its health showed. */
static void run_served(void) {
    static const struct {
        const char *name;
        struct seen seen;
        bool gone, unhealthy, loop;
        const char *after; /* NULL = as without a fault */
        int after_code;
        enum verdict verdict;
    } table[] = {
        {"as ever", {0}, false, false, false, NULL, 0, VERDICT_HANDLED},
        {"the client gets an error",
         {.exit_code = 1},
         false,
         false,
         false,
         NULL,
         0,
         VERDICT_REPORTED},
        {"a client's 139 is no crash",
         {.exit_code = 139},
         false,
         false,
         false,
         NULL,
         0,
         VERDICT_REPORTED},
        {"another answer",
         {.out = "x\n"},
         false,
         false,
         false,
         NULL,
         0,
         VERDICT_DEGRADED},
        {"no answer",
         {.timed_out = true, .exit_code = -1},
         false,
         false,
         false,
         NULL,
         0,
         VERDICT_HUNG},
        {"ill", {.timed_out = true}, false, true, false, NULL, 0, VERDICT_HUNG},
        {"crashed",
         {.exit_signal = SIGSEGV},
         true,
         false,
         false,
         NULL,
         0,
         VERDICT_CRASHED},
        {"gave up", {.exit_code = 1}, true, false, false, NULL, 0, VERDICT_REPORTED},
        {"went away in silence", {0}, true, false, false, NULL, 0, VERDICT_DEGRADED},
        {"never up", {.not_fired = true}, true, true, false, NULL, 0, VERDICT_UNREACHED},
        {"the error stays",
         {.exit_code = 1},
         false,
         false,
         false,
         NULL,
         1,
         VERDICT_DEGRADED},
        {"another answer stays", {0}, false, false, false, "x\n", 0, VERDICT_DEGRADED},
        {"no answer any more", {0}, false, false, false, NULL, -1, VERDICT_HUNG},
        {"the loop goes on", {.out = ""}, false, false, true, NULL, 0, VERDICT_HANDLED},
        {"the loop stands",
         {.out = "", .timed_out = true},
         false,
         true,
         true,
         NULL,
         0,
         VERDICT_HUNG},
    };
    struct observation runs[2] = {run("out\n", 0), run("out\n", 0)};
    struct baseline b;
    baseline_fold(runs, 2, NULL, &b);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct seen *s = &table[i].seen;
        struct observation o =
            run(s->out ? s->out : "out\n", s->exit_signal ? -1 : s->exit_code);
        o.end.exit_signal = o.crash.signal = s->exit_signal;
        o.proof.fired = !s->not_fired;
        o.end.timed_out = s->timed_out;
        struct observation after = run(table[i].after ? table[i].after : "out\n", 0);
        o.served.driven = true;
        o.output.files_known = false;
        o.served.outlived = !table[i].gone;
        o.served.unhealthy = table[i].unhealthy;
        o.served.loop = table[i].loop;
        o.served.after_known = o.served.outlived && !o.served.unhealthy && !o.served.loop;
        o.served.after_code = table[i].after_code;
        o.served.after_data = after.output.stdout_data;
        o.served.after_kept = o.served.after_bytes = after.output.stdout_kept;
        memcpy(o.served.after_digest, after.output.stdout_digest, 16);
        struct judgement j = verdict_judge(&b, NULL, &o, builtin);
        CHECK_TEXT(table[i].name, verdict_name(table[i].verdict),
                   verdict_name(j.verdict));
    }
    baseline_deinit(&b);
}

static void run_names(void) {
    for (int v = 0; v < N_VERDICTS; v++)
        CHECK("name and back",
              verdict_from_name(verdict_name((enum verdict)v)) == (enum verdict)v);
    for (int m = MODE_ONCE; m <= MODE_BURST; m++)
        CHECK("mode and back", fault_mode_from_name(fault_mode_name(
                                   (enum fault_mode)m)) == (enum fault_mode)m);
}

int main(void) {
    builtin = catalogue_new();
    run_cases();
    run_reasons();
    run_users();
    run_baselines();
    run_silent();
    run_outward();
    run_crashing_baseline();
    run_served();
    run_names();
    catalogue_free(builtin);
    return check_result();
}
