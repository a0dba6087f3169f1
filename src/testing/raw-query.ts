/** A query of Kysely's that is a text. */
export const rawQuery = (sql: string): { sql: string; parameters: unknown[]; query: object; queryId: object } => ({
  sql,
  parameters: [],
  query: { kind: 'RawNode' },
  queryId: {},
});
