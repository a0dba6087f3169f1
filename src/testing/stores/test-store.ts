import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Options } from '@mikro-orm/core';
import type { AnyOrm } from '../../orm-source.js';

/** What a database says of itself that was made for tests. Nothing without one is ever written to, or dropped. */
export interface Mark {
  readonly madeBy: 'mikro-orm-web';
  readonly kind: 'template' | 'copy';
  /** Of a template: whether it is complete. */
  readonly ready: boolean;
  readonly host: string;
  readonly pid: number;
}

/** Settings that lead to another database than the config's. */
export type Overrides = Partial<Options>;

/** Opens an ORM with these settings, migrates and seeds it, calls `finish`, and closes it. */
export type Migrate = (overrides: Overrides, finish?: (orm: AnyOrm) => Promise<void>) => Promise<void>;

/** Where the databases for tests are: one implementation a kind of database. */
export interface TestStore {
  /** What the names of all of them begin with. */
  readonly base: string;
  /** How many bytes a name may have. */
  readonly longest: number;
  /** The mark of a database of this name; undefined where there is none, and `foreign` where it has no mark. */
  find(name: string): Promise<Mark | 'foreign' | undefined>;
  /** Those that have a mark. */
  list(): Promise<{ name: string; mark: Mark }[]>;
  /** Makes a template. */
  build(name: string, migrate: Migrate): Promise<void>;
  /** Makes a copy of a template. */
  copy(template: string, name: string): Promise<void>;
  drop(name: string): Promise<void>;
  /** Leads an ORM to a copy. `template` is what it was made from. */
  overrides(name: string, template: string): Promise<Overrides>;
  /** Runs `work` while no other process makes or drops any of them. */
  exclusively(work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export const newMark = (kind: Mark['kind'], ready: boolean): Mark => ({
  madeBy: 'mikro-orm-web',
  kind,
  ready,
  host: hostname(),
  pid: process.pid,
});

/** The mark in a text; undefined where it is something else. */
export function readMark(text: unknown): Mark | undefined {
  try {
    const mark = JSON.parse(String(text)) as Mark | null;
    return mark?.madeBy === 'mikro-orm-web' ? mark : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process that made it has ended: of another machine nobody knows. */
export function isAbandoned({ host, pid }: Mark): boolean {
  if (host !== hostname()) {
    return false;
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

export const digest = (...texts: string[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 12);

/** A name within the limit of a database: what is too long is cut, and told apart by a digest. */
export function fitName({ base, longest }: Pick<TestStore, 'base' | 'longest'>, suffix: string): string {
  if (Buffer.byteLength(base + suffix) <= longest) {
    return base + suffix;
  }
  const short = Buffer.from(base).subarray(0, Math.max(1, longest - Buffer.byteLength(suffix) - 13));
  return `${short.toString('utf8').replace(/\uFFFD+$/, '')}_${digest(base)}${suffix}`;
}

/** What a name has behind its base; undefined for a name of another base. */
export function suffixOf({ base }: Pick<TestStore, 'base'>, name: string): string | undefined {
  if (name.startsWith(`${base}_`)) {
    return name.slice(base.length);
  }
  const cut = `_${digest(base)}_`;
  return name.includes(cut) ? name.slice(name.indexOf(cut) + cut.length - 1) : undefined;
}

/** A table that marks a database which has no other place for it. */
export const MARK_TABLE = 'mikro_orm_web_test_database';
