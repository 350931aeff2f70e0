#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) void lose(void) {
    char *volatile block = malloc(123);
    memset(block, 1, 123);
    block = NULL;
}
int main(void) {
    lose();
    char *volatile other = malloc(50); /* the registers hold something else */
    free(other);
    return 0;
}
