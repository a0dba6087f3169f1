import { createHook } from 'node:async_hooks';
import { join, resolve } from 'node:path';
import { format } from 'node:util';
import { defineEntity, p } from '@mikro-orm/core';
import { z } from 'zod';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createDatabase, describeDriver } from '../support/databases.js';

// the example's own files, which Next.js compiles by other rules than those of this repository
const example = resolve(import.meta.dirname, '../../examples/nextjs');

type Handler = (request: Request) => Response | Promise<Response>;
interface Adapter {
  orm: { configure(overrides: object): void; close(): Promise<void> } & (() => Promise<unknown>);
  withEm<T>(work: (em: any) => T | Promise<T>): Promise<T>;
  withProblems(handler: Handler): (request: Request) => Promise<Response>;
  readJson(request: Request, schema: unknown): Promise<any>;
  parse(schema: unknown, input: unknown): Promise<any>;
}

let adapter: Adapter;
beforeEach(async () => {
  vi.resetModules();
  adapter = await import(join(example, 'lib/orm.ts'));
});

const post = (body: string) => new Request('http://localhost/', { method: 'POST', body });
const jsonOf = async (response: Response) => ({ status: response.status, body: await response.json() });

/** What was written to the log meanwhile. */
async function logOf(work: () => Promise<unknown>): Promise<string> {
  const log = vi.spyOn(console, 'error').mockReturnValue();
  await work();
  const text = log.mock.calls.map(args => format(...args)).join('\n');
  log.mockRestore();
  return text;
}

describe('what a client sent', () => {
  const schema = z.object({ name: z.string(), tags: z.array(z.object({ id: z.int() })) });

  test('is refused with the path of each wrong field', async () => {
    const handler = adapter.withProblems(async request => Response.json(await adapter.readJson(request, schema)));
    const good = { name: 'Ann', tags: [{ id: 1 }] };
    expect(await jsonOf(await handler(post(JSON.stringify({ ...good, more: 1 }))))).toEqual({
      status: 200,
      body: good,
    });
    expect(await jsonOf(await handler(post('{"tags":[{"id":"x"}]}')))).toMatchObject({
      status: 422,
      body: { title: 'Invalid input', errors: [{ path: 'name' }, { path: 'tags.0.id' }] },
    });
    expect(await jsonOf(await handler(post('{')))).toMatchObject({ status: 400, body: { title: 'Malformed JSON' } });
  });

  test('by any library of Standard Schema, also where a path is made of objects, as valibot does it', async () => {
    const path = [
      { type: 'object', key: 'tags' },
      { type: 'array', key: 0 },
      { type: 'object', key: 'id' },
    ];
    const issues = [{ message: 'is wrong', path }, { message: 'is odd' }];
    const like = { '~standard': { version: 1, vendor: 'like-valibot', validate: async () => ({ issues }) } };
    const handler = adapter.withProblems(async () => Response.json(await adapter.parse(like, {})));
    expect(await jsonOf(await handler(post('')))).toMatchObject({
      status: 422,
      body: {
        errors: [
          { path: 'tags.0.id', message: 'is wrong' },
          { path: '', message: 'is odd' },
        ],
      },
    });
  });

  test('what the server itself got wrong is an error, and no answer tells its fields', async () => {
    const stored = { name: 'Ann', tags: 'secret' };
    const handler = adapter.withProblems(() => Response.json(schema.parse(stored)));
    await expect(handler(post(''))).rejects.toThrow(z.ZodError);
  });
});

// there is no table for it
const Account = defineEntity({
  name: 'Account',
  properties: { id: p.integer().primary(), email: p.string(), password: p.string().hidden() },
});

/** One value looks like a frame of a stack. */
const VALUES = { email: 'ann@example.com', password: 'hunter2\n    at hunter3 (file:///hunter4.js:1:1)\nhunter5' };

const CODES = { mariadb: 'ER_NO_SUCH_TABLE', postgresql: '42P01' };

