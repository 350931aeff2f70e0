/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice of a location, by table: a stack (innermost first), the frame that a user
 * would call the line of their code. Then the catalogue, name by name; portable keys;
 * demangling and paths.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "location.h"
#include "symbols.h"

static const char *current = "";
static struct catalogue *builtin;
#define MUST(condition)                                                                  \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: %s (case %s)\n", __FILE__, __LINE__, #condition,     \
                    current);                                                            \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define LD   "/lib64/ld-linux-x86-64.so.2"
#define CXX  "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"
#define LIB  "/usr/lib/x86_64-linux-gnu/libthing.so.1.2.3"
#define EXE  "/home/user/prog"

/* function, linkage name, module, file, size of a nameless function */
struct spec {
    const char *function, *linkage, *module, *file;
    uint64_t size;
};
#define C(name, module)                                                                  \
    { name, name, module, NULL, 0 }
#define NAMELESS(m, bytes)                                                               \
    { NULL, NULL, m, NULL, bytes }
#define RS(file) "/rustc/0123abcd/library/" file

static const struct test {
    const char *name;
    struct spec frames[10];
    int want; /* index of the location */
} tests[] = {
    {"plain C", {C("parse", EXE), C("main", EXE), C("__libc_start_main", LIBC)}, 0},
    {"strdup", {C("strdup", LIBC), C("parse", EXE), C("main", EXE)}, 1},
    {"getline inlined from a header",
     {C("__getdelim", LIBC),
      {"getline", "getline", EXE, "/usr/include/x86_64-linux-gnu/bits/stdio.h", 0},
      {"read_all", "read_all", EXE, "/home/user/read.c", 0}},
     2},
    {"a wrapper with the program's own prefix",
     {C("broker__calloc", EXE), C("broker__strdup", EXE), C("mallocs", EXE), C("f", EXE)},
     2},
    {"xmalloc under xstrdup", {C("xmalloc", EXE), C("xstrdup", EXE), C("f", EXE)}, 2},
    {"a callback of libc's", {C("compare", EXE), C("qsort", LIBC), C("main", EXE)}, 0},
    {"the loader alone",
     {C("malloc", LD), C("_dl_new_object", LD), C("_dl_map_object", LD)},
     1},
    {"a test harness around its test",
     {C("UnityMalloc", EXE), C("UnityDefaultTestRun", EXE), C("main", EXE)},
     0},
    {"a harness allocates for itself",
     {C("srunner_add", "/usr/lib/libcheck.so.0"),
      C("suite_run", "/usr/lib/libcheck.so.0"), C("main", EXE)},
     2},
    {"a global allocator of the program's, in Rust",
     {{"<prog::Counting as core::alloc::global::GlobalAlloc>::alloc",
       "_RNvXs_CsPROG_4progNtB4_8CountingNtNtNtCsCORE_4core5alloc6global11GlobalAlloc5alloc",
       EXE, NULL, 0},
      {"__rust_alloc", "__rust_alloc", EXE, NULL, 0},
      {"alloc::vec::Vec<T>::with_capacity", "_RNvCsVEC_5alloc3vec", EXE, NULL, 0},
      {"prog::parse", "_RNvCsPROG_4prog5parse", EXE, NULL, 0}},
     3},
    {"what serves a wrapper and is short",
     {C("malloc", LIBC),
      {"mrb_realloc_simple", "mrb_realloc_simple", EXE, NULL, 120},
      C("mrb_realloc", EXE),
      C("mrb_malloc", EXE),
      C("f", EXE)},
     4},
    {"a wrapper that does much more than that first",
     {C("malloc", LIBC),
      {"pool_initialize", "pool_initialize", EXE, NULL, 800},
      C("pool_malloc", EXE),
      C("f", EXE)},
     1},
    {"a namespace's own malloc",
     {{"os::malloc(unsigned long, MEMFLAGS)", "_ZN2os6mallocEm8MEMFLAGS", LIB, NULL, 0},
      C("f", EXE)},
     1},
    {"only wrappers", {C("xmalloc", EXE), C("xrealloc", EXE)}, 1},
    {"dlopen is the caller's", {C("_dl_open", LD), C("dlopen", LIBC), C("load", EXE)}, 2},
    {"std::vector",
     {{"operator new(unsigned long)", "_Znwm", CXX, NULL, 0},
      {"std::__new_allocator<int>::allocate(unsigned long, void const*)",
       "_ZNSt15__new_allocatorIiE8allocateEmPKv", EXE, "/usr/include/c++/12/bits/x.h", 0},
      {"std::vector<int>::_M_realloc_insert<int>(int&&)",
       "_ZNSt6vectorIiSaIiEE17_M_realloc_insertIJiEEEvS1_", EXE, NULL, 0},
      {"app::parse(int)", "_ZN3app5parseEi", EXE, "/home/user/p.cc", 0},
      C("main", EXE)},
     3},
    {"std:: in the return type only",
     {{"operator new(unsigned long)", "_Znwm", CXX, NULL, 0},
      {"app::make<long>(int)", "_ZN3app4makeIlEESt6vectorIT_SaIS2_EEi", EXE, NULL, 0}},
     1},
    {"a lambda of the standard library's",
     {{"_M_create<app::run()::<lambda()> >", NULL, EXE,
       "/usr/include/c++/12/bits/std_function.h", 0},
      {"app::run()", "_ZN3app3runEv", EXE, "/home/user/p.cc", 0}},
     1},
    {"an exception", {C("__cxa_allocate_exception", CXX), C("main", EXE)}, 1},
    {"libstdc++'s own start",
     {{"malloc", "malloc", LIBC, NULL, 0},
      {NULL, NULL, CXX, NULL, 300},
      C("call_init", LD),
      C("_dl_init", LD)},
     1},
    {"a namespace called core in C++",
     {{"core::Tree::grow()", "_ZN4core4Tree4growEv", EXE, NULL, 0}, C("main", EXE)},
     0},
    {"Vec::push",
     {{"__rustc::__rust_alloc", "_RNvCs_7___rustc12___rust_alloc", EXE, NULL, 0},
      {"alloc::alloc::alloc", "_RNvNtCs_5alloc5alloc5alloc", EXE,
       RS("alloc/src/alloc.rs"), 0},
      {"<alloc::raw_vec::RawVecInner>::grow_one",
       "_RNvMs_NtCs_5alloc7raw_vecNtB2_11RawVecInner8grow_one", EXE, NULL, 0},
      {"<alloc::vec::Vec<user::Item>>::push", "_RNvMs_NtCs_5alloc3vecINtB2_3VecE4push",
       EXE, RS("alloc/src/vec/mod.rs"), 0},
      {"user::add", "_RNvCs_4user3add", EXE, "/home/user/src/lib.rs", 0}},
     4},
    {"a derived Clone is the user's",
     {{"<alloc::string::String as core::clone::Clone>::clone", "_RNvXs_NtCs", EXE, NULL,
       0},
      {"<user::Item as core::clone::Clone>::clone", "_RNvXs_NtCs_4user", EXE,
       "/home/user/src/lib.rs", 0},
      {"user::main", "_RNvCs_4user4main", EXE, NULL, 0}},
     1},
    {"a user's trait for Vec is the user's",
     {{"<alloc::vec::Vec<u8> as user::Encode>::encode",
       "_ZN68_$LT$alloc..vec..Vec$LT$u8$GT$$u20$as$u20$user..Encode$GT$6encode17h"
       "0123456789abcdefE",
       EXE, NULL, 0},
      {"user::main", "_ZN4user4main17h0123456789abcdefE", EXE, NULL, 0}},
     0},
    {"legacy names",
     {{"alloc::vec::Vec<T,A>::push", "_ZN5alloc3vec3Vec17h0123456789abcdefE", EXE, NULL,
       0},
      {"hashbrown::raw::RawTable<T,A>::reserve_rehash",
       "_ZN9hashbrown3raw17h0123456789abcdefE.llvm.1", EXE, NULL, 0},
      {"user::f::{{closure}}", "_ZN4user1f17h0123456789abcdefE", EXE, NULL, 0}},
     2},
    {"ToString for every type",
     {{"<user::Item as alloc::string::ToString>::to_string", "_RNvX", EXE, NULL, 0},
      {"user::f", "_RNvCs_4user1f", EXE, NULL, 0}},
     1},
    {"Rust's start-up",
     {{"alloc::alloc::alloc", "_RNvNtCs_5alloc5alloc5alloc", EXE, NULL, 0},
      {"std::thread::Thread::new", "_RNvMNtCs_3std6thread", EXE, NULL, 0},
      {"std::rt::lang_start_internal", "_RNvNtCs_3std2rt", EXE, NULL, 0},
      C("main", EXE),
      C("__libc_start_main", LIBC)},
     1},
    {"a nameless allocator under a known one",
     {NAMELESS(LIB, 68), C("sqlite3Malloc", LIB), NAMELESS(LIB, 900),
      C("sqlite3_exec", LIB)},
     2},
    {"two nameless ones under a known one",
     {NAMELESS(LIB, 400), NAMELESS(LIB, 500), C("sqlite3Malloc", LIB),
      C("sqlite3_exec", LIB)},
     3},
    {"a short nameless wrapper", {NAMELESS(LIB, 30), NAMELESS(LIB, 700), C("f", LIB)}, 1},
    {"three short ones: two are taken",
     {NAMELESS(LIB, 30), NAMELESS(LIB, 40), NAMELESS(LIB, 50), C("f", LIB)},
     2},
    {"a short one called from elsewhere", {NAMELESS(LIB, 30), C("main", EXE)}, 0},
    {"a long one", {NAMELESS(LIB, 700), C("f", LIB)}, 0},
    {"of unknown length", {NAMELESS(LIB, 0), C("f", LIB)}, 0},
    {"a stripped main",
     {NAMELESS(EXE, 30), NAMELESS(LIBC, 100), C("__libc_start_main", LIBC),
      NAMELESS(EXE, 34)},
     0},
    {"a stripped start alone",
     {C("_IO_file_doallocate", LIBC), C("__libc_start_main", LIBC), NAMELESS(EXE, 34)},
     0},
};

