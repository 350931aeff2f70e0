/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the runner without a plan, for tests and by hand: a baseline, then one fault at
 * each recorded site in turn (or N plain executions), one line each.
 *
 *   runner_drive [options] -- PROGRAM ARGUMENTS
 *     -n N       N plain executions instead of faults
 *     -k         keep going: print every site's line (default)
 *     -j JOBS    -t LIMIT_MS    -i auto|overlay|copy|shared    -u (untraced)
 *     -s FILE    stdin          -p (feed it by a pipe)         -o OUTPUT_LIMIT
 *     -m once|sticky            -q (only the summary)          -F (show crash frames)
 *     -f TEXT    only sites reached from a frame whose module path holds TEXT
 *     -S SECONDS sleep before the end (to be killed by a test)
 *
 * Line: TAG site=KEY fired=0|1 exit=N signal=N timed_out=.. left=.. files=HEX
 * stdout=BYTES/HEX crash=SIGNAL fatal=.. overflow=.. frames=N [function ...]
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"
#include "session.h"
#include "text.h"

struct sites {
    struct order *orders;
    size_t n;
};

static struct {
    int plain, quiet, frames, linger;
    enum fault_mode mode;
} settings = {.mode = MODE_ONCE};

static char *find_program(const char *name) {
    if (strchr(name, '/'))
        return realpath(name, NULL);
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t n = strcspn(path, ":");
        AUTO_FREE char *file = text_format("%.*s/%s", (int)n, path, name);
        if (access(file, X_OK) == 0)
            return text_dup(file);
        path += n + (path[n] == ':');
    }
    return NULL;
}

static const struct session *current;

static void add_site(void *context, const struct shm_process *process, uint32_t id,
                     const struct shm_node *node) {
    struct sites *sites = context;
    (void)id;
    for (size_t i = 0; i < sites->n; i++)
        if (key_equal(sites->orders[i].site, node->key))
            return;
    const struct shm_node *leaf = session_node(current, process, node->parent);
    const struct shm_module *module =
        leaf ? session_module(current, process, leaf->module) : NULL;
    if (!module)
        return;
    sites->orders = text_realloc(sites->orders, (sites->n + 1) * sizeof *sites->orders);
    sites->orders[sites->n++] = (struct order){
        .site_id = (int64_t)sites->n + 1,
        .site = node->key,
        .leaf_module = key_module(module->build_id, module->build_id_bytes),
        .leaf_offset = leaf->offset,
        .occurrence = 1,
        .mode = settings.mode};
}

static void print_hex(const uint8_t *bytes) {
    for (int i = 0; i < 4; i++)
        printf("%02x", bytes[i]);
}

