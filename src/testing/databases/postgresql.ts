import type { Run, SandboxDatabase, Statement } from './sandbox-database.js';

/** Constraints whose checks wait for COMMIT unless told otherwise; those of partitions follow their parents'. */
const DEFERRED = `select string_agg(distinct format('%I.%I', nspname, conname), ', ') as names
  from pg_constraint join pg_namespace on pg_namespace.oid = connamespace where condeferred and conparentid = 0`;

/** A setting, a name in quotes or a parameter, that `set_config` or `set local` changes for the transaction. */
const LOCAL = /\bset_config\s*\(|\bset\s+local\b/i;
const NAME = /^[a-z_][\w]*(?:\.[a-z_]\w*)?$/i;

const SEQUENCES = `select quote_literal(format('%I.%I', schemaname, sequencename)) as name, last_value::text as value,
  start_value::text as start from pg_sequences`;

/**
 * PostgreSQL and PGlite. Sequences are restored where the database `isPrivate`: no transaction undoes them, and where others
 * use them at the same time they must not go back.
 */
export function postgresqlSandbox(isPglite: boolean, isPrivate: boolean): SandboxDatabase {
  let deferred: string | undefined;
  let isDeferredKnown = false;
  let sequences: Sequences | undefined;
  /** Settings that the transaction has changed for itself, and what they were before. */
  const changed = new Map<string, string>();

  return {
    syntax: 'standard',
    open: ['begin'],
    undo: ['rollback'],
    failsAsWhole: true,
    async opened(run) {
      sequences = isPrivate ? await readSequences(run) : undefined;
    },
    async undone(run) {
      const now = sequences ? await readSequences(run) : [];
      for (const [name, { value }] of now) {
        const before = sequences!.get(name);
        if (before && before.value !== value) {
          await run(`select setval(${name}, ${before.value ?? before.start}, ${before.value !== undefined})`);
        }
      }
    },
    takesScripts: !isPglite,
    hasReadOnly: true,
    hasIsolation: true,
    async beforeTransaction() {
      changed.clear();
    },
    async beforeStatement(statement, run) {
      if (LOCAL.test(statement.sql)) {
        const names = localSettings(statement).filter(name => !changed.has(name));
        for (const name of names) {
          const rows = await run(`select current_setting('${name}', true) as value`).catch(() => undefined);
          if (!rows) {
            return; // the transaction has failed before
          }
          changed.set(name, String(rows[0]?.['value'] ?? ''));
        }
      }
    },
    noteStatement(sql) {
      if (/\b(?:create|alter|drop)\b/i.test(sql)) {
        isDeferredKnown = false;
      }
    },
    async beforeCommit(run) {
      if (!isDeferredKnown) {
        deferred = (await run(DEFERRED))[0]?.['names'] as string | undefined;
        isDeferredKnown = true;
      }
      // deferred ones are checked now, and wait for COMMIT again in the next transaction
      const constraints = [
        'set constraints all immediate',
        ...(deferred ? [`set constraints ${deferred} deferred`] : []),
      ];
      const settings = [...changed].map(
        ([name, value]) => `select set_config('${name}', '${value.replaceAll("'", "''")}', false)`,
      );
      return [...constraints, ...settings];
    },
    isSilentRollback: error => (error as { code?: unknown }).code === '25P02',
  };
}

type Sequences = ReadonlyMap<string, { readonly value: string | undefined; readonly start: string }>;

async function readSequences(run: Run): Promise<Sequences> {
  const rows = await run(SEQUENCES);
  return new Map(
    rows.map(({ name, value, start }) => [
      String(name),
      { value: value === null ? undefined : String(value), start: String(start) },
    ]),
  );
}

/** Names of settings in a statement that changes some for the transaction only: MikroORM's of row-level security do. */
function localSettings({ sql, parameters }: Statement): string[] {
  const set = [...sql.matchAll(/\bset\s+local\s+(?:(session\s+authorization|time\s+zone)|([\w.]+))/gi)].map(
    ([, special, name]) => (special ? (/zone/i.test(special) ? 'timezone' : 'session_authorization') : name!),
  );
  const isCall = /\bset_config\s*\(/i.test(sql);
  const literals = isCall ? [...sql.matchAll(/\bset_config\s*\(\s*'([^']+)'/gi)].map(([, name]) => name!) : [];
  const placeholders = isCall
    ? [...sql.matchAll(/\bset_config\s*\(\s*\$(\d+)/gi)].map(([, index]) => String(parameters[Number(index) - 1]))
    : [];
  return [...set, ...literals, ...placeholders].filter(name => NAME.test(name));
}