static uint32_t make_frames(const struct spec *specs, struct frame *out) {
    uint32_t n = 0;
    for (; specs[n].module; n++)
        out[n] = (struct frame){
            .function = specs[n].function,
            .linkage_name = specs[n].linkage,
            .module = specs[n].module,
            .file = specs[n].file,
            .line = specs[n].file ? 10 : 0,
            .size = specs[n].size,
            .frame_id = n + 1,
            .module_id = (int64_t)strlen(specs[n].module), /* of different lengths */
        };
    return n;
}

static void test_choice(void) {
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct frame frames[10];
        enum location_kind kinds[10];
        uint32_t n = make_frames(tests[i].frames, frames);
        current = tests[i].name;
        for (uint32_t k = 0; k < n; k++)
            kinds[k] = location_kind(builtin, &frames[k]);
        int got = (int)location_pick(frames, kinds, n);
        if (got != tests[i].want) {
            fprintf(stderr, "case '%s': wanted frame %d, got %d\n", current,
                    tests[i].want, got);
            exit(1);
        }
    }
    current = "no frames";
    MUST(location_pick(NULL, NULL, 0) == 0);
}

static enum location_kind kind_of(const char *name, const char *module) {
    struct frame frame = {.function = name, .linkage_name = name, .module = module};
    return location_kind(builtin, &frame);
}