static void print_result(uint64_t tag, const struct order *order,
                         const struct observation *seen) {
    char key[DEARTH_KEY_HEX + 1] = "-";
    if (order)
        text_key(order->site, key);
    printf("%llu site=%.8s fired=%d exit=%d signal=%d timed_out=%d left=%d start=%d "
           "attached=%d "
           "files=",
           (unsigned long long)tag, key, seen->proof.fired, seen->end.exit_code,
           seen->end.exit_signal, seen->end.timed_out, seen->end.left_processes,
           seen->end.start_error, seen->proof.attached);
    print_hex(seen->output.files_digest);
    printf(" stdout=%llu/", (unsigned long long)seen->output.stdout_bytes);
    print_hex(seen->output.stdout_digest);
    printf(" stderr=%llu crash=%d fatal=%d overflow=%d frames=%u",
           (unsigned long long)seen->output.stderr_bytes, seen->crash.signal,
           seen->crash.fatal, seen->crash.overflow, seen->crash.n_frames);
    for (uint32_t i = 0; settings.frames && i < seen->crash.n_frames; i++)
        printf(" %s", seen->crash.frames[i].function ? seen->crash.frames[i].function
                                                     : seen->crash.frames[i].module);
    printf("\n");
    fflush(stdout);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All orders through the pool; results as they come. Return: 0 or -errno. */
static int run_orders(struct runner *runner, const struct order *orders, size_t n,
                      struct sites *found) {
    size_t submitted = 0, done = 0, fired = 0, ended[4] = {0};
    double started = seconds();
    while (done < n) {
        while (submitted < n && runner_ready(runner)) {
            int err = runner_submit(runner, &orders[submitted], submitted);
            if (err)
                return err;
            submitted++;
        }
        uint64_t tag;
        struct observation seen;
        int r = runner_wait(runner, -1, &tag, &seen, &current);
        if (r == 0)
            continue;
        done++;
        if (r < 0) {
            printf("%llu lost: %s\n", (unsigned long long)tag, strerror(-r));
            continue;
        }
        if (found)
            session_each_site(current, add_site, found);
        fired += seen.proof.fired;
        ended[seen.end.timed_out     ? 3
              : seen.end.exit_signal ? 2
              : seen.end.exit_code   ? 1
                                     : 0]++;
        if (!settings.quiet)
            print_result(tag, orders[tag].site_id ? &orders[tag] : NULL, &seen);
        observation_deinit(&seen);
    }
    double took = seconds() - started;
    printf("executions=%zu fired=%zu ok=%zu status=%zu signal=%zu timeout=%zu "
           "per_second=%.0f\n",
           n, fired, ended[0], ended[1], ended[2], ended[3], (double)n / took);
    fflush(stdout);
    return 0;
}

static int drive(const struct runner_options *options) {
    struct runner *runner;
    int err = runner_new(options, &runner);
    if (err)
        return err;
    static const char *const names[] = {"auto", "overlay", "copy", "shared"};
    printf("isolation=%s\n", names[runner_tree(runner)->isolation]);
    struct sites sites = {0};
    if (settings.plain) {
        AUTO_FREE struct order *orders =
            text_alloc((size_t)settings.plain * sizeof *orders);
        err = run_orders(runner, orders, (size_t)settings.plain, NULL);
    } else {
        const struct order baseline = {0};
        err = run_orders(runner, &baseline, 1, &sites);
        if (!err)
            err = run_orders(runner, sites.orders, sites.n, NULL);
    }
    if (settings.linger)
        sleep((unsigned)settings.linger);
    free(sites.orders);
    runner_free(runner);
    return err;
}

int main(int argc, char **argv) {
    extern char **environ;
    struct runner_options options = {.envp = environ,
                                     .jobs = 1,
                                     .traced = true,
                                     .apart = {.pids = true, .ipc = true},
                                     .time_limit_ns = 10000000000u,
                                     .stdout_cap = 1 << 20};
    char cwd[PATH_MAX];
    for (int c; (c = getopt(argc, argv, "+n:j:t:i:us:po:m:qFS:Kg:")) >= 0;) {
        if (c == 'n')
            settings.plain = atoi(optarg);
        else if (c == 'j')
            options.jobs = atoi(optarg);
        else if (c == 't')
            options.time_limit_ns = strtoull(optarg, NULL, 10) * 1000000u;
        else if (c == 'i')
            options.isolation = optarg[0] == 'o'   ? ISOLATION_OVERLAY
                                : optarg[0] == 'c' ? ISOLATION_COPY
                                : optarg[0] == 's' ? ISOLATION_SHARED
                                                   : ISOLATION_AUTO;
        else if (c == 'u')
            options.traced = false;
        else if (c == 's')
            options.stdin_path = optarg;
        else if (c == 'p')
            options.stdin_is_pipe = true;
        else if (c == 'o')
            options.output_limit = strtoull(optarg, NULL, 10);
        else if (c == 'm')
            settings.mode = optarg[0] == 's' ? MODE_STICKY : MODE_ONCE;
        else if (c == 'q')
            settings.quiet = 1;
        else if (c == 'F')
            settings.frames = 1;
        else if (c == 'S')
            settings.linger = atoi(optarg);
        else if (c == 'K')
            options.keep_stdio = true;
        else if (c == 'g')
            options.debugger = optarg;
        else
            return 2;
    }
    if (optind >= argc || !getcwd(cwd, sizeof cwd))
        return 2;
    AUTO_FREE char *exe = find_program(argv[optind]);
    if (!exe)
        return 127;
    options.exe = exe;
    options.argv = argv + optind;
    options.cwd = cwd;
    return drive(&options) < 0 ? 2 : 0;
}
