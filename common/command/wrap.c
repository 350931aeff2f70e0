/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth wrap`: for harnesses that start programs themselves, one at a time or many at once.
 *
 *   harness ─► dearth wrap -o DIR/ -- PROGRAM ─► DIR/TEST.db, as a unit
 *   dearth suite replay DIR/ ─► all of them are one suite: suite_gather.c
 *
 * The harness must not notice: the program's output and status are its own, and dearth says nothing. What kept a
 * program from being recorded stands in a file beside the database; the program runs then without dearth. Attempts
 * are those of the next command, so that one limit (--jobs) holds for all of them. Of recordings, a harness says how
 * many there are at once, unless --jobs does: who runs holds one of as many bytes of a file.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "catalogue.h"
#include "cli.h"
#include "commands.h"
#include "error.h"
#include "interrupt.h"
#include "output.h"
#include "record.h"
#include "store.h"
#include "store_folder.h"
#include "suite_names.h"
#include "text.h"

#define NAME_MOST 120
#define CLIMB     4      /* processes above us that are looked at for a name */
#define WAIT_US   20000u /* until a place is looked for again */

extern char **environ;

struct wrap_options {
    const char *output, *name;
    struct circumstances_options units;
    struct cli_list catalogues;
    int64_t jobs; /* at once, of all with the same output; 0 = as many as are started */
    bool verbose;
};

/* --- the name --- */

static char *link_of(pid_t pid, const char *what) {
    AUTO_FREE char *path = text_format("/proc/%ld/%s", (long)pid, what);
    char to[PATH_MAX];
    ssize_t n = readlink(path, to, sizeof to - 1);
    to[n > 0 ? n : 0] = 0;
    return text_dup(to);
}

/* Strings of /proc, each ended by a NUL. Return: owned, NULL-terminated. */
static char **strings_of(pid_t pid, const char *what) {
    AUTO_FREE char *path = text_format("/proc/%ld/%s", (long)pid, what);
    AUTO_TEXT struct text all = {0};
    char buffer[8192];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (n = read(fd, buffer, sizeof buffer)) > 0)
        text_add_n(&all, buffer, (size_t)n);
    if (fd >= 0)
        close(fd);
    text_add_n(&all, "", 1);
    char **out = text_alloc((all.n + 1) * sizeof *out);
    size_t k = 0;
    for (size_t i = 0; i + 1 < all.n; i += strlen(all.data + i) + 1)
        out[k++] = text_dup(all.data + i);
    return out;
}

static pid_t parent_of(pid_t pid) {
    AUTO_FREE char *path = text_format("/proc/%ld/stat", (long)pid);
    char line[1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    line[n > 0 ? n : 0] = 0;
    const char *end = strrchr(line, ')'); /* "PID (NAME) STATE PARENT" */
    return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

static struct unit unit_of(pid_t pid) {
    return (struct unit){.exe = link_of(pid, "exe"),
                         .cwd = link_of(pid, "cwd"),
                         .argv = strings_of(pid, "cmdline"),
                         .envp = strings_of(pid, "environ")};
}

/* Of several processes of one test: MPI's rank. */
static const char *rank(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                        "MPI_RANKID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return getenv(names[i]);
    return NULL;
}

/* As the harness calls it, or one of the programs above us; else its own name. */
static char *find_name(char *const *program, const char **harness) {
    struct suite_names *names = suite_names_new();
    struct unit own = unit_of(getpid());
    char *name = NULL;
    free(own.exe);
    own.exe = text_dup(program[0]);
    pid_t pid = getppid();
    for (int i = 0; i < CLIMB && pid > 1 && !name; i++, pid = parent_of(pid)) {
        struct unit parent = unit_of(pid);
        name = suite_names_find(names, &own, &parent, harness);
        unit_deinit(&own);
        own = parent;
    }
    unit_deinit(&own);
    suite_names_free(names);
    if (!name)
        *harness = "program";
    return name ? name : text_dup(text_basename(program[0]));
}

static char *name_of(const struct wrap_options *o, char *const *program,
                     const char **harness) {
    *harness = "program";
    AUTO_FREE char *name = o->name ? text_dup(o->name) : find_name(program, harness);
    return rank() ? text_format("%s [%s]", name, rank()) : text_dup(name);
}

/* --- the file --- */

static char *file_of(const char *output, const char *name) {
    AUTO_FREE char *plain = text_format("%.*s", NAME_MOST, name);
    for (char *c = plain; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-+=@", *c))
            *c = '_';
    if (!store_folder_is(output))
        return text_dup(output);
    return text_format("%s%s%s%s.db", output,
                       output[strlen(output) - 1] == '/' ? "" : "/",
                       plain[0] == '.' ? "_" : "", plain);
}

enum { NOTE_RECORDING = 1, NOTE_HARNESS, NOTE_NAME };

/* @signal: that ended it; 0 = none; out */
static int note_name(const char *path, int64_t recording, const char *harness,
                     const char *name, int *signal) {
    AUTO_STORE struct store *store = NULL;
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *clean = text_utf8(name, strlen(name));
    int r = store_new(path, STORE_WRITE, &store);
    if (r == 0)
        r = store_prepare(
            store,
            "INSERT INTO note(recording_id, kind, text, subject) VALUES (?, "
            "'wrap', ?, ?)",
            &s);
    if (r < 0)
        return r;
    AUTO_FREE char *ended = text_format(
        "SELECT exit_signal FROM recording WHERE id = %lld", (long long)recording);
    *signal = (int)store_int(store, ended, 0);
    sqlite3_bind_int64(s, NOTE_RECORDING, recording);
    store_bind_text(s, NOTE_HARNESS, harness);
    store_bind_text(s, NOTE_NAME, clean);
    return store_step_done(store, s);
}

/* --- what dearth would have said --- */

struct said {
    FILE *file;
    char *text;
    size_t n;
};

static void say_apart(struct said *said) {
    said->file = open_memstream(&said->text, &said->n);
    if (said->file)
        error_set_file(said->file);
}

/* Into a file beside the database; to standard error when that is wanted, or cannot be done. */
static void say_now(const struct wrap_options *o, const char *path, struct said *said) {
    error_set_file(NULL);
    if (!said->file)
        return;
    fclose(said->file);
    AUTO_FREE char *log = text_format("%s.log", path);
    int fd = o->verbose || !said->n
                 ? -1
                 : open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (said->n &&
        (o->verbose || fd < 0 || output_put(fd, said->text, said->n) < said->n))
        fwrite(said->text, 1, said->n, stderr);
    if (fd >= 0)
        close(fd);
    free(said->text);
}

/* --- how many at once --- */

/* What a program starts that waits for it must not wait for that program's place. */
static bool is_within_another(void) {
    AUTO_FREE char *own = link_of(getpid(), "exe");
    for (pid_t pid = getppid(); pid > 1; pid = parent_of(pid)) {
        AUTO_FREE char *exe = link_of(pid, "exe");
        if (*own && strcmp(exe, own) == 0)
            return true;
    }
    return false;
}

/* A lock dies with its holder, however that ends. Return: whether there was a place. */
static bool take_place(int fd, int64_t places) {
    for (int64_t i = 0; i < places; i++) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1};
        if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
            return true;
        if (errno != EAGAIN && errno != EACCES)
            return true; /* a file system without locks: no limit there */
    }
    return false;
}

/* Return: descriptor to hold until the program has ended; -1 = there is no limit, or it cannot be kept. */
static int wait_for_place(const struct wrap_options *o) {
    bool folder = store_folder_is(o->output);
    if (!o->jobs || is_within_another())
        return -1;
    AUTO_FREE char *path = text_format("%s%s", o->output, folder ? "/.jobs" : ".jobs");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        error_print_errno(-errno, "%s: --jobs is not kept", path);
    while (fd >= 0 && !take_place(fd, o->jobs) && !interrupt_wanted())
        usleep(WAIT_US);
    return fd;
}

/* --- running --- */

static int make_folder(const char *output) {
    AUTO_FREE char *unused = NULL;
    return store_folder_is(output) ? store_folder_new_file(output, &unused) : 0;
}

static int record(const struct wrap_options *o, const char *path, const char *harness,
                  const char *name, int n, char **program, int *status, int *signal) {
    struct record_options how = record_defaults();
    int64_t id = 0;
    how.output = path;
    how.units = &o->units;
    how.sites_only = true;
    how.no_symbols = true; /* the next command's */
    how.catalogue = catalogue_new();
    int r = 0;
    for (size_t i = 0; r == 0 && i < o->catalogues.n; i++)
        r = catalogue_add_file(how.catalogue, o->catalogues.items[i]) < 0 ? -EINVAL : 0;
    if (r == 0)
        r = record_run(&how, n, program, &id, status);
    catalogue_free(how.catalogue);
    if (r == 0)
        note_name(path, id, harness, name, signal);
    return r;
}

/* As the program ended: who waits for us sees the same. */
static void end_by(int number) {
    const struct rlimit none = {0, 0}; /* the core is the program's */
    sigset_t all;
    setrlimit(RLIMIT_CORE, &none);
    signal(number, SIG_DFL);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    raise(number);
}

/* As if dearth were not there. */
static int run_plain(char **program) {
    struct sigaction as_ever = {.sa_handler = SIG_DFL};
    sigaction(SIGXFSZ, &as_ever, NULL);
    execvp(program[0], program);
    int err = errno;
    error_print_errno(-err, "%s", program[0]);
    return err == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static int wrap(const struct wrap_options *o, int n, char **program) {
    const char *harness;
    AUTO_FREE char *name = name_of(o, program, &harness);
    AUTO_FREE char *path = file_of(o->output, name);
    struct said said = {0};
    int status = -1, ended = 0;
    error_set_quiet(!o->verbose);
    say_apart(&said);
    if (make_folder(o->output) == 0) {
        int place = wait_for_place(o);
        record(o, path, harness, name, n, program, &status, &ended);
        if (place >= 0)
            close(place);
    }
    say_now(o, path, &said);
    if (ended)
        end_by(ended);
    return status >= 0 ? status : run_plain(program);
}

int command_wrap(int argc, char **argv) {
    struct wrap_options o = {0};
    int n, status = EXIT_RECORD_FAILED;
    const struct cli_option table[] = {
        {'o', "output", CLI_TEXT, &o.output, "FILE|DIR/",
         "database to add the program to; DIR/: one of its own in that folder, named by the "
         "test. Needed; a path from the root, where the harness starts programs in folders "
         "of its choice"},
        {0, "name", CLI_TEXT, &o.name, "NAME",
         "of the test (default: what automake, CTest, meson, bats or cargo call it, else "
         "the program's)"},
        {0, "env-allow", CLI_LIST, &o.units.allow, "GLOB",
         "keep the values of these environment variables, even if their names look like "
         "those of secrets (may be repeated)"},
        {0, "env-deny", CLI_LIST, &o.units.deny, "GLOB",
         "do not keep the values of these (may be repeated)"},
        {0, "no-stdin", CLI_FLAG, &o.units.no_input, NULL,
         "do not keep what files and pipes on the programs' standard input held"},
        {0, "catalogue", CLI_LIST, &o.catalogues, "FILE",
         "what your functions are known for, beside the built-in catalogue: "
         "dearth-catalogue(5)"},
        {'j', "jobs", CLI_INT, &o.jobs, "N",
         "run at most so many programs at a time that have the same --output (as many as the "
         "harness starts)"},
        {'v', "verbose", CLI_FLAG, &o.verbose, NULL,
         "say on standard error what was recorded"},
        {0}};
    const struct cli_command command = {
        "wrap", "-o FILE|DIR/ [OPTIONS] -- PROGRAM [ARGUMENTS]",
        "Record a program that a test harness starts, and let the harness see it alone.",
        "The program has standard input, output and error for itself, its status is passed "
        "on, and dearth says nothing. 'dearth suite replay' on the same FILE or DIR/ "
        "fails what all the programs have reached. Where a program cannot be recorded it "
        "runs without dearth; FILE.log says why.",
        table};
    int r = cli_parse(&command, argc, argv, true, &n);
    if (r == CLI_DONE)
        status = EXIT_OK;
    else if (r == CLI_RUN && o.jobs < 0)
        error_print(-EINVAL, "wrap: --jobs takes how many programs may run at a time");
    else if (r == CLI_RUN && (n == 0 || !o.output))
        error_print(-EINVAL,
                    "wrap: %s; for example: dearth wrap -o /tmp/suite/ -- ./test",
                    n ? "where to? -o says it" : "what is to be run?");
    else if (r == CLI_RUN)
        status = wrap(&o, n, argv + 1);
    cli_list_deinit(&o.units.allow);
    cli_list_deinit(&o.units.deny);
    cli_list_deinit(&o.catalogues);
    return status;
}