static void test_catalogue(void) {
    static const char *const allocators[] = {"malloc",
                                             "xmalloc",
                                             "xrealloc",
                                             "xcalloc",
                                             "xstrdup",
                                             "xmemdup",
                                             "xnmalloc",
                                             "x2realloc",
                                             "xzalloc",
                                             "xpalloc",
                                             "g_malloc",
                                             "g_malloc0",
                                             "g_malloc_n",
                                             "g_realloc",
                                             "g_try_malloc",
                                             "g_slice_alloc",
                                             "g_slice_alloc0",
                                             "g_strdup",
                                             "g_strdup_printf",
                                             "g_memdup2",
                                             "jv_mem_alloc",
                                             "jv_mem_alloc_unguarded",
                                             "sqlite3Malloc",
                                             "sqlite3MemMalloc",
                                             "sqlite3DbMallocRawNN",
                                             "sqlite3_mprintf",
                                             "CRYPTO_malloc",
                                             "CRYPTO_zalloc",
                                             "CRYPTO_realloc",
                                             "PyMem_Malloc",
                                             "PyMem_RawMalloc",
                                             "_PyMem_RawRealloc",
                                             "PyObject_Malloc",
                                             "_PyObject_GC_New",
                                             "Perl_safesysmalloc",
                                             "Perl_savepvn",
                                             "apr_palloc",
                                             "_talloc_array",
                                             "talloc_strdup",
                                             "je_malloc",
                                             "_emalloc",
                                             "_safe_emalloc",
                                             "l_alloc",
                                             "luaM_realloc_",
                                             "cJSON_New_Item",
                                             "do_xmalloc",
                                             "xmallocz",
                                             "xmlStrdup",
                                             "lzma_alloc",
                                             "zcalloc",
                                             "ggc_alloc_atomic",
                                             "_obstack_newchunk",
                                             "bfd_malloc",
                                             "zmalloc",
                                             "tor_malloc_",
                                             "av_mallocz",
                                             "pg_malloc",
                                             "palloc0",
                                             "ngx_palloc",
                                             "uv__malloc",
                                             "Curl_memdup",
                                             "__interceptor_malloc",
                                             NULL};
    static const char *const users[] = {
        "main",       "parse",        "malloc_config",   "do_something",
        "x",          "xml_parse",    "g_main_loop_new", "alloc_table_init",
        "PyList_New", "sqlite3_open", "jv_array",        "list_alloc",
        "xfoo",       "talk",         "zlib_init",       "grow",
        "core_init",  "std_init",     "lua_newtable",    NULL};
    for (int i = 0; allocators[i]; i++) {
        current = allocators[i];
        MUST(kind_of(allocators[i], EXE) == LOCATION_ALLOCATOR);
    }
    for (int i = 0; users[i]; i++) {
        current = users[i];
        MUST(kind_of(users[i], EXE) == LOCATION_USER);
    }
    static const char *const runtimes[] = {LIBC,
                                           LD,
                                           CXX,
                                           "/lib/libc-2.31.so",
                                           "/lib/ld-2.31.so",
                                           "/lib/ld-musl-x86_64.so.1",
                                           "/lib/libgcc_s.so.1",
                                           "/usr/lib/libc++.so.1",
                                           "/lib/libpthread.so.0",
                                           "[vdso]",
                                           NULL};
    for (int i = 0; runtimes[i]; i++) {
        current = runtimes[i];
        MUST(kind_of("anything", runtimes[i]) == LOCATION_LIBRARY);
    }
    current = "other modules";
    MUST(kind_of("f", "/lib/libcurl.so.4") == LOCATION_USER);
    MUST(kind_of("f", "/lib/libcrypto.so.3") == LOCATION_USER);
    MUST(kind_of("f", "[anon]") == LOCATION_USER);
    MUST(kind_of("f", "/usr/lib/libjemalloc.so.2") == LOCATION_ALLOCATOR);
}

