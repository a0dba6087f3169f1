import fc from 'fast-check';
import type { Pattern } from './app-database.js';
import type { Answer, NextServer } from './next-app.js';

/** Where an app meets the database. */
export const PLACES = ['instrumentation', 'page', 'action', 'route', 'proxy'];

/** Asks each place but instrumentation, which runs by itself, to write a note and read. */
export async function visitPlaces(server: NextServer, pattern: Pattern): Promise<void> {
  await server.get(`/${pattern}/notes`);
  await server.submit(`/${pattern}/notes`, { via: 'action' });
  await server.get(`/${pattern}/api/note`);
  await server.get(`/${pattern}/proxy`);
}

/** Transactions in all places at once; returns how many requests failed. */
export async function load(server: NextServer, pattern: Pattern): Promise<number> {
  const paths = [`/${pattern}/notes?work=slow`, `/${pattern}/api/slow`, `/${pattern}/proxy?work=slow`];
  const answers = await Promise.all(Array.from({ length: 90 }, (_, i) => server.get(paths[i % paths.length]!)));
  return answers.filter(({ status }) => status !== 200).length;
}

/** Lets route handlers do this work, and returns what they answer, or the first error of the server's log. */
export async function tryWork<W extends string>(
  server: NextServer,
  pattern: Pattern,
  works: readonly W[],
): Promise<Record<W, unknown>> {
  const results: [W, unknown][] = [];
  for (const work of works) {
    const before = server.log().length;
    const { status, text } = await server.get(`/${pattern}/api/${work}`);
    results.push([work, status === 200 ? JSON.parse(text) : firstError(server.log().slice(before))]);
  }
  return Object.fromEntries(results) as Record<W, unknown>;
}

/** The EntityManagers that one render of the tree used, by place, and the marks that it found in their identity maps. */
export interface Tree {
  ids: Record<string, string>;
  marks: Record<string, string>;
}

export function readTree({ status, text }: Answer): Tree {
  const tree: Tree = { ids: {}, marks: {} };
  for (const [, place = '', value = ''] of text.matchAll(/<i data-place="([^"]+)">([^<]*)</g)) {
    const mark = /^(.*) mark$/.exec(place)?.[1];
    (mark ? tree.marks : tree.ids)[mark ?? place] = value;
  }
  tree.ids['metadata'] = /<title>([^<]*)</.exec(text)?.[1] ?? `none, status ${status}`;
  return tree;
}

/**
 * Requests of pages and route handlers in random interleavings. Each must use one EntityManager throughout, which nobody
 * else has or had, and find only its own marks in the identity map.
 */
export async function interleave(
  server: NextServer,
  pattern: Pattern,
  places: ('page' | 'route')[],
): Promise<{ requests: number; flaw: string }> {
  const seen = new Set<string>();
  let requests = 0;
  const request = fc.record({ place: fc.constantFrom(...places), delay: fc.nat(8) });
  const batches = fc.array(request, { minLength: 40, maxLength: 80 });
  const property = fc.asyncProperty(batches, async batch => {
    await Promise.all(
      batch.map(async ({ place, delay }) => {
        const mark = `mark ${++requests}`;
        const query = new URLSearchParams({ mark, delay: String(delay) });
        const { ids, marks } =
          place === 'page'
            ? fromTree(readTree(await server.get(`/${pattern}/tree?${query}`)))
            : fromRoute(await server.get(`/${pattern}/api/identity?${query}`));
        const [id = '', ...others] = new Set(ids);
        if (others.length > 0 || !/^\d+$/.test(id)) {
          throw new Error(`one request used the EntityManagers ${ids.join(', ')}`);
        }
        if (seen.has(id)) {
          throw new Error(`two requests used the EntityManager ${id}`);
        }
        seen.add(id);
        if (marks.some(found => found !== mark)) {
          throw new Error(`${mark} became ${marks.join(', ')}`);
        }
      }),
    );
  });
  const { failed, errorInstance } = await fc.check(property, { numRuns: 25, endOnFailure: true });
  return { requests, flaw: failed ? (errorInstance as Error).message : 'none' };
}

function fromTree({ ids, marks }: Tree): { ids: string[]; marks: string[] } {
  return { ids: Object.values(ids), marks: Object.values(marks) };
}

function fromRoute({ status, text }: Answer): { ids: string[]; marks: string[] } {
  if (status !== 200) {
    return { ids: [`none, status ${status}`], marks: [] };
  }
  const { ids, mark } = JSON.parse(text) as { ids: string[]; mark: string };
  return { ids, marks: [mark] };
}

function firstError(log: string): string {
  return /⨯ (.*)/.exec(log)?.[1] ?? 'no error in the log';
}
