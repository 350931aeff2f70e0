/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arena file as targets meet it: its folder's privacy and cleaning, growth on demand,
 * the free list, the environment, reset; and that nothing read from a damaged arena is
 * trusted.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include "session.h"

#include "check.h"

static char folder[] = "/tmp/dearth-session-test-XXXXXX";
static struct session_options options;

static int entries(const char *path) {
    int n = 0;
    DIR *dir = opendir(path);
    MUST(dir);
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static uint32_t take(struct session *s) {
    struct shm_header *a = s->arena;
    uint32_t id = (uint32_t)a->free_list;
    if (id) {
        a->free_list =
            ((a->free_list >> 32) + 1) << 32 | *(uint32_t *)session_block(s, id);
        return id;
    }
    return a->blocks_next < a->blocks_ready ? a->blocks_next++ : 0;
}

static void test_folder(void) {
    struct session *s;
    struct stat st;
    MUST(session_new(&options, &s) == 0);
    MUST(stat(s->directory, &st) == 0 && (st.st_mode & 07777) == 0700);
    MUST(stat(s->arena_path, &st) == 0 && (st.st_mode & 07777) == 0600);
    MUST((uint64_t)st.st_size == s->arena->arena_bytes);
    MUST((uint64_t)st.st_blocks * 512 < s->arena->arena_bytes / 4); /* sparse */
    MUST((uint64_t)st.st_blocks * 512 >=
         (uint64_t)s->arena->blocks_ready * SHM_BLOCK_BYTES);
    MUST(s->arena->magic == SHM_MAGIC && s->arena->collector_pid == (uint32_t)getpid());
    session_free(s);
    MUST(entries(folder) == 0);
}

/* Put the folders below @path, and what is in them, back into 1970. */
static void make_old(const char *path) {
    struct utimbuf old = {1, 1};
    DIR *dir = opendir(path);
    for (struct dirent *e; (e = readdir(dir));) {
        char below[4096], orphan[4200];
        if (e->d_name[0] == '.')
            continue;
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        snprintf(orphan, sizeof orphan, "%s/orphan", below);
        utime(orphan, &old); /* may not be there */
        MUST(utime(below, &old) == 0);
    }
    closedir(dir);
}

static void make_file(const char *place, const char *name) {
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", place, name);
    FILE *f = fopen(path, "w");
    MUST(f && fputs("mine\n", f) >= 0 && fclose(f) == 0 && chmod(path, 0600) == 0);
}

/* A dearth that was killed leaves a folder; the next one removes it, but no living one's,
 * and that of a recording only when it was first found so a day ago. */
static void test_stale(void) {
    struct session *mine, *next;
    MUST(session_new(&options, &mine) == 0);
    pid_t child = fork();
    if (child == 0) {
        struct session *s;
        close(mine->arena_fd);
        if (session_new(&options, &s) < 0)
            _exit(1);
        make_file(s->directory, "check-stdout"); /* it was comparing outputs */
        _exit(0);                                /* not freed */
    }
    int status;
    MUST(waitpid(child, &status, 0) == child && status == 0);
    MUST(entries(folder) == 2);
    make_old(folder);
    MUST(session_new(&options, &next) == 0);
    MUST(entries(folder) == (options.flags & SHM_EVENTS ? 3 : 2));
    session_free(next);
    make_old(folder); /* and what says when it was found, too: a day is over */
    MUST(session_new(&options, &next) == 0);
    MUST(entries(folder) == 2);
    MUST(access(mine->arena_path, R_OK) == 0);
    session_free(next);
    session_free(mine);
    MUST(entries(folder) == 0);
}

/* Folders of the user's with names like those of sessions: they stay, and what is in them. */
static void test_others(void) {
    static const char *const names[] = {"dearth-results", "dearth-12-abcdef",
                                        "dearth-13-abcdef"};
    char places[3][4096];
    struct session *s;
    for (int i = 0; i < 3; i++) {
        snprintf(places[i], sizeof places[i], "%s/%s", folder, names[i]);
        MUST(mkdir(places[i], 0700) == 0);
    }
    make_file(places[1], "arena");
    make_file(places[2], "preload.so");
    make_file(places[2], "orphan");
    make_file(places[2], "check-stdout");
    make_old(folder);
    MUST(session_new(&options, &s) == 0);
    session_free(s);
    MUST(entries(folder) == 3 && entries(places[1]) == 1 && entries(places[2]) == 3);
    for (int i = 0; i < 12; i++) {
        static const char *const files[] = {"arena", "preload.so", "orphan",
                                            "check-stdout"};
        char path[4200];
        snprintf(path, sizeof path, "%s/%s", places[i / 4], files[i % 4]);
        unlink(path); /* may not be there */
    }
    for (int i = 0; i < 3; i++)
        MUST(rmdir(places[i]) == 0);
}

static void test_growth(void) {
    struct session *s;
    MUST(session_new(&options, &s) == 0);
    uint32_t ready = s->arena->blocks_ready, beat = s->arena->heartbeat;
    while (take(s))
        ;
    MUST(s->arena->blocks_next == ready);
    s->arena->blocks_wanted++;
    MUST(session_poll(s) == 0);
    MUST(s->arena->blocks_ready > ready && s->arena->heartbeat == beat + 1);
    while (s->arena->blocks_ready < s->arena->blocks_total) {
        uint32_t id = take(s);
        MUST(id);
        memset(session_block(s, id), 0xee, SHM_BLOCK_BYTES); /* allocated: no SIGBUS */
        MUST(session_poll(s) == 0);
    }
    while (take(s))
        ;
    MUST(session_poll(s) == 0);
    s->arena->blocks_wanted++;
    MUST(session_poll(s) == -ENOBUFS);
    session_recycle(s, 7);
    session_recycle(s, 9);
    uint64_t tag = s->arena->free_list >> 32;
    MUST(take(s) == 9 && take(s) == 7 && take(s) == 0);
    MUST(s->arena->free_list >> 32 == tag + 2);
    session_recycle(s, 0); /* the header is no block */
    MUST(take(s) == 0);
    session_reset(s, SHM_FAULTS);
    MUST(take(s) == SHM_HEADER_BLOCKS && s->arena->flags == SHM_FAULTS);
    session_free(s);
}

/* A file system of 4 MiB: growth fails with an error, memory that was promised is there.
 */
static void test_full(void) {
    struct session *s;
    struct session_options more = options;
    if (getenv("DEARTH_TEST_SMALL_FOLDER")) {
        more.folder = getenv("DEARTH_TEST_SMALL_FOLDER");
        MUST(session_new(&more, &s) == 0);
        int r = 0;
        while (r == 0) {
            uint32_t id;
            while ((id = take(s)))
                memset(session_block(s, id), 1, SHM_BLOCK_BYTES);
            s->arena->blocks_wanted++;
            r = session_poll(s);
        }
        MUST(r == -ENOSPC);
        session_free(s);
    }
    more.folder = "/proc";
    MUST(session_new(&more, &s) < 0);
}

static void test_environment(void) {
    struct session *s;
    MUST(session_new(&options, &s) == 0);
    char *envp[] = {"A=1", "LD_PRELOAD=/x/theirs.so", SHM_ENV_ARENA "=/old", "B=2", NULL};
    char wanted[4096];
    char **env = session_environment(s, envp);
    MUST(strcmp(env[0], "A=1") == 0 && strcmp(env[1], "B=2") == 0);
    snprintf(wanted, sizeof wanted, SHM_ENV_ARENA "=%s", s->arena_path);
    MUST(strcmp(env[2], wanted) == 0);
    snprintf(wanted, sizeof wanted, "LD_PRELOAD=%s:/x/theirs.so", s->arena->preload_path);
    MUST(strcmp(env[3], wanted) == 0 && !env[4]);
    free(env);
    env = session_environment(s, envp + 3);
    snprintf(wanted, sizeof wanted, "LD_PRELOAD=%s", s->arena->preload_path);
    MUST(strcmp(env[2], wanted) == 0 && !env[3]);
    free(env);
    session_free(s);
}

/* LD_PRELOAD cannot name a path with a colon: the folder gets a link. */
static void test_awkward_library(void) {
    struct session *s;
    char dir[4096], path[4200], *before = strdup(getenv("DEARTH_PRELOAD"));
    snprintf(dir, sizeof dir, "%s/a: b", folder);
    snprintf(path, sizeof path, "%s/lib.so", dir);
    MUST(mkdir(dir, 0700) == 0);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    MUST(fd >= 0);
    close(fd);
    setenv("DEARTH_PRELOAD", path, 1);
    MUST(session_new(&options, &s) == 0);
    MUST(!strpbrk(s->arena->preload_path, ": ") &&
         access(s->arena->preload_path, R_OK) == 0);
    session_free(s);
    setenv("DEARTH_PRELOAD", "/no/such.so", 1);
    MUST(session_new(&options, &s) < 0);
    setenv("DEARTH_PRELOAD", before, 1);
    unlink(path);
    rmdir(dir);
    free(before);
    MUST(entries(folder) == 0);
}

static void count_site(void *context, const struct shm_process *process, uint32_t id,
                       const struct shm_node *node) {
    (void)process;
    (void)id;
    *(uint64_t *)context += node->count;
}

static void test_damage(void) {
    struct session *s;
    uint64_t counted = 0;
    MUST(session_new(&options, &s) == 0);
    struct shm_header *a = s->arena;
    MUST(!session_block(s, 0) && !session_block(s, a->blocks_ready) &&
         !session_block(s, UINT32_MAX));
    uint32_t id = take(s), nodes = take(s);
    struct shm_process *p = session_block(s, id);
    MUST(!session_process(s, 0));
    a->processes[0] = id;
    a->n_processes = 1;
    MUST(!session_process(s, 0)); /* EMPTY */
    p->state = SHM_PROCESS_READY;
    MUST(session_process(s, 0) == p && !session_process(s, 1));
    p->n_nodes = 2;
    p->node_blocks[0] = nodes;
    struct shm_node *n = session_block(s, nodes);
    MUST(!session_node(s, p, 1));
    n[1] =
        (struct shm_node){.state = SHM_NODE_READY, .offset = SHM_OP_MALLOC, .count = 5};
    n[2] = (struct shm_node){.state = SHM_NODE_READY, .module = 1, .count = 7};
    MUST(session_node(s, p, 1) == n + 1);
    session_each_site(s, count_site, &counted);
    MUST(counted == 5);
    p->n_nodes = UINT32_MAX;
    p->n_modules = UINT32_MAX;
    for (uint32_t i = 0; i < SHM_MAX_MODULE_BLOCKS; i++)
        p->module_blocks[i] = UINT32_MAX - i;
    for (uint32_t i = 1; i < SHM_MAX_NODE_BLOCKS; i++)
        p->node_blocks[i] = UINT32_MAX - i;
    a->n_processes = UINT32_MAX;
    a->processes[1] = UINT32_MAX;
    a->blocks_total = UINT32_MAX;
    counted = 0;
    session_each_site(s, count_site, &counted);
    MUST(counted == 5);
    MUST(!session_module(s, p, 1) && !session_module(s, p, 0) &&
         !session_module(s, p, UINT32_MAX));
    MUST(!session_node(s, p, UINT32_MAX) && !session_node(s, p, 0));
    MUST(!session_process(s, 1) && !session_process(s, UINT32_MAX));
    session_free(s);
}

/* What a replay has ready costs each of its attempts: one small need is met once. */
static void test_replay_growth(void) {
    const struct session_options replay = {.folder = folder};
    struct session *s;
    MUST(session_new(&replay, &s) == 0);
    uint32_t ready = s->arena->blocks_ready;
    s->arena->blocks_next = ready - ready / 4;
    for (int i = 0; i < 4; i++)
        MUST(session_poll(s) == 0);
    MUST(s->arena->blocks_ready == 2 * ready);
    s->arena->blocks_next = 2 * ready - ready / 4;
    MUST(session_poll(s) == 0 && s->arena->blocks_ready > 4 * ready);
    session_free(s);
}

static void test_clock(void) {
    struct session *s;
    uint64_t ticks, ns;
    MUST(session_new(&options, &s) == 0);
    MUST(session_ns(s, s->arena->start_ticks) == 0 && session_ns(s, 0) == 0);
    uint64_t before = session_ticks(s);
    usleep(20000);
    session_now(s, &ticks, &ns);
    MUST(ticks > before && ns >= 20000000);
    double seen = (double)session_ns(s, ticks), drift = seen / (double)ns;
    MUST(drift > 0.99 && drift < 1.01);
    session_free(s);
}

int main(void) {
    MUST(mkdtemp(folder));
    options = (struct session_options){
        .flags = SHM_EVENTS, .arena_bytes = 16u << 20, .folder = folder};
    if (!getenv("DEARTH_PRELOAD"))
        setenv("DEARTH_PRELOAD", "/proc/self/exe", 1); /* any file: it is only named */
    test_folder();
    test_stale();
    test_others();
    test_growth();
    test_replay_growth();
    test_full();
    test_environment();
    test_awkward_library();
    test_damage();
    test_clock();
    MUST(rmdir(folder) == 0);
    return 0;
}
