// SPDX-License-Identifier: Apache-2.0
// A program with operator new of its own. Variants:
//   (none)   counts and passes on to malloc(): nothing is missing
//   AREA     takes from a static area: no call comes to malloc()
//   PIECES   cuts large pieces that it has from malloc()
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

static std::size_t asked;
#if defined(AREA)
alignas(16) static char area[1 << 20];
static std::size_t used;
static void *take(std::size_t n) {
    void *p = area + used;
    used += (n + 15) & ~std::size_t(15);
    return p;
}
#elif defined(PIECES)
static char *piece;
static std::size_t left;
static void *take(std::size_t n) {
    n = (n + 15) & ~std::size_t(15);
    if (n > left) {
        left = 65536;
        piece = static_cast<char *>(std::malloc(left));
        if (!piece)
            return nullptr;
    }
    left -= n;
    return piece + left;
}
#else
static void *take(std::size_t n) {
    return std::malloc(n);
}
#endif
void *operator new(std::size_t n) {
    asked += n;
    if (void *p = take(n))
        return p;
    throw std::bad_alloc();
}
void operator delete(void *p) noexcept {
#if !defined(AREA) && !defined(PIECES)
    std::free(p);
#else
    (void)p;
#endif
}
void operator delete(void *p, std::size_t) noexcept {
    operator delete(p);
}

int main() {
    alignas(int) char room[sizeof(int)];
    int *placed = new (room) int(10); // allocates nothing
    std::vector<std::string> words;
    for (int i = 0; i < *placed; i++)
        words.push_back("a text that is too long to lie in the string itself");
    std::printf("%zu words\n", words.size());
}