static void test_user_globs(void) {
    struct catalogue *users = catalogue_new();
    catalogue_add_wrapper(users, "Pool::take");
    catalogue_add_wrapper(users, "my_*");
    struct frame method = {.function = "Pool::take(unsigned long)",
                           .linkage_name = "_ZN4Pool4takeEm",
                           .module = EXE},
                 c = {.function = "my_alloc", .module = EXE},
                 other = {.function = "Pool::taken()", .module = EXE};
    current = "globs";
    MUST(location_kind(users, &method) == LOCATION_ALLOCATOR);
    MUST(location_kind(users, &c) == LOCATION_ALLOCATOR);
    MUST(location_kind(users, &other) == LOCATION_USER);
    MUST(location_kind(builtin, &method) == LOCATION_USER);
    catalogue_free(users);
}

/* A user's file can say more, and that something built in does not hold for his program. */
static void test_user_text(void) {
    struct catalogue *users = catalogue_new();
    struct frame pool = {.function = "my_malloc", .module = EXE},
                 file = {.function = "f", .file = "/src/pool/take.c", .module = EXE},
                 module = {.function = "f", .module = "/opt/libpool.so.3"},
                 test = {.function = "testing::internal::Run()", .module = EXE};
    current = "a user's text";
    MUST(catalogue_add_text(users, "text",
                            "# ours\n\n[own]\n function my_* \n[allocator]\r\n"
                            "file */pool/*\nmodule libother* libpool.so*\n") == 0);
    MUST(location_kind(builtin, &pool) == LOCATION_ALLOCATOR);
    MUST(location_kind(users, &pool) == LOCATION_USER);
    MUST(location_kind(builtin, &file) == LOCATION_USER);
    MUST(location_kind(users, &file) == LOCATION_ALLOCATOR);
    MUST(location_kind(builtin, &module) == LOCATION_USER);
    MUST(location_kind(users, &module) == LOCATION_ALLOCATOR);
    MUST(location_kind(builtin, &test) == LOCATION_LIBRARY);
    MUST(!key_equal(location_rules_key(users), location_rules_key(builtin)));
    catalogue_free(users);
}

