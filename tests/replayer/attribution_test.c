/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table test of attribution: two stacks in, the blamed module and the place out. A frame
 * is written "module:function@offset".
 */
#include <stdlib.h>

#include "attribution.h"
#include "catalogue.h"
#include "check.h"
#include "place.h"
#include "text.h"

#define EXE "/usr/bin/prog"

static struct catalogue *builtin;

static const struct {
    const char *name;
    const char *fault[8], *crash[8];
    const char *to, *place;
} cases[] = {
    {"in its own code",
     {"/lib/libc.so.6:malloc@1", EXE ":parse@2", EXE ":main@3"},
     {EXE ":use@9", EXE ":main@4"},
     "program",
     "prog!use"},
    {"the emergency pool, whose absence shows when memory is out",
     {"/lib/libstdc++.so.6:@7", "/lib64/ld-linux-x86-64.so.2:call_init@1"},
     {"/lib/libc.so.6:abort@9", "/lib/libstdc++.so.6:_ZSt9terminatev@5",
      "/lib/libstdc++.so.6:__cxa_allocate_exception@6", "/lib/libstdc++.so.6:_Znwm@8",
      EXE ":main@4"},
     "libstdc++",
     "libstdc++!_ZSt9terminatev"},
    {"the emergency pool of a runtime that is linked in",
     {EXE ":_GLOBAL__sub_I_eh_alloc.cc@7", "/lib/libc.so.6:__libc_start_main@1"},
     {"/lib/libc.so.6:abort@9", EXE ":_ZSt9terminatev@5",
      EXE ":__cxa_allocate_exception@6", EXE ":_Znwm@8", EXE ":main@4"},
     "libstdc++",
     "prog!_ZSt9terminatev"},
    {"the same end, but an allocation of the program's failed",
     {"/lib/libstdc++.so.6:_Znwm@7", EXE ":use@2", EXE ":main@1"},
     {"/lib/libc.so.6:abort@9", "/lib/libstdc++.so.6:_ZSt9terminatev@5",
      "/lib/libstdc++.so.6:__cxa_allocate_exception@6", "/lib/libstdc++.so.6:_Znwm@8",
      EXE ":main@4"},
     "program",
     "prog!main"},
    {"the emergency pool, and another end",
     {"/lib/libstdc++.so.6:@7", "/lib64/ld-linux-x86-64.so.2:call_init@1"},
     {EXE ":use@9", EXE ":main@4"},
     "program",
     "prog!use"},
    {"an assertion of a test: who asked the harness",
     {EXE ":main@3"},
     {"/lib/libc.so.6:abort@9", EXE ":UnityFail@5", EXE ":UnityAssertEqualNumber@6",
      EXE ":test_it@4", EXE ":UnityDefaultTestRun@2", EXE ":main@1"},
     "program",
     "prog!test_it"},
    {"in a library",
     {EXE ":main@3"},
     {"/lib/libjq.so.1.0.4:gen_op@9", EXE ":main@4"},
     "library",
     "libjq!gen_op"},
    {"a call through NULL: whoever called",
     {EXE ":main@3"},
     {"[anon]:@0", EXE ":call@5", EXE ":main@4"},
     "program",
     "prog!call"},
    {"a NULL to call handed to the runtime",
     {EXE ":main@3"},
     {"[anon]:@0", "/lib/libc.so.6:find@6", "/lib/libc.so.6:tfind@7", EXE ":look@5",
      EXE ":main@4"},
     "program",
     "prog!look"},
    {"a thread that starts nowhere: the program's",
     {EXE ":main@3"},
     {"[anon]:@0", "/lib/libc.so.6:start_thread@6", "/lib/libc.so.6:clone3@7"},
     "program",
     "[anon]+0x0"},
    {"a NULL handed to strlen",
     {EXE ":main@3"},
     {"/lib/libc.so.6:__strlen_avx2@7", EXE ":use@5", EXE ":main@4"},
     "program",
     "prog!use"},
    {"a NULL handed to strdup, whose malloc failed before",
     {"/lib/libc.so.6:__strdup@7", EXE ":copy@5", EXE ":main@4"},
     {"/lib/libc.so.6:__strlen_avx2@7", "/lib/libc.so.6:__strdup@8", EXE ":copy@5",
      EXE ":main@4"},
     "program",
     "prog!copy"},
    {"a NULL FILE handed to fprintf",
     {"/lib/libc.so.6:fopen@7", EXE ":start@5", EXE ":main@4"},
     {"/lib/libc.so.6:__vfprintf_internal@7", "/lib/libc.so.6:fprintf@8", EXE ":use@5",
      EXE ":main@4"},
     "program",
     "prog!use"},
    {"libc in the call whose own allocation failed",
     {"/lib/libc.so.6:new_composite_name@7", "/lib/libc.so.6:setlocale@8", EXE ":start@5",
      EXE ":main@4"},
     {"/lib/libc.so.6:setname@6", "/lib/libc.so.6:setlocale@9", EXE ":start@5",
      EXE ":main@4"},
     "libc",
     "libc!setname"},
    {"the same function called from elsewhere, shallow: the caller's",
     {"/lib/libc.so.6:setlocale@8", EXE ":start@5", EXE ":main@4"},
     {"/lib/libc.so.6:setlocale@9", EXE ":start@6", EXE ":main@4"},
     "program",
     "prog!start"},
    {"libc over its own state",
     {"/lib/libc.so.6:allocate@7", "/lib/libc.so.6:setlocale@8", EXE ":start@5",
      EXE ":main@4"},
     {"/lib/libc.so.6:find_module@6", "/lib/libc.so.6:__gconv_open@9",
      "/lib/libc.so.6:iconv_open@9", EXE ":late@5", EXE ":main@4"},
     "libc",
     "libc!find_module"},
    {"deep in libc, but the program's allocation failed",
     {EXE ":start@5", EXE ":main@4"},
     {"/lib/libc.so.6:find_module@6", "/lib/libc.so.6:__gconv_open@9",
      "/lib/libc.so.6:iconv_open@9", EXE ":late@5", EXE ":main@4"},
     "program",
     "prog!late"},
    {"at exit, no other code",
     {EXE ":main@4"},
     {"/lib/libc.so.6:_dl_fini_part@6", "/lib/libc.so.6:__run_exit_handlers@9"},
     "libc",
     "libc!_dl_fini_part"},
    {"the loader in dlopen",
     {"/lib64/ld-linux-x86-64.so.2:_dl_new_object@7",
      "/lib64/ld-linux-x86-64.so.2:_dl_open@8", EXE ":load@5", EXE ":main@4"},
     {"/lib64/ld-linux-x86-64.so.2:_dl_map_object@6",
      "/lib64/ld-linux-x86-64.so.2:_dl_open@9", EXE ":load@5", EXE ":main@4"},
     "loader",
     "ld-linux-x86-64!_dl_map_object"},
    {"libstdc++ in the same call",
     {"/lib/libstdc++.so.6.0.30:_Znwm@1", "/lib/libstdc++.so.6.0.30:_ZNSt6locale5_Impl@7",
      EXE ":main@4"},
     {"/lib/libstdc++.so.6.0.30:_ZNSt6locale5_ImplC2@6", EXE ":main@4"},
     "libstdc++",
     "libstdc++!_ZNSt6locale5_ImplC2"},
    {"an abort is where it was decided",
     {EXE ":main@4"},
     {"/lib/libc.so.6:__pthread_kill_implementation@1", "/lib/libc.so.6:raise@2",
      "/lib/libc.so.6:abort@3", "/lib/libjq.so.1:memory_exhausted@4", EXE ":main@4"},
     "library",
     "libjq!memory_exhausted"},
    {"an assertion too",
     {EXE ":main@4"},
     {"/lib/libc.so.6:raise@2", "/lib/libc.so.6:abort@3",
      "/lib/libc.so.6:__assert_fail@3", EXE ":check@4"},
     "program",
     "prog!check"},
    {"a double free is its caller's",
     {EXE ":main@4"},
     {"/lib/libc.so.6:abort@3", "/lib/libc.so.6:malloc_printerr@3",
      "/lib/libc.so.6:_int_free@3", "/lib/libc.so.6:free@3",
      "/lib/dearth/libdearth_preload.so:free@1", EXE ":clean_up@4"},
     "program",
     "prog!clean_up"},
    {"what is freed that never was a block: its caller's, wherever the allocator notices",
     {"/lib/libc.so.6:__vasprintf_internal@1", "/lib/libmagic.so.1:print@2",
      EXE ":main@4"},
     {"/lib/libc.so.6:arena_for_chunk@6", "/lib/libc.so.6:cfree@7",
      "/lib/libmagic.so.1:clear@3", "/lib/libmagic.so.1:print@5", EXE ":main@4"},
     "library",
     "libmagic!clear"},
    {"what the C library frees twice is its own",
     {"/lib/libc.so.6:add_node@1", "/lib/libc.so.6:regcomp@2", EXE ":main@4"},
     {"/lib/libc.so.6:abort@9", "/lib/libc.so.6:_int_free@6", "/lib/libc.so.6:cfree@7",
      "/lib/libc.so.6:free_content@3", "/lib/libc.so.6:regcomp@5", EXE ":main@4"},
     "libc",
     "libc!free_content"},
    {"under a handler lies the place",
     {EXE ":main@4"},
     {"/lib/libc.so.6:abort@3", EXE ":on_segv@4", "/lib/libc.so.6:__restore_rt@3",
      EXE ":use@9", EXE ":main@4"},
     "program",
     "prog!use"},
    {"std::bad_alloc is thrown where memory was asked for",
     {EXE ":main@4"},
     {"/lib/libc.so.6:abort@3", "/lib/libstdc++.so.6:_ZSt9terminatev@4",
      "/lib/libstdc++.so.6:__cxa_throw@3", "/lib/libstdc++.so.6:_Znwm@9", EXE ":push@4"},
     "program",
     "prog!push"},
    {"a template of the language's library, compiled into the program: its caller's",
     {EXE ":main@4"},
     {EXE ":_ZNSt6vectorIiSaIiEEixEm@8", EXE ":_ZNSt6vectorIiSaIiEE2atEm@7",
      EXE ":load@5", EXE ":main@4"},
     "program",
     "prog!load"},
    {"nobody else's in that module",
     {EXE ":main@4"},
     {"/lib/libt.so:_ZNSt6vectorIiSaIiEEixEm@8", EXE ":main@4"},
     "library",
     "libt!_ZNSt6vectorIiSaIiEEixEm"},
    {"no name",
     {EXE ":main@4"},
     {"/lib/libfoo-1.2.so:@4660"},
     "library",
     "libfoo-1.2+0x1234"},
    {"no stack", {EXE ":main@4"}, {NULL}, "-", "-"},
};