for (const [driver, code] of Object.entries(CODES)) {
  await describeDriver(driver as keyof typeof CODES, () => {
    let database: Awaited<ReturnType<typeof createDatabase>>;
    beforeEach(async () => {
      database = await createDatabase(driver as keyof typeof CODES);
      const migrations = { migrationsList: [], snapshot: false };
      adapter.orm.configure({ ...database.config, entities: [Account], migrations });
    });
    afterEach(async () => {
      await adapter.orm.close();
      await database.drop();
    });

    test('what is logged of an error says what failed and where, and holds no values', async () => {
      const handler = adapter.withProblems(() =>
        adapter.withEm(async em => {
          em.create(Account, VALUES);
          await em.flush();
          return new Response();
        }),
      );
      const text = await logOf(async () => expect((await handler(post(''))).status).toBe(500));
      expect(text.split('\n')).toHaveLength(1);
      expect(JSON.parse(text)).toMatchObject({
        problem: 'internal-error',
        error: 'TableNotFoundException',
        code,
        stack: expect.arrayContaining([expect.stringMatching(/^at .*nativeInsertMany .*:\d+:\d+\)$/)]),
      });
      expect(text).not.toMatch(/ann@|hunter\d|insert into/);
    });

    test('a form that fails for another reason than its fields throws an error without values, and logs the line', async () => {
      const { fieldErrors } = await import(join(example, 'lib/field-errors.ts'));
      const fail = () => adapter.withEm(em => em.create(Account, VALUES) && em.flush());
      let thrown: unknown;
      const text = await logOf(() => fieldErrors(fail).catch((error: unknown) => (thrown = error)));
      expect(JSON.parse(text)).toMatchObject({ problem: 'internal-error', error: 'TableNotFoundException', code });
      expect(thrown).toBeInstanceOf(Error);
      expect(format(thrown) + text).not.toMatch(/ann@|hunter\d|insert into/);
    });

    test('a unit of work joins no other, not even a transaction around it', async () => {
      const { withEm } = adapter;
      await withEm(outer =>
        outer.transactional(async (inTransaction: unknown) => {
          const inner = await withEm(async em => ({ em, isInTransaction: em.isInTransaction() }));
          expect(inner.isInTransaction).toBe(false);
          expect(new Set([outer, inTransaction, inner.em]).size).toBe(3);
        }),
      );
    });
  });
}

describe('passwords', () => {
  const load = (): Promise<{
    hashPassword(password: string): Promise<string>;
    verifyPassword(password: string, hash: string | undefined): Promise<boolean>;
  }> => import(join(example, 'lib/password.ts'));

  test('a hash holds its own parameters, and is of one password only', async () => {
    const { hashPassword, verifyPassword } = await load();
    const hash = await hashPassword('correct horse');
    expect(hash).toMatch(/^scrypt\$16384\$8\$5\$[\w-]{22}\$[\w-]{86}$/);
    expect(await hashPassword('correct horse')).not.toBe(hash);
    expect(await verifyPassword('correct horse', hash)).toBe(true);
    expect(await verifyPassword('wrong horse', hash)).toBe(false);
    expect(await verifyPassword('correct horse', hash.replace('$5$', '$4$'))).toBe(false);
    // of other parameters: scrypt's defaults
    const older = `scrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA$${await keyOf('correct horse')}`;
    expect(await verifyPassword('correct horse', older)).toBe(true);
  });

  test('whatever is no hash verifies nothing', async () => {
    const { hashPassword, verifyPassword } = await load();
    const [, N, r, p, salt, key] = (await hashPassword('anything')).split('$') as string[];
    const cases = [
      '|salt.|.|.key|anything|SALT.|SALT$KEY|scrypt$N$R$P$SALT$|scrypt$N$R$P$$|scrypt$N$R$P$SALT$KEYx',
      'scrypt$0$R$P$SALT$KEY|scrypt$3$R$P$SALT$KEY|scrypt$N$0$P$SALT$KEY|scrypt$N$R$0$SALT$KEY|scrypt$4194304$99$99$SALT$KEY',
      'scrypt$N$R$P$SALT$KEY\n|scrypt$-1$R$P$SALT$KEY|$N$R$P$SALT$KEY',
    ];
    const parts: Record<string, string | undefined> = { N, R: r, P: p, SALT: salt, KEY: key };
    const fill = (text: string) => text.replace(/\b(?:N|R|P|SALT|KEY)/g, name => parts[name]!);
    const malformed = cases.join('|').split('|').map(fill);
    for (const hash of malformed) {
      expect(await verifyPassword('anything', hash), hash).toBe(false);
    }
  });

  test('a login costs as much for an unknown address', async () => {
    const { orm, withEm } = adapter;
    const { User } = await import(join(example, 'lib/entities/user.ts'));
    const database = await createDatabase('sqlite');
    orm.configure({ ...database.config });
    await withEm(async em => {
      em.create(User, { fullName: 'Ann', email: 'ann@example.com', password: 'correct horse' });
      await em.flush();
    });
    let derivations = 0;
    const hook = createHook({ init: (_id, type) => void (derivations += type === 'SCRYPTREQUEST' ? 1 : 0) }).enable();
    const login = async (email: string, password: string) => {
      const before = derivations;
      const user = await withEm(em => em.getRepository(User).login(email, password));
      return { name: user?.fullName, derivations: derivations - before };
    };
    expect(await login('ann@example.com', 'correct horse')).toEqual({ name: 'Ann', derivations: 1 });
    expect(await login('ann@example.com', 'wrong horse')).toEqual({ name: undefined, derivations: 1 });
    expect(await login('nobody@example.com', 'correct horse')).toEqual({ name: undefined, derivations: 1 });
    hook.disable();
    await orm.close();
    await database.drop();
  });
});

async function keyOf(password: string): Promise<string> {
  const { scryptSync } = await import('node:crypto');
  return scryptSync(password, Buffer.alloc(16), 64).toString('base64url');
}
