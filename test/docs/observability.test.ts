import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { register } from 'prom-client';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type * as Library from '../../src/index.js';
import { channels } from '../../src/index.js';

const page = await readFile(resolve(import.meta.dirname, '../../docs/observability.md'), 'utf8');
// below the repository, so that its packages are found
const folder = resolve(import.meta.dirname, `../.tmp/observability-${process.pid}`);

/** An app's own modules, as the recipes import them. */
const APP = `
import { defineEntity, p } from '@mikro-orm/core';
import { defineConfig } from '@mikro-orm/sqlite';
import { createOrmSingleton, explicitEntities } from 'mikro-orm-web';

export const UserSchema = defineEntity({ name: 'User', properties: { id: p.integer().primary(), email: p.string() } });
export class User extends UserSchema.class {}
UserSchema.setClass(User);
export const orm = createOrmSingleton(
  defineConfig({ dbName: ':memory:', entities: explicitEntities({ User: UserSchema }) }),
  { pool: { acquireTimeout: 500 } },
);
`;

interface App {
  orm: Library.OrmSingleton;
  User: new () => { id: number; email: string };
}

/** The recipes of the page, by the names of their files. */
const recipes = new Map(
  [...page.matchAll(/^```ts\n\/\/ (\S+\.ts)\n(.*?)^```$/gms)].map(([, file, text]) => [file!, text!]),
);
const load = <T>(file: string): Promise<T> => import(/* @vite-ignore */ join(folder, file)) as Promise<T>;

let app: App;
let withRequestContext: typeof Library.withRequestContext;

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'orm.ts'), APP);
  for (const [file, text] of recipes) {
    await writeFile(join(folder, file), text);
  }
  app = await load<App>('orm.ts');
  ({ withRequestContext } = await import('mikro-orm-web'));
  const orm = await app.orm();
  await orm.schema.create();
});
afterAll(async () => {
  await app.orm.close();
  await rm(folder, { recursive: true, force: true });
});

test('the page has every channel, under its name, with the fields of its message', async () => {
  const source = await readFile(resolve(import.meta.dirname, '../../src/channels.ts'), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` +\| `([\w.]+)` +\| (.*?) +\| /gm)];
  expect(Object.fromEntries(rows.map(([, key, name]) => [key, `mikro-orm-web:${name}`]))).toEqual(channels);
  for (const [, key, , told] of rows) {
    const [, members] = new RegExp(`^  ${key}: (.*);$`, 'm').exec(source)!;
    const fields = [...members!.matchAll(/readonly (\w+)/g)].map(([, field]) => `\`${field}\``);
    expect(told, key).toBe(fields.join(', '));
  }
});

test('the recipes compile', { timeout: 120_000 }, () => {
  expect(recipes.size).toBe(4);
  const program = ts.createProgram(
    [...recipes.keys()].map(file => join(folder, file)),
    {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      target: ts.ScriptTarget.ES2024,
      lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'],
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      types: ['node'],
    },
  );
  const messages = ts.getPreEmitDiagnostics(program).map(({ messageText, file }) => ({
    file: file?.fileName,
    text: ts.flattenDiagnosticMessageText(messageText, '\n'),
  }));
  expect(messages).toEqual([]);
});

/** A pool whose only connection is borrowed: one more borrower waits in vain. */
async function exhaust(): Promise<void> {
  await withRequestContext(app.orm, em =>
    em.transactional(async () => {
      const waiting = withRequestContext(app.orm, other => other.count(app.User), { inherit: false });
      await expect(waiting).rejects.toMatchObject({ code: 'POOL_TIMEOUT' });
    }),
  );
}

describe('the recipes work', () => {
  test('opentelemetry.ts', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    metrics.setGlobalMeterProvider(provider);
    onTestFinished(async () => {
      await provider.shutdown();
      metrics.disable();
    });
    await load('opentelemetry.ts');
    await exhaust();
    const open = await (await import('mikro-orm-web')).openEm(app.orm);
    await reader.forceFlush();
    open.end();

    const points = new Map(
      exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap(scope => scope.metrics)
        .flatMap(({ descriptor, dataPoints }) =>
          (dataPoints as { attributes: Record<string, unknown>; value: unknown }[]).map(
            ({ attributes, value }) =>
              [[descriptor.name, descriptor.unit, ...Object.values(attributes)].join(' '), value] as const,
          ),
        ),
    );
    expect(Object.fromEntries(points)).toEqual({
      'db.client.connection.count {connection} write used': 0,
      'db.client.connection.count {connection} write idle': 1,
      'db.client.connection.max {connection} write': 1,
      'db.client.connection.pending_requests {request} write': 0,
      'mikro_orm_web.units_of_work {unit_of_work}': 1,
      'db.client.connection.timeouts {timeout} write': 1,
      'db.client.connection.wait_time s write': expect.objectContaining({ count: 1 }),
      'db.client.connection.use_time s write': expect.objectContaining({ count: 1 }),
    });
    const use = points.get('db.client.connection.use_time s write') as { min: number };
    // it was held while another one waited for 500 ms
    expect(use.min).toBeGreaterThan(0.49);
    expect(use.min).toBeLessThan(50);
  });

  test('prometheus.ts', async () => {
    onTestFinished(() => register.clear());
    await load('prometheus.ts');
    await withRequestContext(app.orm, em =>
      em.transactional(async () => {
        const text = await register.metrics();
        expect(text).toContain('db_client_connection_count{role="write",state="used"} 1');
        expect(text).toContain('db_client_connection_count{role="write",state="idle"} 0');
      }),
    );
    const text = await register.metrics();
    expect(text).toContain('db_client_connection_count{role="write",state="used"} 0');
    expect(text).toContain('db_client_connection_count{role="write",state="idle"} 1');
    expect(text).toContain('db_client_connection_wait_time_seconds_count{role="write"} 1');
  });

  test('server-timing.ts', async () => {
    const { withServerTiming } = await load<{
      withServerTiming(handle: () => Promise<Response>): Promise<Response>;
    }>('server-timing.ts');
    const handle = (statements: number) =>
      withServerTiming(async () => {
        for (let i = 0; i < statements; i++) {
          await withRequestContext(app.orm, em => em.count(app.User));
        }
        return new Response('ok');
      });
    const responses = await Promise.all([handle(3), handle(1), handle(0)]);
    expect(responses.map(({ headers }) => headers.get('Server-Timing'))).toEqual([
      expect.stringMatching(/^db;dur=\d+\.\d;desc="3 statements"$/),
      expect.stringMatching(/^db;dur=\d+\.\d;desc="1 statements"$/),
      'db;dur=0.0;desc="0 statements"',
    ]);
  });

  test('repeated-queries.ts', async () => {
    await load('repeated-queries.ts');
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    const loop = (times: number) =>
      withRequestContext(app.orm, async em => {
        for (let id = 0; id < times; id++) {
          await em.findOne(app.User, { id, email: 'secret' });
        }
      });
    await Promise.all([loop(9), loop(9)]);
    expect(warn).not.toHaveBeenCalled();
    await loop(25);
    expect(warn.mock.calls).toEqual([
      [
        expect.stringMatching(
          /^"default" ran the same query 10 times in one unit of work\. Populate the relation: select .*`id` = \? and .*`email` = \?/,
        ),
      ],
    ]);
  });
});
