/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue of allocators, wrappers and runtime libraries, and the choice of a
 * location by it: see location.h. Pure.
 *
 * C++'s own library is told by mangled names (_ZNSt, _ZN9__gnu_cxx): a demangled name may
 * begin with anything. Rust's by the demangled path, once the mangled name says that it
 * is Rust: `core::` or `alloc::` may be anybody's namespace in C++.
 */
#include "location.h"

#include <ctype.h>
#include <string.h>

enum field { FUNCTION, LINKAGE, MODULE, FILE_PATH };

struct entry {
    enum location_kind kind;
    enum field field;
    const char *globs; /* separated by spaces */
};

static const struct entry catalogue[] = {
    /* The allocation functions themselves, where a stack shows them (another allocator's
     * own calls, aliases in libc). */
    {LOCATION_ALLOCATOR, FUNCTION,
     "malloc calloc realloc reallocarray posix_memalign aligned_alloc memalign valloc "
     "pvalloc __libc_malloc __libc_calloc __libc_realloc __libc_memalign "
     "__GI___libc_malloc __libc_reallocarray __GI___libc_reallocarray"},
    {LOCATION_ALLOCATOR, MODULE,
     "libjemalloc.so* libtcmalloc*.so* libmimalloc*.so* "
     "libhoard.so* libsnmalloc*.so* librpmalloc.so*"},
    {LOCATION_ALLOCATOR, FUNCTION,
     "je_* tc_malloc tc_calloc tc_realloc tc_new* mi_malloc* "
     "mi_calloc* mi_realloc* mi_zalloc* mi_new* mi_heap_*"},
    /* Sanitizers put themselves between the program and the allocator. */
    {LOCATION_LIBRARY, MODULE,
     "libasan.so* libtsan.so* liblsan.so* libubsan.so* "
     "libhwasan.so*"},
    {LOCATION_ALLOCATOR, FUNCTION,
     "__interceptor_* ___interceptor_* __asan_* __sanitizer_*"},

    /* C++ */
    {LOCATION_ALLOCATOR, LINKAGE, "_Znw[jmy]* _Zna[jmy]*"}, /* operator new, new[] */
    {LOCATION_ALLOCATOR, FUNCTION, "*::operator?new* *::operator?new[]* operator?new*"},
    {LOCATION_ALLOCATOR, LINKAGE,
     "__cxa_allocate_exception __cxa_allocate_dependent_exception __cxa_vec_new* "
     "_ZN9__gnu_cxx13new_allocator* _ZNSaI* _ZNSt9allocator* _ZNSt15__new_allocator* "
     "_ZNSt16allocator_traits* _ZSt*allocate* _ZN9__gnu_cxx14__alloc_traits* "
     "_ZNSt3__19allocator* _ZNSt3__117__libcpp_allocate* _ZN*14malloc_allocator*"},
    {LOCATION_LIBRARY, LINKAGE,
     "_ZNSt* _ZNKSt* _ZNVSt* _ZSt* _ZZNSt* _ZZNKSt* _ZZSt* _ZNSa* _ZNKSa* _ZNSs* "
     "_ZNKSs* _ZNSi* _ZNSo* _ZNSd* _ZN9__gnu_cxx* _ZNK9__gnu_cxx* _ZZN9__gnu_cxx* "
     "_ZN10__cxxabiv1* _ZL*__cxx_global_var_init_std* __cxa_* __gxx_*"},
    {LOCATION_LIBRARY, FUNCTION, "std::* __gnu_cxx::* __cxxabiv1::*"},
    {LOCATION_LIBRARY, FILE_PATH,
     "*/include/c++/* */gcc/*/include/* /usr/include/*bits/* */sysdeps/* "
     "/rustc/*/library/* */lib/rustlib/src/rust/library/* */rustc-*/library/* "
     "*/vendor/hashbrown/* */hashbrown-[0-9]*/src/*"},

    /* Rust: what rust_is_std() below does not tell by its path */
    {LOCATION_ALLOCATOR, FUNCTION,
     "__rust_alloc* __rust_realloc* __rdl_alloc* __rdl_realloc* __rg_alloc* "
     "__rg_realloc* __rustc::__rust_alloc* __rustc::__rust_realloc* __rustc::__rdl_* "
     "__rustc::__rg_*"},
    {LOCATION_LIBRARY, FUNCTION,
     "hashbrown::* __rust_try __rust_maybe_catch_panic __rust_begin_short_*"},

    /* C libraries, loaders, start-up code */
    {LOCATION_LIBRARY, MODULE,
     "libc.so* libc-2.* ld-linux*.so* ld64.so* ld-2.* ld.so* ld-musl-* libpthread.so* "
     "libpthread-2.* libdl.so* libdl-2.* librt.so* librt-2.* libresolv.so* libresolv-2.* "
     "libnsl.so* libutil.so* libanl.so* libm.so* libm-2.* libnss_files* libnss_dns* "
     "libnss_compat* libthread_db.so* libstdc++.so* libsupc++* libc++.so* libc++abi.so* "
     "libgcc_s.so* libstd-*.so linux-vdso* linux-gate* [[]vdso]"},
    /* dearth.h */
    {LOCATION_ALLOCATOR, FUNCTION, "dearth_should_fail dearth_find_"},
    {LOCATION_LIBRARY, FUNCTION,
     "_start __libc_start_main* __libc_start_call_main call_init _init __libc_csu_init "
     "start_thread __clone* clone3 frame_dummy"},

    /* Names that many programs give to "malloc or die", and to copies of strings */
    {LOCATION_ALLOCATOR, FUNCTION,
     "xmalloc* xcalloc* xrealloc* xreallocarray* xstrdup* xstrndup* xmemdup* xzalloc* "
     "xalloc* xpalloc* xnmalloc* xnrealloc* x2realloc* x2nrealloc* xcharalloc* "
     "ximalloc* xicalloc* xirealloc* xizalloc* xinmalloc* xireallocarray ximemdup* "
     "xasprintf* xvasprintf* x_malloc x_calloc x_realloc x_strdup xaligned_alloc "
     "xalignalloc xposix_memalign xmemalign xvalloc xgetcwd xmallocz* xmallocarray "
     "xstrfmt xstrvfmt do_xmalloc* sh_xmalloc sh_xrealloc sh_malloc sh_realloc emalloc "
     "ecalloc erealloc estrdup estrndup safe_malloc* safe_calloc* safe_realloc* "
     "safe_strdup safemalloc saferealloc smalloc scalloc srealloc sstrdup sane_malloc "
     "checked_malloc checked_calloc checked_realloc checked_strdup ck_malloc ck_realloc "
     "ck_strdup ckmalloc ckrealloc must_malloc must_calloc must_realloc must_strdup "
     "malloc_or_die* calloc_or_die* realloc_or_die* die_malloc my_malloc my_calloc "
     "my_realloc my_strdup mymalloc mycalloc myrealloc mystrdup nmalloc nrealloc zalloc "
     "mem_alloc mem_realloc mem_calloc mem_strdup memdup mem_dup strdup_or_die malloc0 "
     "malloc_multiply memdup_multiply memdup_suffix0* reallocf rpl_malloc rpl_realloc "
     "rpl_calloc rpl_reallocarray irealloc imalloc icalloc ireallocarray alignalloc"},
    /* A prefix of the program's or library's own (mosquitto__malloc, ck_calloc) */
    {LOCATION_ALLOCATOR, FUNCTION,
     "*_malloc *_calloc *_realloc *_zalloc *_strdup *_strndup *_memdup *_reallocarray "
     "*_asprintf *_vasprintf"},
    {LOCATION_ALLOCATOR, FUNCTION,
     "_obstack_begin* _obstack_newchunk rpl_obstack_* call_chunkfun obstack_alloc_* "
     "objalloc_create _objalloc_alloc"},

    /* GLib */
    {LOCATION_ALLOCATOR, FUNCTION,
     "g_malloc* g_realloc* g_try_malloc* g_try_realloc* g_slice_alloc* g_slice_copy "
     "g_aligned_alloc* g_strdup* g_strndup g_strnfill g_strconcat g_strjoin* g_memdup* "
     "g_vasprintf g_rc_box_alloc* g_atomic_rc_box_alloc* g_rc_box_dup "
     "g_atomic_rc_box_dup g_mem_chunk_alloc* standard_malloc standard_calloc"},

    /* Libraries and programs with their own layer */
    {LOCATION_ALLOCATOR, FUNCTION, /* jq */
     "jv_mem_alloc* jv_mem_calloc* jv_mem_realloc* jv_mem_strdup*"},
    {LOCATION_ALLOCATOR, FUNCTION, /* SQLite */
     "sqlite3MemMalloc sqlite3MemRealloc sqlite3Malloc* sqlite3Realloc* sqlite3_malloc* "
     "sqlite3_realloc* mallocWithAlarm sqlite3DbMalloc* sqlite3DbRealloc* "
     "sqlite3DbReallocOrFree sqlite3DbStr* sqlite3DbSpanDup dbMallocRawFinish "
     "dbReallocFinish sqlite3_mprintf sqlite3_vmprintf sqlite3MPrintf sqlite3VMPrintf "
     "sqlite3_str_new memsys3Malloc* memsys5Malloc* memsys5Realloc pcache1Alloc "
     "sqlite3PageMalloc"},
    {LOCATION_ALLOCATOR, FUNCTION, /* libxml2, expat, zlib, bzip2, xz, zstd, brotli */
     "xmlMemMalloc xmlMemRealloc xmlMemoryStrdup xmlMallocLoc xmlReallocLoc "
     "xmlMallocAtomicLoc xmlMemStrdupLoc xmlStrdup xmlStrndup xmlCharStrdup "
     "xmlCharStrndup zcalloc default_bzalloc lzma_alloc lzma_alloc_zero "
     "ZSTD_customMalloc ZSTD_customCalloc BrotliDefaultAllocFunc BrotliAllocate "
     "BrotliDecoderAllocate"},
    {LOCATION_ALLOCATOR, FUNCTION, /* OpenSSL, NSS, GnuTLS, nettle, gmp, gcrypt, krb5 */
     "CRYPTO_malloc* CRYPTO_zalloc* CRYPTO_calloc* CRYPTO_realloc* CRYPTO_clear_realloc "
     "CRYPTO_strdup CRYPTO_strndup CRYPTO_memdup CRYPTO_secure_malloc "
     "CRYPTO_secure_zalloc CRYPTO_aligned_alloc* OPENSSL_malloc* OPENSSL_zalloc* "
     "OPENSSL_realloc* PORT_*Alloc* PR_Malloc PR_Calloc PR_Realloc PL_strdup "
     "gnutls_strdup _gnutls_strdup nettle_xalloc nettle_realloc nettle_xrealloc "
     "__gmp_default_allocate __gmp_default_reallocate __gmp_tmp_reentrant_alloc "
     "gcry_malloc* gcry_calloc* gcry_xmalloc* gcry_xcalloc* gcry_realloc* gcry_strdup "
     "_gcry_malloc* _gcry_calloc* _gcry_xmalloc* _gcry_xcalloc* _gcry_realloc* "
     "_gcry_private_malloc* do_malloc k5alloc k5calloc"},
    {LOCATION_ALLOCATOR, FUNCTION, /* curl, libuv, libevent, D-Bus, systemd */
     "Curl_memdup* Curl_strdup Curl_saferealloc curl_dbg_malloc curl_dbg_calloc "
     "curl_dbg_realloc curl_dbg_strdup Curl_memory* uv__malloc uv__calloc uv__realloc* "
     "uv__strdup uv__strndup event_mm_malloc_ event_mm_calloc_ event_mm_realloc_ "
     "event_mm_strdup_ dbus_malloc* dbus_realloc dbus_try_malloc* _dbus_strdup "
     "greedy_realloc*"},
    {LOCATION_ALLOCATOR, FUNCTION, /* OCaml, lighttpd, ncurses */
     "caml_stat_alloc* caml_stat_calloc* caml_stat_resize* caml_stat_strdup* "
     "caml_alloc_for_heap ck_realloc_u32 _nc_doalloc"},
    {LOCATION_ALLOCATOR, FUNCTION, /* CPython */
     "PyMem_Malloc PyMem_Calloc PyMem_Realloc PyMem_RawMalloc PyMem_RawCalloc "
     "PyMem_RawRealloc _PyMem_* PyObject_Malloc PyObject_Calloc PyObject_Realloc "
     "_PyObject_Malloc _PyObject_Calloc _PyObject_Realloc pymalloc_* _PyObject_GC_* "
     "PyObject_GC_* gc_alloc _PyObject_New* _PyObject_Arena* new_arena "
     "PyType_GenericAlloc _PyType_AllocNoTrack"},
    {LOCATION_ALLOCATOR, FUNCTION, /* Perl, Ruby, Lua, PHP, Tcl, Guile, Node */
     "Perl_safesys* Perl_savepv* Perl_savesharedpv* Perl_savesvpv Perl_savesharedsvpv "
     "PerlMem_* ruby_xmalloc* ruby_xcalloc* ruby_xrealloc* ruby_strdup "
     "objspace_xmalloc* objspace_xcalloc* objspace_xrealloc* rb_xmalloc_* l_alloc luaM_* "
     "luaL_alloc _emalloc* _ecalloc* _erealloc* _safe_emalloc* _safe_malloc* _estrdup* "
     "_estrndup* __zend_malloc __zend_calloc __zend_realloc zend_mm_alloc* Tcl_Alloc "
     "Tcl_AttemptAlloc Tcl_Realloc Tcl_DbCkalloc TclpAlloc TclpRealloc scm_malloc "
     "scm_calloc scm_realloc scm_gc_malloc* scm_strdup node::Malloc* node::Realloc* "
     "node::Calloc*"},
    {LOCATION_ALLOCATOR,
     FUNCTION, /* Samba, Apache, nginx, PostgreSQL, MySQL, Redis, Tor */
     "talloc_* _talloc_* __talloc* apr_palloc* apr_pcalloc* apr_pstr* apr_pmemdup "
     "apr_allocator_alloc allocator_alloc ngx_alloc ngx_calloc ngx_palloc* ngx_pnalloc "
     "ngx_pcalloc ngx_memalign palloc palloc0 palloc_extended repalloc* pstrdup "
     "pnstrdup MemoryContextAlloc* MemoryContextStrdup AllocSetAlloc* AllocSetRealloc "
     "pg_malloc* pg_realloc pg_strdup zmalloc* zcalloc* zrealloc* ztrymalloc* "
     "ztrycalloc* ztryrealloc* zstrdup s_malloc s_realloc s_trymalloc tor_malloc* "
     "tor_calloc* tor_realloc* tor_strdup* tor_strndup* tor_memdup*"},
    {LOCATION_ALLOCATOR, FUNCTION, /* media, fonts, graphics, Qt */
     "av_malloc* av_mallocz* av_calloc* av_realloc* av_strdup av_strndup av_memdup "
     "av_fast_malloc* png_malloc* png_calloc png_create_struct* jpeg_get_small "
     "jpeg_get_large ft_alloc ft_realloc ft_mem_* FT_Alloc* hb_malloc hb_calloc "
     "hb_realloc hb_malloc_impl hb_calloc_impl hb_realloc_impl _TIFFmalloc _TIFFcalloc "
     "_TIFFrealloc FcAlloc* _cairo_malloc* pixman_malloc_* QArrayData::allocate* "
     "QArrayData::reallocate* QListData::realloc* qMallocAligned qReallocAligned"},
    {LOCATION_ALLOCATOR, FUNCTION, /* PCRE, ICU, GCC, binutils, LLVM, editors, cJSON */
     "default_malloc _pcre2_memctl_malloc_* uprv_malloc* uprv_calloc* uprv_realloc* "
     "va_heap::* ggc_internal_* ggc_alloc* ggc_realloc* alloc_page bfd_malloc* "
     "bfd_zmalloc* bfd_realloc* bfd_alloc* bfd_zalloc* bfd_hash_allocate "
     "llvm::safe_malloc llvm::safe_calloc llvm::safe_realloc llvm::allocate_buffer "
     "llvm::BumpPtrAllocatorImpl* llvm::SmallVectorBase* lalloc lalloc_clear "
     "alloc_clear alloc_check vim_strsave vim_strnsave lmalloc lrealloc lisp_malloc "
     "cJSON_malloc cJSON_strdup cJSON_New_Item internal_malloc internal_realloc "
     "jsonp_malloc jsonp_strdup jsonp_strndup"},
};
#define N_CATALOGUE (sizeof catalogue / sizeof *catalogue)