static void test_bare_function(void) {
    static const char *const cases[][2] = {
        {"f(int)", "f"},
        {"ns::f(int, std::map<a, b>)", "ns::f"},
        {"(anonymous namespace)::f(void (*)(int)) const", "(anonymous namespace)::f"},
        {"a::operator()(int)", "a::operator()"},
        {"operator new(unsigned long)", "operator new"},
        {"f()::{lambda(int)#1}::operator()(int) const",
         "f()::{lambda(int)#1}::operator()"},
        {"plain", NULL},
        {"user::f::{{closure}}", NULL},
        {"<T as core::Foo<(u8, u8)>>::m", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame frame = {.function = cases[i][0], .module = EXE};
        AUTO_FREE char *bare = frame_bare_function(&frame);
        current = cases[i][0];
        MUST(!bare == !cases[i][1] && (!bare || strcmp(bare, cases[i][1]) == 0));
    }
}

static void test_names(void) {
    struct frame line = {.function = "f", .file = "/src/a.c", .line = 7, .module = EXE},
                 symbol = {.function = "f",
                           .module = LIB,
                           .offset = 0x1234,
                           .start = 0x1200},
                 nothing = {.module = LIB, .offset = 0x1234, .start = 0x1200};
    const struct {
        const struct frame *frame;
        const char *want;
    } cases[] = {{&line, "/src/a.c:7 (f)"},
                 {&symbol, "libthing.so.1.2.3!f+0x34"},
                 {&nothing, "libthing.so.1.2.3+0x1234"}};
    for (int i = 0; i < 3; i++) {
        AUTO_TEXT struct text name = {0};
        location_add_name(cases[i].frame, &name);
        current = cases[i].want;
        MUST(strcmp(name.data, cases[i].want) == 0);
    }
}

static struct dearth_key portable(const char *op, const struct frame *frames, uint32_t n,
                                  uint32_t ordinal) {
    struct dearth_key key = location_portable_start(op);
    while (n-- > 0)
        key = location_portable_add(key, &frames[n]);
    return location_portable_end(key, ordinal);
}

static void test_portable(void) {
    struct frame a[] = {{.function = "f", .module = EXE, .offset = 1},
                        {.module = "/a/libx.so.1.2", .offset = 2},
                        {.function = "main", .module = EXE, .offset = 3}};
    struct frame b[] = {{.function = "f", .module = "/elsewhere/prog2", .offset = 11},
                        {.module = "/b/libx.so.1.3", .offset = 12},
                        {.function = "main", .module = EXE, .offset = 13}};
    struct frame c[] = {{.function = "g", .module = EXE}, b[1], b[2]};
    struct frame swapped[] = {a[2], a[1], a[0]};
    struct dearth_key key = portable("malloc", a, 3, 0);
    current = "portable";
    MUST(key_equal(key, portable("malloc", b, 3, 0)));
    MUST(!key_equal(key, portable("calloc", a, 3, 0)));
    MUST(!key_equal(key, portable("malloc", a, 3, 1)));
    MUST(!key_equal(key, portable("malloc", a, 2, 0)));
    MUST(!key_equal(key, portable("malloc", c, 3, 0)));
    MUST(!key_equal(key, portable("malloc", swapped, 3, 0)));
}

static void test_text(void) {
    static const char *const paths[][2] = {
        {"/a/b/../c.c", "/a/c.c"},
        {"/a/./b//c.c", "/a/b/c.c"},
        {"/a/b/c/../../d", "/a/d"},
        {"/../a", "/a"},
        {"../a/b.c", "../a/b.c"},
        {"../../a/../b.c", "../../b.c"},
        {"./a.c", "a.c"},
        {"a/..", ""},
        {"/", "/"},
        {"", ""},
        {"/a/b/", "/a/b"},
        {"./libio/./libio/x.c", "libio/libio/x.c"},
        {"a/../../b", "../b"},
        {"/a..b/...c", "/a..b/...c"},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        AUTO_FREE char *path = text_dup(paths[i][0]);
        symbols_clean_path(path);
        current = paths[i][0];
        if (strcmp(path, paths[i][1]) != 0)
            fprintf(stderr, "got '%s'\n", path);
        MUST(strcmp(path, paths[i][1]) == 0);
    }
    static const char *const names[][2] = {
        {"malloc", "malloc"},
        {"foo@@GLIBC_2.2.5", "foo"},
        {"foo@V1", "foo"},
        {"f.constprop.0", "f"},
        {"f.part.0.cold", "f"},
        {"f.isra.0.constprop.2", "f"},
        {"_ZN3app3runEi.cold", "app::run(int)"},
        {"_Znwm", "operator new(unsigned long)"},
        {"_ZN3app4makeIlEESt6vectorIT_SaIS2_EEi", "app::make<long>(int)"},
        {"_ZN4user4main17h0123456789abcdefE", "user::main"},
        {"_RNvCskwGfYPst2Cb_3foo3bar", "foo::bar"},
        {"_Z", "_Z"},
        {"_ZN", "_ZN"},
        {"", ""},
        {"@", "@"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        AUTO_FREE char *name = symbols_demangle(names[i][0]);
        current = names[i][0];
        if (strcmp(name, names[i][1]) != 0)
            fprintf(stderr, "got '%s'\n", name);
        MUST(strcmp(name, names[i][1]) == 0);
    }
}

int main(void) {
    builtin = catalogue_new();
    test_choice();
    test_catalogue();
    test_user_globs();
    test_user_text();
    test_bare_function();
    test_names();
    test_portable();
    test_text();
    return 0;
}