static uint32_t parse(const char *const *texts, struct frame *frames, char **strings) {
    uint32_t n = 0;
    for (; n < 8 && texts[n]; n++) {
        char *s = strings[n] = text_dup(texts[n]);
        char *colon = strchr(s, ':'), *at = strrchr(s, '@');
        *colon = *at = '\0';
        frames[n] = (struct frame){.module = s, .offset = strtoull(at + 1, NULL, 10)};
        if (colon[1])
            frames[n].function = frames[n].linkage_name = colon + 1;
    }
    return n;
}

/* A stack that was too deep to be read whole is named by its outermost frame. */
static void check_recursion(void) {
    static const struct {
        const char *name;
        uint64_t address;
        const char *crash[8];
        const char *place;
    } table[] = {
        {"overflow", 0x7ffc94867ff8, {EXE ":leaf@1", EXE ":b@2", EXE ":a@3"}, "prog!a"},
        {"whole stack",
         0x7ffc94867ff8,
         {EXE ":use@1", EXE ":main@2", "/lib/libc.so.6:__libc_start_main@3",
          EXE ":_start@4"},
         "-"},
        {"stripped program",
         0x7ffc94867ff8,
         {EXE ":@1", EXE ":@2", "/lib/libc.so.6:@3", EXE ":@4"},
         "-"},
        {"a thread",
         0x7ffc94867ff8,
         {EXE ":run@1", "/lib/libc.so.6:@2", "/lib/libc.so.6:@3"},
         "-"},
        {"through the runtime, which it was cut in",
         0x7ffc94867ff8,
         {"/lib/libc.so.6:fputs@1", EXE ":b@7", EXE ":a@6", "/lib/libstdc++.so.6:@3",
          EXE ":b@7", EXE ":a@6", "/lib/libstdc++.so.6:@3"},
         "prog!a"},
        {"the same, which ended elsewhere",
         0x7ffc94867ff8,
         {EXE ":a@9", "/lib/libgcc_s.so.1:@2", "/lib/libstdc++.so.6:@5", EXE ":b@7",
          EXE ":a@6", "/lib/libgcc_s.so.1:@2"},
         "prog!a"},
        {"a NULL where the unwinder stopped", 8, {EXE ":leaf@1", EXE ":b@2"}, "-"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct frame crash[8] = {0};
        char *strings[8] = {0};
        uint32_t n = parse(table[i].crash, crash, strings);
        const struct frame *f =
            attribution_recursion(builtin, crash, n, table[i].address, EXE);
        AUTO_TEXT struct text place = {0};
        if (f)
            place_add_exact(f, &place);
        CHECK_TEXT(table[i].name, table[i].place, place.data ? place.data : "-");
        for (int k = 0; k < 8; k++)
            free(strings[k]);
    }
}

/* The runtime only waits, for whoever called it. */
static void check_hangs(void) {
    static const struct {
        const char *name;
        const char *fault[8], *loop[8];
        const char *to, *module;
    } table[] = {
        {"a library loops over what the program gave it",
         {EXE ":make@1", EXE ":main@2"},
         {"/lib/libloop.so.1:walk@3", EXE ":use@4", EXE ":main@5"},
         "library",
         "/lib/libloop.so.1"},
        {"a lock, deep in libc",
         {"/lib/libc.so.6:fopen@1", EXE ":main@2"},
         {"/lib/libc.so.6:wait@3", "/lib/libc.so.6:sem_wait@4", EXE ":use@5"},
         "program",
         EXE},
        {"libc's own, in the call whose allocation failed",
         {"/lib/libc.so.6:grow@1", "/lib/libc.so.6:setlocale@2", EXE ":main@3"},
         {"/lib/libc.so.6:wait@4", "/lib/libc.so.6:setlocale@5", EXE ":main@3"},
         "libc",
         "/lib/libc.so.6"},
        {"nobody else there",
         {EXE ":main@3"},
         {"/lib/libc.so.6:start_thread@4"},
         "-",
         "-"},
        {"no samples that meet", {EXE ":main@3"}, {NULL}, "-", "-"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct frame fault[8] = {0}, loop[8] = {0};
        char *strings[16] = {0};
        uint32_t n_fault = parse(table[i].fault, fault, strings);
        uint32_t n_loop = parse(table[i].loop, loop, strings + 8);
        struct attribution a =
            attribution_hang(builtin, fault, n_fault, loop, n_loop, EXE);
        CHECK_TEXT(table[i].name, table[i].to,
                   attribution_name(a.to) ? attribution_name(a.to) : "-");
        CHECK_TEXT(table[i].name, table[i].module, a.module ? a.module : "-");
        for (int k = 0; k < 16; k++)
            free(strings[k]);
    }
}

/* A loop that waits does what it is there for. */
static void check_waits(void) {
    static const struct {
        const char *name;
        const char *fault[8], *loop[8], *call, *module;
    } table[] = {
        {"a library's event loop, for an event that the program did not begin",
         {"/lib/libc.so.6:strdup@1", EXE ":job@2", EXE ":main@3"},
         {"/lib/libc.so.6:epoll_wait@4", "/lib/libev.so.1:dispatch@5", EXE ":main@6"},
         "epoll_wait (3, [eventpoll])",
         EXE},
        {"the library's own allocation, for the program",
         {"/lib/libev.so.1:new@1", EXE ":job@2"},
         {"/lib/libc.so.6:poll@4", "/lib/libev.so.1:dispatch@5", EXE ":main@6"},
         "poll",
         EXE},
        {"another library's",
         {"/lib/libnet.so.1:ask@1", "/lib/libev.so.1:call@2", EXE ":main@3"},
         {"/lib/libc.so.6:poll@4", "/lib/libev.so.1:dispatch@5", EXE ":main@6"},
         "ppoll",
         "/lib/libnet.so.1"},
        {"a lock is no event",
         {EXE ":job@2"},
         {"/lib/libc.so.6:lock@4", "/lib/libev.so.1:dispatch@5", EXE ":main@6"},
         "futex",
         "-"},
        {"it uses the processor",
         {EXE ":job@2"},
         {"/lib/libev.so.1:dispatch@5", EXE ":main@6"},
         NULL,
         "-"},
        {"the program's own loop",
         {"/lib/libnet.so.1:ask@1", EXE ":main@2"},
         {"/lib/libc.so.6:poll@4", EXE ":main@6"},
         "poll",
         "-"},
        {"nobody else's",
         {"/lib/libev.so.1:new@1"},
         {"/lib/libc.so.6:poll@4", "/lib/libev.so.1:dispatch@5"},
         "poll",
         "-"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct frame fault[8] = {0}, loop[8] = {0};
        char *strings[16] = {0};
        uint32_t n_fault = parse(table[i].fault, fault, strings);
        uint32_t n_loop = parse(table[i].loop, loop, strings + 8);
        struct attribution a =
            attribution_wait(builtin, fault, n_fault, loop, n_loop, table[i].call, EXE);
        CHECK_TEXT(table[i].name, table[i].module, a.module ? a.module : "-");
        for (int k = 0; k < 16; k++)
            free(strings[k]);
    }
}

int main(void) {
    builtin = catalogue_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame fault[8] = {0}, crash[8] = {0};
        char *strings[16] = {0};
        uint32_t n_fault = parse(cases[i].fault, fault, strings);
        uint32_t n_crash = parse(cases[i].crash, crash, strings + 8);
        struct attribution a =
            attribution_decide(builtin, fault, n_fault, crash, n_crash, EXE);
        AUTO_TEXT struct text place = {0};
        if (a.place)
            place_add_exact(a.place, &place);
        CHECK_TEXT(cases[i].name, cases[i].to,
                   attribution_name(a.to) ? attribution_name(a.to) : "-");
        CHECK_TEXT(cases[i].name, cases[i].place, place.data ? place.data : "-");
        for (int k = 0; k < 16; k++)
            free(strings[k]);
    }
    check_recursion();
    check_hangs();
    check_waits();
    CHECK_TEXT("libc", "libc",
               attribution_name(attribution_class(builtin, "/lib/libc-2.31.so", EXE)));
    CHECK_TEXT("libm", "libc",
               attribution_name(attribution_class(builtin, "/lib/libm.so.6", EXE)));
    CHECK_TEXT("libcrypto is none", "library",
               attribution_name(attribution_class(builtin, "/lib/libcrypto.so.3", EXE)));
    CHECK_TEXT("libmagic is none", "library",
               attribution_name(attribution_class(builtin, "/lib/libmagic.so.1", EXE)));
    CHECK_TEXT("program", "program",
               attribution_name(attribution_class(builtin, EXE, EXE)));
    catalogue_free(builtin);
    return check_result();
}
