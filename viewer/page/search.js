/* Searching. Pure.
 *
 *   words      all must be there, in any frame of the stack, in the key or the call
 *   -word      must not be there
 *   /regex/    a regular expression, of JavaScript, in any case; -/regex/ too
 *   "a b"      one word with a blank
 */
function search_parse(query) {
  const terms = [];
  for (const part of query.matchAll(/(-?)(?:\/((?:\\.|[^/\\])+)\/(?=\s|$)|"([^"]*)"?|(\S+))/g)) {
    const [, not, regex, quoted] = part;
    if (regex !== undefined) {
      try {
        terms.push({ not: not === "-", regex: new RegExp(regex, "iu"), word: "" });
      } catch (e) {
        return { terms: [], error: "/" + regex + "/ is no regular expression" };
      }
      continue;
    }
    const word = (quoted !== undefined ? quoted : part[4]).toLowerCase();
    if (word) terms.push({ not: not === "-", word, regex: null });
  }
  return { terms, error: null };
}

function search_test(term, text) {
  return term.regex ? term.regex.test(text) : text.toLowerCase().includes(term.word);
}

/* Does @text have what the query asks for? */
function search_text(query, text) {
  return query.terms.every((term) => search_test(term, text) !== term.not);
}

/*
 * Sites that match, as bytes. A term is looked for in each text once, then in frames, then down the tree of nodes:
 * parents come before their children, so one pass does. @lower: the texts in lower case.
 */
function search_sites(query, data, frames, nodes, sites, lower) {
  const n = data.sites, found = new Uint8Array(n).fill(1);
  for (const term of query.terms) {
    const strings = new Uint8Array(data.strings.length), frame = new Uint8Array(frames.function.length);
    for (let i = 1; i < strings.length; i++)
      strings[i] = term.regex ? term.regex.test(data.strings[i]) : lower[i].includes(term.word);
    const line = term.word.lastIndexOf(":");
    for (let i = 0; i < frame.length; i++)
      frame[i] = strings[frames.function[i]] | strings[frames.file[i]] | strings[frames.module[i]] ||
        (line > 0 && frames.file[i] && (lower[frames.file[i]] + ":" + frames.line[i]).endsWith(term.word));
    const node = new Uint8Array(nodes.n + 1);
    for (let k = 1; k <= nodes.n; k++) node[k] = node[nodes.parent[k]] | frame[nodes.frame[k]];
    const hex = /^[0-9a-f]{4,32}$/.test(term.word);
    for (let i = 0; i < n; i++) {
      const there = node[sites.node[i]] || strings[sites.op[i]] || (hex && search_key(data, sites, i, term.word));
      if (Boolean(there) === term.not) found[i] = 0;
    }
  }
  return found;
}
function search_key(data, sites, i, word) {
  for (let k = 0; k + 1 < word.length && k / 2 < data.key_bytes; k += 2)
    if (sites.key[i * data.key_bytes + k / 2] !== parseInt(word.slice(k, k + 2), 16)) return false;
  return true;
}
