/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Did you mean: the word of a list that a mistyped one stands for.
 *
 *   struct suggest s = {.word = "repalce", .n = 7};
 *   suggest_offer(&s, "replace"); suggest_offer(&s, "report"); ...
 *   suggest_best(&s)                      -> "replace"
 */
#ifndef DEARTH_SUGGEST_H
#define DEARTH_SUGGEST_H

#include <stddef.h>

#define SUGGEST_BYTES 128 /* of what suggest_say() says */

struct suggest {
    const char *word; /* as it was typed */
    size_t n;         /* bytes of it */
    const char *best; /* so far; NULL = none is near */
    unsigned mistakes;
    const char *second; /* as near as the best */
    int tied;           /* how many others are as near */
};

/** Is @name nearer than what was offered before? It must live as long as @s. */
void suggest_offer(struct suggest *s, const char *name);

/**
 * Return: the one word that needs the fewest mistakes (a letter too many, too few, another one, two
 * swapped), at most one in three letters; a word that was only begun counts as near. NULL: none is, or
 * several are as near.
 */
const char *suggest_best(const struct suggest *s);

/**
 * Add "did you mean 'replace'?" to a message, with two words where two are as near.
 * @text, @n: out; "" when there is no word, or there are more
 */
void suggest_say(const struct suggest *s, char *text, size_t n);

#endif
