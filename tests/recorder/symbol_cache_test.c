/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of names: it comes back as it was, as long as the files it came from are what they were;
 * folders and files that are not ours alone, cut off, damaged or made by somebody with a right sum are
 * taken for absent; several writers at once leave a whole file; the folder keeps its bound.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbol_cache.h"
#include "text.h"

#include "check.h"

#define N 40u

static char folder[4096], base[4096], name[512];
static const uint8_t build_id[20] = {1, 2, 3};
static const struct symbols_wanted wanted = {
    .path = "/opt/some/libsome.so", .build_id = build_id, .build_id_bytes = 20};
static struct symbol_files files;

static struct symbol_line line_of(uint64_t address, uint32_t inlined) {
    static char function[64];
    snprintf(function, sizeof function, "f%u_%llu", inlined, (unsigned long long)address);
    return (struct symbol_line){.function = address % 3 ? function : NULL,
                                .linkage_name = "_Zsome",
                                .file = address % 2 ? "/src/some.cc" : NULL,
                                .line = (uint32_t)address + inlined,
                                .start = address * 16,
                                .size = 7};
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_right(uint64_t address, const struct symbol_line *lines, uint32_t n) {
    if (n != address % 4)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct symbol_line l = line_of(address, i);
        if (!same_text(l.function, lines[i].function) ||
            !same_text(l.linkage_name, lines[i].linkage_name) ||
            !same_text(l.file, lines[i].file) || l.line != lines[i].line ||
            l.start != lines[i].start || l.size != lines[i].size)
            return false;
    }
    return true;
}

static void add(struct symbol_cache *cache, uint64_t address) {
    struct symbol_line lines[4] = {0};
    char *functions[4];
    for (uint32_t i = 0; i < address % 4; i++) {
        lines[i] = line_of(address, i);
        lines[i].function = functions[i] = text_dup(lines[i].function);
    }
    symbol_cache_add(cache, address, lines, (uint32_t)(address % 4));
    for (uint32_t i = 0; i < address % 4; i++)
        free(functions[i]);
}

static void save(uint64_t from, uint64_t to) {
    struct symbol_cache *cache = symbol_cache_new(&wanted);
    for (uint64_t a = from; a < to; a++)
        add(cache, a);
    symbol_cache_save(cache, "symtab", &files);
    symbol_cache_free(cache);
}

/* How many of [0, @n) are kept; what is kept must be right. */
static uint32_t kept(uint64_t n) {
    struct symbol_cache *cache = symbol_cache_new(&wanted);
    uint32_t found = 0;
    for (uint64_t a = 0; a < n; a++) {
        const struct symbol_line *lines;
        uint32_t n_lines;
        if (!symbol_cache_find(cache, a, &lines, &n_lines))
            continue;
        MUST(is_right(a, lines, n_lines));
        found++;
    }
    MUST_TEXT(found ? "symtab" : "none", symbol_cache_source(cache));
    symbol_cache_free(cache);
    return found;
}

static void write_to(const char *path, const char *data, size_t n) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    MUST(fd >= 0 && write(fd, data, n) == (ssize_t)n && close(fd) == 0);
}

