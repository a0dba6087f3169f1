import { Agent } from 'node:http';
import { expect, vi } from 'vitest';
import type { AppDatabase } from './database.js';
import type { TestApp } from './frameworks.js';
import type { Answer, AppServer } from './server.js';

const times = <T>(count: number, work: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => work(i));
const statuses = (answers: readonly Answer[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, text } of answers) {
    const key = status === 0 ? text : String(status);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
};

/** What no answer may hold: SQL, values, hosts, messages. */
const SECRET = /secret|select|insert|nowhere|taken@|terminat|postgres|127\.0\.0\.1|node_modules|stack/i;

interface Stage {
  app: TestApp;
  server: AppServer;
  database: AppDatabase;
  minify: boolean;
}

/** What every adapter passes, in the order of the table. Each returns a few words for it. */
export const EXPECTATIONS: Record<string, (stage: Stage) => Promise<string>> = {
  async '100 cold first requests'({ server, database }) {
    const watch = database.watch();
    const answers = await Promise.all(times(100, i => server.get(i % 2 ? '/api/write' : '/api/count')));
    const most = await watch.stop();
    expect(statuses(answers)).toEqual({ 200: 100 });
    expect(most).toBeLessThanOrEqual(4);
    return `100 of 100, ${most} of 4 backends`;
  },

  async 'names in the database'({ app, server, database, minify }) {
    const isMinified = minify && !app.keepsNames;
    expect(JSON.parse((await server.get('/api/minified')).text)).toEqual({ isMinified });
    expect(JSON.parse((await server.get('/api/domain')).text)).toEqual({
      author: 'Ann',
      tags: ['orm', 'web'],
      animals: ['Rex', 'Tom'],
      dogs: 1,
    });
    const names = async (sql: string) => (await database.query<{ name: string }>(sql)).map(({ name }) => name);
    expect(await names('select name from mikro_orm_migrations')).toEqual(['Migration20260101000000']);
    expect(await names('select kind as name from animal order by kind')).toEqual(['cat', 'dog']);
    return isMinified ? 'right, where classes have lost theirs' : 'right';
  },

  async 'one EntityManager a request'({ server }) {
    const answers = await Promise.all(times(100, () => server.get('/api/identity')));
    const seen = new Set<number>();
    for (const { text } of answers) {
      const { ids } = JSON.parse(text) as { ids: number[] };
      expect(ids, 'middleware, handler and what is nested').toHaveLength(3);
      expect(new Set(ids).size).toBe(1);
      seen.add(ids[0]!);
    }
    expect(seen.size).toBe(100);
    return '100 of 100';
  },

  async 'streamed parts'({ server }) {
    const answers = await Promise.all(times(20, () => server.get('/stream')));
    expect(answers.map(({ status, text }) => `${status} ${text.split('\n').at(-1)}`)).toEqual(
      times(20, () => '200 end of 1'),
    );
    return '20 of 20';
  },

  async 'requests to itself'({ server }) {
    await server.get('/api/inner'); // from now on it is taken
    const answers = await Promise.all(times(20, () => server.get('/api/outer')));
    for (const { text } of answers) {
      expect(JSON.parse(text)).toEqual({ inner: 409, own: true, saved: 1 });
    }
    return '20 of 20 saved';
  },

  async 'problem details'({ server }) {
    const codes = { unique: 409, reference: 422, internal: 500, unavailable: 503 };
    const result: Record<string, number> = {};
    for (const work of Object.keys(codes)) {
      const { status, type, text } = await server.get(`/api/${work}`);
      expect(text, work).not.toMatch(SECRET);
      expect(`${status} ${type}`, work).toBe(`${codes[work as keyof typeof codes]} application/problem+json`);
      expect(JSON.parse(text)).toMatchObject({ status, code: expect.any(String) });
      result[work] = status;
    }
    return Object.values(result).join(' ');
  },

  async "errors that are not the database's"({ app, server }) {
    const { status, type, text } = await server.get('/api/plain');
    // some say the address that was asked for
    const words = text.replaceAll(`127.0.0.1:${server.port}`, '');
    expect(words).not.toMatch(app.tellsMessages ? /stack|node_modules/ : SECRET);
    expect(status).toBe(500);
    expect(type).not.toBe('application/problem+json');
    return `${status} ${type}`;
  },

  async pages({ app, server }) {
    const accept = 'text/html,application/xhtml+xml,*/*;q=0.8';
    const answer = await server.get('/page', { accept });
    expect(`${answer.status} ${answer.type}`, answer.text).toBe('200 text/html');
    expect(answer.text).toMatch(/users: (<!-- -->)?\d+/);
    if (!app.errorPages) {
      return 'a page';
    }
    const failed = await Promise.all(
      ['unique', 'internal', 'unavailable'].map(work => server.get(`/page/${work}`, { accept })),
    );
    for (const { text } of failed) {
      expect(text).not.toMatch(/secret|insert into|nowhere|taken@|terminat/i);
    }
    expect(failed.map(({ status, type }) => `${status} ${type}`)).toEqual([
      '409 text/html',
      '500 text/html',
      '503 text/html',
    ]);
    return 'pages, 409 500 503';
  },

  async 'SIGTERM under load'({ app, server, database }) {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const answers: Answer[] = [];
    let isOver = false;
    // clients that keep their connections, and go on until the server lets them no longer
    const loops = times(6, async () => {
      while (!isOver) {
        const answer = await server.get('/api/count', { agent });
        answers.push(answer);
        if (answer.status === 0) return;
      }
    });
    let begun = 0;
    const streams = times(8, () => {
      let isFirst = true;
      return server.get('/stream', { onData: () => void (isFirst && begun++, (isFirst = false)) });
    });
    const streaming = vi.waitFor(() => expect(begun).toBe(8), { timeout: 20_000 });
    await streaming;
    const slow = times(8, () => server.get('/api/slow'));
    await vi.waitFor(async () => {
      // all of them, for a server that stops listening resets connections that it has not taken yet
      expect(JSON.parse((await server.get('/api/arrived')).text)).toEqual({ slow: 8 });
    }, 20_000);
    const start = performance.now();
    process.kill(server.running.child.pid!, 'SIGTERM');
    const [streamed, finished] = await Promise.all([Promise.all(streams), Promise.all(slow)]);
    const end = await server.running.ended(20_000);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    isOver = true;
    await Promise.all(loops);
    agent.destroy();
    expect(streamed.map(({ status, text }) => `${status} ${text.split('\n').at(-1)}`)).toEqual(
      times(8, () => '200 end of 1'),
    );
    expect(statuses(finished)).toEqual({ 200: 8 });
    // the last of each client finds the server gone
    const answered = answers.filter(({ status }) => status !== 0);
    expect(statuses(answered)).toEqual({ 200: answered.length });
    expect(end, server.running.output()).toBe(app.end);
    await vi.waitFor(async () => expect(await database.backends()).toBe(0), { timeout: 15_000 });
    return `16 of 16, ended in ${seconds} s`;
  },
};
