/*
 * Brings its own malloc() in the executable, which symbol interposition cannot come
 * before: dearth must say so and not print an empty success.
 */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static char arena[1 << 20];
static size_t used;

__attribute__((visibility("default"))) void *malloc(size_t n) {
    size_t start = (used + 15) & ~(size_t)15;
    if (start + n + 16 > sizeof arena)
        return NULL;
    used = start + 16 + n;
    memcpy(arena + start, &n, sizeof n);
    return arena + start + 16;
}

void free(void *p) {
    (void)p;
}

void *calloc(size_t n, size_t size) {
    void *p = malloc(n * size);
    return p ? memset(p, 0, n * size) : NULL;
}

void *realloc(void *old, size_t n) {
    size_t old_size = 0;
    void *p = malloc(n);
    if (p && old) {
        memcpy(&old_size, (char *)old - 16, sizeof old_size);
        memcpy(p, old, old_size < n ? old_size : n);
    }
    return p;
}

int main(void) {
    char *text = malloc(16);
    if (!text)
        return 1;
    memcpy(text, "mine\n", 5);
    return write(1, text, 5) == 5 ? 0 : 2;
}