/* Glob @glob of @n characters, not NUL-terminated, against @s. Most differ at once. */
static bool glob_n(const char *glob, size_t n, const char *s) {
    char copy[128];
    if (!s || n >= sizeof copy || (*glob != *s && !strchr("*?[", *glob)))
        return false;
    memcpy(copy, glob, n);
    copy[n] = 0;
    return text_glob(copy, s);
}

static bool matches_any(const struct frame *frame, const char *bare,
                        const struct entry *entry) {
    const char *names[3] = {0};
    switch (entry->field) {
    case FUNCTION:
        names[0] = frame->function;
        names[1] = bare;
        names[2] = frame->linkage_name;
        break;
    case LINKAGE:
        names[0] = frame->linkage_name;
        break;
    case MODULE:
        names[0] = text_basename(frame->module);
        break;
    case FILE_PATH:
        names[0] = frame->file;
        break;
    }
    size_t n;
    for (const char *p = entry->globs; *p; p += n + (p[n] == ' ')) {
        n = strcspn(p, " ");
        for (int i = 0; n && i < 3; i++)
            if (glob_n(p, n, names[i]))
                return true;
    }
    return false;
}

/* --- Rust --- */

/* "17h0123456789abcdefE" at @s, and nothing behind it but a compiler's suffix. */
static bool is_rust_hash(const char *s) {
    for (int i = 3; i < 19; i++)
        if (!isxdigit((unsigned char)s[i]))
            return false;
    return s[19] == 'E' && (!s[20] || s[20] == '.');
}

