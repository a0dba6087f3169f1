import { expect, test } from 'vitest';
import { closing, splitTopLevel } from '../../src/doctor/sql-text.js';

test('splits where no quote, comment or parenthesis is open', () => {
  expect(splitTopLevel(`a, b (c, d), 'e, ''f', "g, h", \`i,\` ,`, ',')).toEqual([
    'a',
    'b (c, d)',
    `'e, ''f'`,
    '"g, h"',
    '`i,`',
  ]);
  expect(splitTopLevel("x; -- it's; gone\ny; /* a; (b */ z", ';')).toEqual(['x', "-- it's; gone\ny", '/* a; (b */ z']);
  expect(splitTopLevel(' ', ';')).toEqual([]);
});

test('finds the end of an open parenthesis', () => {
  const text = `check (a in (')', "(") or b = 'it''s )') more`;
  const start = text.indexOf('(') + 1;
  expect(text.slice(closing(text, start))).toBe(') more');
  expect(text[closing(text, start) - 1]).toBe("'");
  expect(closing('(a', 1)).toBe(-1);
});
