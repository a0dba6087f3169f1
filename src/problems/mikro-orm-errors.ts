import type { Verdict } from './verdict.js';

/** What a sentence says, and about what; the names still have to be found in the metadata. */
export interface Said {
  readonly verdict: Verdict;
  readonly entity?: string | undefined;
  readonly property?: string | undefined;
}

/** How a sentence begins, and what it means. `Entity.property` may follow. */
type Sentence = readonly [start: RegExp, verdict: Verdict];

/** What errors of MikroORM's own classes say. */
const OWN: readonly Sentence[] = [
  [/^(?=[^\s.]+ (?:not found \(|\(.* failed to load ))|^Wrong number of /s, 'not-found'],
  [/^The optimistic lock on entity /, 'version-conflict'],
  [/^Invalid cursor (?:for entity |condition, value for ')/, 'invalid-cursor'],
  [/^Cannot (?:create cursor|obtain optimistic lock)/, 'internal-error'],
  [/^Value for (?=\S+ is required, )/, 'required'],
  // Only an enum refuses a value of its own type.
  [
    /^Trying to set (?=.* of type '(\w+)' to .* of type '\1'$)|^Invalid enum array items provided in /s,
    'check-violation',
  ],
  [/^Trying to set (?=.* of type ')|^Could not convert JS /, 'invalid-value'],
  [/^Invalid time value$/, 'invalid-value'], // a Date that is none, as MikroORM writes it for PostgreSQL
];

/** What MikroORM, kysely and the drivers say in errors without class or code, as it stands in their sources. */
const PLAIN: readonly Sentence[] = [
  [/^You must pass a non-\w+ value to the property /, 'required'],
  [/^Invalid (?:collection|reference) values? provided for '/, 'invalid-value'],
  [
    /^(?:Trying to (?:query|order) by not existing |You cannot call 'EntityManager|Explicit `orderBy` op|Streaming is not sup|Current driver requires async )/,
    'internal-error',
  ],
  [/^Connection terminated(?: unexpectedly| due to connection timeout)?$/, 'database-unavailable'],
  [/^(?:Client .+ not queryable|Can't .+ in closed state|driver has already been destroyed)$/, 'database-unavailable'],
  [
    /^(?:Cannot use a pool after|Pool is closed\.$|The database connection is not|PGlite is clos)/,
    'database-unavailable',
  ],
  [/^Hrana\((?:Http\("error trying to connect|StreamClosed)/, 'database-unavailable'],
  [
    /^(?:timeout exceeded when trying to connect|Queue limit reached\.|No connections available\.|operation timed out for an unknown reason)$/,
    'database-overloaded',
  ],
  [/^Query read timeout$/, 'query-timeout'],
  [/^(?:The server does not support SSL|Cannot open database because|ConnectionFailed\(")/, 'misconfigured'],
];

/** `User.address.city`, or `city of entity User`: a value comes after the names. */
const NAMED = /^(?:(\S+) of entity ([^\s.]+)|([^\s.:']+)(?:\.([^\s']+))?)/;

/** What an error says by its message; `own` tells that it is of a class of MikroORM. */
export function saidBy(message: string, own: boolean): Said | undefined {
  for (const [start, verdict] of own ? [...OWN, ...PLAIN] : PLAIN) {
    const begins = start.exec(message);
    if (begins !== null) {
      const [, lastProperty, lastEntity, entity, property] = NAMED.exec(message.slice(begins[0].length)) ?? [];
      return { verdict, entity: entity ?? lastEntity, property: property ?? lastProperty };
    }
  }
  return undefined;
}