/* The one file of the cache, into @name. */
static char *read_kept(size_t *n) {
    DIR *d = opendir(folder);
    MUST(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            snprintf(name, sizeof name, "%.200s/%.255s", folder, e->d_name);
    closedir(d);
    struct stat st;
    MUST(stat(name, &st) == 0 && (st.st_mode & 0777) == 0600);
    int fd = open(name, O_RDONLY);
    char *data = text_alloc((size_t)st.st_size);
    MUST(read(fd, data, (size_t)st.st_size) == st.st_size);
    close(fd);
    *n = (size_t)st.st_size;
    return data;
}

static void test_round_trip(void) {
    struct stat st;
    MUST(kept(N) == 0);
    save(0, N / 2);
    MUST(stat(folder, &st) == 0 && (st.st_mode & 0777) == 0700);
    MUST(kept(N) == N / 2);
    save(N / 2, N);
    MUST(kept(N) == N);
    struct symbols_wanted other = wanted;
    const struct symbol_line *lines;
    uint32_t n;
    other.path = "/opt/other/libsome.so";
    struct symbol_cache *cache = symbol_cache_new(&other);
    MUST(!symbol_cache_find(cache, 1, &lines, &n));
    symbol_cache_free(cache);
}

static void test_sources(void) {
    AUTO_FREE char *missing = text_format("%s/missing", base);
    write_to(missing, "x", 1);
    MUST(kept(N) == 0); /* a place where there was nothing has something now */
    MUST(unlink(missing) == 0 && kept(N) == N);
    struct symbol_files none = {0};
    struct symbol_cache *cache = symbol_cache_new(&wanted);
    add(cache, N);
    symbol_cache_save(cache, "symtab", &none);
    symbol_cache_free(cache);
    MUST(kept(N + 1) == N);
}

static void test_places(void) {
    setenv("DEARTH_SYMBOL_CACHE", "off", 1);
    MUST(kept(N) == 0);
    unsetenv("DEARTH_SYMBOL_CACHE");
    setenv("DEBUGINFOD_URLS", "file:///elsewhere", 1);
    MUST(kept(N) == 0);
    unsetenv("DEBUGINFOD_URLS");
    MUST(chmod(folder, 0750) == 0 && kept(N) == 0 && chmod(folder, 0700) == 0);
    size_t n;
    free(read_kept(&n)); /* whose name is known then */
    MUST(chmod(name, 0640) == 0 && kept(N) == 0 && chmod(name, 0600) == 0);
    AUTO_FREE char *away = text_format("%s/away", base);
    MUST(rename(name, away) == 0 && symlink(away, name) == 0 && kept(N) == 0);
    MUST(unlink(name) == 0 && mkfifo(name, 0600) == 0 && kept(N) == 0);
    MUST(unlink(name) == 0 && rename(away, name) == 0 && kept(N) == N);
    setenv("XDG_CACHE_HOME", "not/absolute", 1);
    unsetenv("HOME");
    MUST(kept(N) == 0);
    setenv("HOME", base, 1);
    MUST(kept(N) == 0);
    AUTO_FREE char *usual = text_format("%s/.cache/dearth", base);
    MUST(access(usual, F_OK) == 0);
    setenv("XDG_CACHE_HOME", base, 1);
}

static void use_all(void) {
    struct symbol_cache *cache = symbol_cache_new(&wanted);
    size_t bytes = 0;
    for (uint64_t a = 0; a < N; a++) {
        const struct symbol_line *lines;
        uint32_t n = 0;
        if (symbol_cache_find(cache, a, &lines, &n))
            for (uint32_t i = 0; i < n; i++)
                bytes += (lines[i].function ? strlen(lines[i].function) : 0) +
                         (lines[i].file ? strlen(lines[i].file) : 0);
    }
    MUST(bytes < SYMBOL_CACHE_FILE_MOST);
    symbol_cache_free(cache);
}

/* As symbol_cache.c lays a file out: 8 bytes, then the sum of what follows it. */
static void sign(char *data, size_t n) {
    struct dearth_key sum = key_hash(data + 24, n - 24);
    memcpy(data + 8, &sum, sizeof sum);
}

static void test_damage(void) {
    size_t n;
    AUTO_FREE char *data = read_kept(&n), *bad = text_alloc(n + 64);
    for (size_t cut = 0; cut < n; cut += cut < 128 ? 1 : 37) {
        write_to(name, data, cut);
        MUST(kept(N) == 0);
    }
    memcpy(bad, data, n);
    write_to(name, bad, n + 64);
    MUST(kept(N) == 0);
    for (size_t at = 0; at < n; at += at < 128 ? 1 : 41) {
        memcpy(bad, data, n);
        bad[at] ^= 1;
        write_to(name, bad, n);
        MUST(kept(N) == 0);
    }
    uint64_t seed =
        42; /* what has a right sum may say anything: it stays within the file */
    for (int i = 0; i < 1000; i++) {
        memcpy(bad, data, n);
        for (int k = 0; k < 3; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t at = 24 + (seed >> 33) % (n - 24);
            bad[at] = (char)(seed >> 20);
        }
        sign(bad, n);
        write_to(name, bad, n);
        use_all();
    }
    sign(data, n);
    write_to(name, data, n);
    MUST(kept(N) == N);
}

static void test_writers(void) {
    enum { WRITERS = 4, TIMES = 25 };
    for (int w = 0; w < WRITERS; w++)
        if (fork() == 0) {
            for (int i = 0; i < TIMES; i++)
                save(100 * (uint64_t)(w + 1) + (uint64_t)i,
                     100 * (uint64_t)(w + 1) + 100);
            _exit(0);
        }
    for (int status, ended = 0; ended < WRITERS;) {
        MUST(kept(600) >= N);
        if (waitpid(-1, &status, WNOHANG) > 0) {
            MUST(status == 0);
            ended++;
        }
    }
    size_t n;
    free(read_kept(&n));
    DIR *d = opendir(folder);
    int seen = 0;
    for (struct dirent *e; (e = readdir(d));)
        seen += e->d_name[0] != '.';
    closedir(d);
    MUST(seen == 1); /* nothing half written stays */
}

static void test_bound(void) {
    for (int i = 0; i < 12; i++) {
        AUTO_FREE char *path = text_format("%s/%032d.names", folder, i);
        write_to(path, "x", 1);
        MUST(truncate(path, SYMBOL_CACHE_FILE_MOST) == 0);
        struct timespec old[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        MUST(utimensat(AT_FDCWD, path, old, 0) == 0);
    }
    save(1000, 1001);
    MUST(kept(N) == N);
    for (int i = 0; i < 12; i++) {
        AUTO_FREE char *path = text_format("%s/%032d.names", folder, i);
        MUST_CASE(path,
                  (access(path, F_OK) == 0) == (i >= 5)); /* 7 of them and ours fit */
    }
}

int main(void) {
    const char *where = getenv("TMPDIR");
    snprintf(base, sizeof base, "%.3000s/dearth-cache.XXXXXX", where ? where : "/tmp");
    MUST(mkdtemp(base));
    snprintf(folder, sizeof folder, "%.3000s/dearth", base);
    setenv("XDG_CACHE_HOME", base, 1);
    unsetenv("DEBUGINFOD_URLS");
    unsetenv("DEARTH_SYMBOL_CACHE");
    AUTO_FREE char *missing = text_format("%s/missing", base);
    symbol_files_add(&files, "/bin/sh");
    symbol_files_add(&files, missing);
    test_round_trip();
    test_sources();
    test_places();
    test_damage();
    test_writers();
    test_bound();
    symbol_files_deinit(&files);
    AUTO_FREE char *remove = text_format("rm -rf '%s'", base);
    MUST(system(remove) == 0);
    return 0;
}