/* Legacy names end in a hash. Source: rustc-dev-guide, "Symbol Mangling"; v0: RFC 2603. */
static bool is_rust(const char *linkage_name) {
    if (!linkage_name)
        return false;
    if (strncmp(linkage_name, "_R", 2) == 0)
        return true;
    if (strncmp(linkage_name, "_ZN", 3) != 0)
        return false;
    for (const char *at = linkage_name; (at = strstr(at, "17h")); at++)
        if (is_rust_hash(at))
            return true;
    return false;
}

static bool starts_with_any(const char *s, const char *const *prefixes) {
    for (; *prefixes; prefixes++)
        if (strncmp(s, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

static bool rust_path_is_std(const char *path) {
    static const char *const crates[] = {"core::",
                                         "alloc::",
                                         "std::",
                                         "hashbrown::",
                                         "__rustc::",
                                         "panic_unwind::",
                                         "compiler_builtins::",
                                         NULL};
    return starts_with_any(path, crates);
}

/* A type that no user crate can have an inherent or foreign impl of: std's, a primitive,
 * a reference, a slice, a tuple, a bare parameter. */
static bool rust_type_is_std(const char *type, size_t n) {
    if (strchr("&*[(", *type) || strncmp(type, "dyn ", 4) == 0 || rust_path_is_std(type))
        return true;
    for (size_t i = 0; i + 1 < n && type[i] != '<'; i++)
        if (type[i] == ':' && type[i + 1] == ':')
            return false;
    return *type != '<';
}

/* std implements these for every type, also for the user's. */
static bool rust_trait_is_blanket(const char *trait) {
    static const char *const blanket[] = {"alloc::string::ToString",
                                          "alloc::borrow::ToOwned",
                                          "core::convert::Into",
                                          "core::convert::TryInto",
                                          "core::any::Any",
                                          "alloc::slice::",
                                          "core::borrow::Borrow",
                                          "alloc::vec::spec_",
                                          "core::iter::traits::collect::"
                                          "IntoIterator",
                                          NULL};
    return starts_with_any(trait, blanket);
}

/* End of "<...>" at @s, on its '>'; "->" closes nothing. NULL when it does not end. */
static const char *closing(const char *s, const char **as) {
    int depth = 0;
    *as = NULL;
    for (const char *p = s; *p; p++) {
        depth += *p == '<' || *p == '(' || *p == '[';
        depth -= (*p == '>' && (p == s || p[-1] != '-')) || *p == ')' || *p == ']';
        if (depth == 0)
            return p;
        if (depth == 1 && strncmp(p, " as ", 4) == 0 && !*as)
            *as = p;
    }
    return NULL;
}

/* `path::f`, `<Type>::f`, `<Type as Trait>::f`: is it std's own code? */
static bool rust_is_std(const char *function) {
    const char *as;
    if (*function != '<')
        return rust_path_is_std(function);
    const char *end = closing(function, &as);
    if (!end)
        return false;
    const char *type = function + 1;
    if (!as)
        return rust_type_is_std(type, (size_t)(end - type));
    const char *trait = as + 4;
    if (!rust_path_is_std(trait))
        return false; /* a trait of the user's */
    return rust_trait_is_blanket(trait) || rust_type_is_std(type, (size_t)(as - type));
}

static bool rust_is_allocator(const char *function) {
    static const char *const allocators[] = {
        "alloc::alloc::",      "alloc::raw_vec::", "<alloc::alloc::Global",
        "<alloc::raw_vec::",   "std::alloc::",     "std::sys::alloc::",
        "<std::alloc::System", "__rustc::",        NULL};
    return starts_with_any(function, allocators);
}

/* --- the choice --- */

enum location_kind location_kind(const struct frame *frame, const char *const *wrappers,
                                 uint32_t n_wrappers) {
    for (uint32_t i = 0; i < n_wrappers; i++)
        if (frame_function_matches(frame, wrappers[i]))
            return LOCATION_ALLOCATOR;
    bool rust = frame->function && is_rust(frame->linkage_name);
    if (rust && rust_is_allocator(frame->function))
        return LOCATION_ALLOCATOR;
    enum location_kind kind =
        rust && rust_is_std(frame->function) ? LOCATION_LIBRARY : LOCATION_USER;
    AUTO_FREE char *bare = frame_bare_function(frame);
    for (size_t i = 0; i < N_CATALOGUE; i++)
        if (catalogue[i].kind < kind && matches_any(frame, bare, &catalogue[i]))
            kind = catalogue[i].kind;
    return kind;
}

/* The C `main` that rustc writes around the program's own, and a stripped `_start`: known
 * by what they call. */
static bool is_start_up(const struct frame *frames, uint32_t i) {
    const char *callee = i ? frames[i - 1].function : NULL;
    if (!callee)
        return false;
    if (strncmp(callee, "__libc_start_main", 17) == 0)
        return true;
    return frames[i].function && strcmp(frames[i].function, "main") == 0 &&
           strncmp(callee, "std::rt::", 9) == 0;
}

/* jv_mem_alloc has 24 bytes, sqlite3MemMalloc 68, luaM_malloc_ 114, git's xrealloc 155. */
#define SHORT_BYTES 160u

static bool is_short(const struct frame *frame) {
    return !frame->function && frame->size && frame->size <= SHORT_BYTES;
}

/* Is the nameless frame @i, or the next one out, called by an allocator of its module? */
static bool serves_allocator(const struct frame *frames, const enum location_kind *kinds,
                             uint32_t n, uint32_t i) {
    for (uint32_t k = i + 1; k < n && k <= i + 2 && !frames[i].function; k++) {
        if (frames[k].module_id != frames[i].module_id)
            return false;
        if (frames[k].function)
            return kinds[k] == LOCATION_ALLOCATOR;
    }
    return false;
}

/* The user's frame at @i, or the one that a short nameless wrapper there is called by. */
static uint32_t skip_short(const struct frame *frames, const enum location_kind *kinds,
                           uint32_t n, uint32_t i) {
    for (int skipped = 0; skipped < 2 && is_short(&frames[i]); skipped++) {
        uint32_t next = i + 1;
        if (next >= n || kinds[next] != LOCATION_USER || is_start_up(frames, next) ||
            frames[next].module_id != frames[i].module_id)
            break;
        i = next;
    }
    return i;
}

uint32_t location_pick(const struct frame *frames, const enum location_kind *kinds,
                       uint32_t n) {
    uint32_t library = n;
    for (uint32_t i = 0; i < n; i++) {
        enum location_kind kind = kinds[i];
        if (kind == LOCATION_USER && is_start_up(frames, i))
            kind = LOCATION_LIBRARY;
        if (kind == LOCATION_USER && serves_allocator(frames, kinds, n, i))
            kind = LOCATION_ALLOCATOR;
        if (kind == LOCATION_USER)
            return skip_short(frames, kinds, n, i);
        if (kind == LOCATION_LIBRARY && library == n)
            library = i;
    }
    if (library < n)
        return library;
    return n ? n - 1 : 0; /* wrappers all the way: the outermost was called by somebody */
}

void location_add_name(const struct frame *frame, struct text *out) {
    if (frame->file && frame->line) {
        text_addf(out, "%s:%u", frame->file, frame->line);
        if (frame->function)
            text_addf(out, " (%s)", frame->function);
        return;
    }
    text_add(out, text_basename(frame->module));
    uint64_t offset = frame->offset;
    if (frame->function) {
        text_addf(out, "!%s", frame->function);
        offset -= frame->start <= offset ? frame->start : 0;
    }
    text_addf(out, "+0x%llx", (unsigned long long)offset);
}

/* --- portable keys --- */

struct dearth_key location_portable_start(const char *op) {
    return key_hash(op, strlen(op));
}

static struct dearth_key chain(struct dearth_key a, char tag, struct dearth_key b) {
    uint64_t words[5] = {(uint64_t)tag, a.lo, a.hi, b.lo, b.hi};
    return key_hash(words, sizeof words);
}

struct dearth_key location_portable_add(struct dearth_key callers,
                                        const struct frame *frame) {
    if (frame->function)
        return chain(callers, 'n', key_hash(frame->function, strlen(frame->function)));
    const char *base = text_basename(frame->module);
    const char *version = strstr(base, ".so");
    size_t n = version ? (size_t)(version - base) : strlen(base);
    return chain(callers, 'm', key_hash(base, n));
}

struct dearth_key location_portable_end(struct dearth_key names, uint32_t ordinal) {
    return chain(names, 'o', (struct dearth_key){ordinal, 0});
}

struct dearth_key location_catalogue_key(void) {
    struct dearth_key key = {2,
                             0}; /* raised when the rules above change, not the table */
    for (size_t i = 0; i < N_CATALOGUE; i++) {
        uint64_t how[2] = {catalogue[i].kind, catalogue[i].field};
        key = chain(key, 'e', key_hash(how, sizeof how));
        key = chain(key, 'g', key_hash(catalogue[i].globs, strlen(catalogue[i].globs)));
    }
    return key;
}
