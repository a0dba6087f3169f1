import { stripTypeScriptTypes } from 'node:module';

/** Makes JavaScript of TypeScript by Node.js itself, without its warning that this is an experiment: no reader can act on it. */
export function stripTypes(code: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(code);
  } finally {
    process.emitWarning = emitWarning;
  }
}
