/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of a session: the processor's counter where it can be trusted, else the kernel's. Targets
 * stamp events with its ticks; how many make a nanosecond is measured against CLOCK_MONOTONIC over
 * the life of the session.
 *
 * Who runs it: dearth, any thread, but session_start_clock().
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "arch.h"
#include "clock.h"
#include "session_private.h"

/* What the header says, out of the target's reach. */
static const struct shm_header *own(const struct session *session) {
    return &session->state->own;
}

uint64_t session_ticks(const struct session *session) {
    if (ARCH_CLOCK == SHM_CLOCK_MONOTONIC_NS || own(session)->clock != ARCH_CLOCK)
        return clock_mono_ns();
    arch_wait_for_loads();
    return arch_counter();
}

/* Both clocks at one moment: the closest of a few pairs, an interrupt may fall between. */
static void read_clocks(const struct session *session, uint64_t *ticks, uint64_t *ns) {
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 4; i++) {
        uint64_t a = session_ticks(session);
        uint64_t t = clock_mono_ns();
        uint64_t b = session_ticks(session);
        if (b - a < best) {
            best = b - a;
            *ticks = a + (b - a) / 2;
            *ns = t;
        }
    }
}

void session_now(const struct session *session, uint64_t *ticks, uint64_t *ns) {
    const struct session_state *state = session->state;
    read_clocks(session, ticks, ns);
    *ns -= state->start_mono_ns;
}

double session_ticks_per_ns(const struct session *session) {
    uint64_t ticks, ns;
    if (own(session)->clock == SHM_CLOCK_MONOTONIC_NS)
        return 1.0;
    session_now(session, &ticks, &ns);
    return ns ? (double)(ticks - own(session)->start_ticks) / (double)ns : 1.0;
}

uint64_t session_ns(const struct session *session, uint64_t ticks) {
    if (ticks <= own(session)->start_ticks)
        return 0;
    double elapsed = (double)(ticks - own(session)->start_ticks);
    return (uint64_t)(elapsed / session_ticks_per_ns(session));
}

static bool cpu_has(const char *flags, const char *flag) {
    size_t n = strlen(flag);
    for (const char *p = strstr(flags, flag); p; p = strstr(p + n, flag))
        if (p[-1] == ' ' && (p[n] == ' ' || p[n] == '\n' || !p[n]))
            return true;
    return false;
}

static const char *const needed[] = {ARCH_COUNTER_FLAGS};

/* @line: of /proc/cpuinfo */
static bool has_all(const char *line) {
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!cpu_has(line, needed[i]))
            return false;
    return true;
}

/* The kernel gives its time stamp counter up when it found it unstable. */
static bool kernel_distrusts_counter(void) {
    char name[32] = "";
    FILE *f =
        fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (!f)
        return false;
    if (!fgets(name, sizeof name, f))
        name[0] = 0;
    fclose(f);
    return strncmp(name, "hpet", 4) == 0 || strncmp(name, "acpi_pm", 7) == 0;
}

uint32_t session_choose_clock(void) {
    uint32_t clock = SHM_CLOCK_MONOTONIC_NS;
    char line[8192];
    if (!needed[0][0])
        return ARCH_CLOCK;
    FILE *f = fopen("/proc/cpuinfo", "re");
    if (!f)
        return clock;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "flags", 5) != 0)
            continue;
        if (has_all(line) && !kernel_distrusts_counter())
            clock = ARCH_CLOCK;
        break;
    }
    fclose(f);
    return clock;
}

void session_read_boot_id(char *id, size_t bytes) {
    memset(id, 0, bytes);
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!f)
        return;
    if (!fgets(id, (int)bytes, f))
        id[0] = 0;
    fclose(f);
}

void session_start_clock(struct session *session) {
    struct session_state *state = session->state;
    read_clocks(session, &session->arena->start_ticks, &state->start_mono_ns);
    session->arena->start_unix_ns =
        clock_unix_ns() - (clock_mono_ns() - state->start_mono_ns);
    session->arena->start_mono_ns = state->start_mono_ns;
    if (!state->own.boot_id[0]) /* else it is known: each attempt starts a clock */
        session_read_boot_id(state->own.boot_id, sizeof state->own.boot_id);
    memcpy(session->arena->boot_id, state->own.boot_id, sizeof state->own.boot_id);
    session_keep(session);
}
