import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineEntity, p, type Options } from '@mikro-orm/core';
import { Migration, Migrator } from '@mikro-orm/migrations';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { expect, test, vi } from 'vitest';
import { examine } from '../../src/doctor/doctor.js';
import { formatReport } from '../../src/doctor/report.js';
import { explicitEntities, explicitMigrations } from '../../src/index.js';

/** The guide's migrations: no name field. */
class Migration1 extends Migration {
  override up(): void {}
}

function defineApp() {
  class Base {
    id!: number;
  }
  class Note extends Base {
    text!: string;
  }
  const BaseSchema = defineEntity({ name: 'Base', class: Base, properties: { id: p.integer().primary() } });
  const NoteSchema = defineEntity({
    name: 'Note',
    class: Note,
    extends: Base as never,
    properties: { text: p.string() },
  });
  return { BaseSchema, NoteSchema };
}

const memory = { driver: SqliteDriver, dbName: ':memory:' };
const found = async (config: object, options?: Parameters<typeof examine>[1]) => {
  const { report } = await examine(config as Options, options);
  return { ok: report.ok, ids: report.findings.map(({ id, severity }) => `${severity} ${id}`), report };
};

test('an app by the guide is warned, one by this library is fine', async () => {
  const { BaseSchema, NoteSchema } = defineApp();
  const guide = {
    ...memory,
    entities: [BaseSchema, NoteSchema],
    extensions: [Migrator],
    migrations: { migrationsList: [Migration1] },
  };
  const { ok, ids, report } = await found(guide);
  expect({ ok, ids }).toEqual({ ok: true, ids: ['warning bare-entities', 'warning bare-migrations'] });
  expect(formatReport(report)).toMatch(/^warning bare-entities: .*\n {2}fix: .*explicitEntities/);
  const ours = {
    ...memory,
    entities: explicitEntities({ Base: BaseSchema, Note: NoteSchema }),
    ...explicitMigrations({ Migration1 }, { snapshot: false }),
  };
  expect(await found(ours)).toMatchObject({ ok: true, ids: [] });
});

test('a concrete base that is not listed', async () => {
  const { NoteSchema } = defineApp();
  const { ok, ids, report } = await found({ ...memory, entities: explicitEntities({ Note: NoteSchema }) });
  expect({ ok, ids }).toEqual({ ok: false, ids: ['error unlisted-entity'] });
  expect(report.findings[0]!.fix).toContain('explicitEntities({ …, Base })');
});

test('migrations in a folder, without the Migrator, and debug in production', async () => {
  const { BaseSchema } = defineApp();
  const entities = explicitEntities({ Base: BaseSchema });
  expect(await found({ ...memory, entities, extensions: [Migrator] })).toMatchObject({
    ids: ['warning migration-folder'],
  });
  expect(await found({ ...memory, entities, migrations: { migrationsList: [Migration1] } })).toMatchObject({
    ok: false,
    ids: ['error no-migrator'],
  });
  vi.stubEnv('NODE_ENV', 'production');
  try {
    expect(await found({ ...memory, entities, debug: true })).toMatchObject({ ok: true, ids: ['warning debug'] });
  } finally {
    vi.unstubAllEnvs();
  }
});

test('an older Node.js is told before anything is loaded', async () => {
  const version = Object.getOwnPropertyDescriptor(process.versions, 'node')!;
  Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' }, configurable: true });
  try {
    const load = vi.fn<() => Promise<Partial<Options>>>();
    const { report } = await examine(load);
    expect(report).toMatchObject({ ok: false, findings: [{ id: 'node-version' }] });
    expect(load).not.toHaveBeenCalled();
  } finally {
    Object.defineProperty(process, 'versions', {
      value: { ...process.versions, node: version.value },
      configurable: true,
    });
  }
});

test('packages of different versions', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
  const write = async (name: string, version: string): Promise<void> => {
    await mkdir(join(folder, 'node_modules/@mikro-orm', name), { recursive: true });
    await writeFile(join(folder, 'node_modules/@mikro-orm', name, 'package.json'), JSON.stringify({ version }));
  };
  await write('core', '7.2.1');
  await write('sqlite', '7.2.1');
  await write('nestjs', '7.0.0'); // has versions of its own
  const { BaseSchema } = defineApp();
  const config = { ...memory, entities: explicitEntities({ Base: BaseSchema }) };
  expect(await found(config, { folder })).toMatchObject({ ok: true, ids: [] });
  await write('migrations', '7.1.11');
  const { ids, report } = await found(config, { folder });
  expect(ids).toEqual(['error package-versions']);
  expect(report.findings[0]!.evidence).toContain('@mikro-orm/migrations 7.1.11');
  await rm(folder, { recursive: true, force: true });
});
