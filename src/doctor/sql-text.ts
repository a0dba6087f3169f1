// What must be known of SQL's text to take a statement apart: where quotes, comments and parentheses begin and end.

/** Each character outside of quotes and comments, and how many parentheses are open after it. */
function* scan(
  text: string,
  start = 0,
): Generator<{ readonly index: number; readonly char: string; readonly depth: number }> {
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    const char = text[index]!;
    const end = ENDS[char] ?? ENDS[text.slice(index, index + 2)];
    if (end !== undefined) {
      const found = text.indexOf(end, index + 1);
      index = found < 0 ? text.length : found + end.length - 1;
      continue;
    }
    depth += char === '(' ? 1 : char === ')' ? -1 : 0;
    yield { index, char, depth };
  }
}

/** What ends a quote or a comment. A quote that is doubled ends, and begins anew. */
const ENDS: Record<string, string> = { "'": "'", '"': '"', '`': '`', '--': '\n', '/*': '*/' };

/** Where the parenthesis closes that is open at `start`, or -1. */
export function closing(text: string, start: number): number {
  for (const { index, depth } of scan(text, start)) {
    if (depth < 0) {
      return index;
    }
  }
  return -1;
}

/** Splits where no quote and no parenthesis is open; without empty parts. */
export function splitTopLevel(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (const { index, char, depth } of scan(text)) {
    if (char === separator && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  return [...parts, text.slice(start)].map(part => part.trim()).filter(Boolean);
}
