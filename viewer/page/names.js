/* Long names, short: as common/base/short_name.c does. Pure. */
const SHORT_NAME = 64, SHORT_NAME_MOST = 120, BRIEF_ARGUMENTS = 12;
const is_word = (c) => /[\p{L}\p{N}_$]/u.test(c);
/* Behind the bracket that closes the one at @at, 0 = none does. '<' within parentheses compares. */
function group_end(name, at) {
  for (let i = at, angles = 0, round = 0; i < name.length; i++) {
    const c = name[i];
    round += (c === "(") - (c === ")");
    if (!round) angles += (c === "<") - (c === ">" && name[i - 1] !== "-");
    if (!round && !angles) return i + 1;
  }
  return 0;
}
function without_arguments(name, depth) {
  let out = "";
  for (let i = 0; i < name.length;) {
    const before = i ? name[i - 1] : "";
    const operator = !is_word(before) && /^operator(?:\(\)|\[\]|[-<>=!+*/%^&|~,]+)/.exec(name.slice(i, i + 16));
    const end = !operator && name[i] === "<" && depth < 32 ? group_end(name, i) : 0;
    if (!end || end - i <= BRIEF_ARGUMENTS + 2) {
      const n = operator ? operator[0].length : end ? end - i : 1;
      out += name.slice(i, i + n);
      i += n;
      continue;
    }
    out += before && (is_word(before) || " <>=!+-*/%^&|~,)]}".includes(before)) ? "‹…›"
      : "<" + without_arguments(name.slice(i + 1, end - 1), depth + 1) + ">";
    i = end;
  }
  return out;
}
function without_parameters(name) {
  const end = name.lastIndexOf(")") + 1;
  if (!end || /[:>]/.test(name.slice(end))) return name;
  let from = end, depth = 0;
  for (; from > 0; from--) {
    depth += (name[from - 1] === ")") - (name[from - 1] === "(");
    if (!depth) break;
  }
  return from < 2 || end - from < 2 ? name : name.slice(0, from) + "…)" + name.slice(end);
}
function short_name(name) {
  if (name.length <= SHORT_NAME) return name;
  let short = without_arguments(name, 0);
  if (short.length > SHORT_NAME) short = without_parameters(short);
  return short.length > SHORT_NAME_MOST ? short.slice(0, SHORT_NAME_MOST) + "…" : short;
}
