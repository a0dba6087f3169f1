import { execFile, type ExecFileOptions } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

const cli = resolve(import.meta.dirname, '../../dist/cli.js');

/** Runs the command line in a folder. */
export const runCli = (cwd: string, ...args: string[]): Promise<CliResult> => runScript(cli, cwd, ...args);

/** The same, with more environment variables. */
export const runCliWith = (env: Record<string, string>, cwd: string, ...args: string[]): Promise<CliResult> =>
  execute(cli, { cwd, env: { ...process.env, ...env } }, args);

/** Runs another script there. */
export function runScript(script: string, cwd: string, ...args: string[]): Promise<CliResult> {
  return execute(script, { cwd }, args);
}

function execute(script: string, options: ExecFileOptions, args: readonly string[]): Promise<CliResult> {
  return promisify(execFile)(process.execPath, [script, ...args], { ...options, encoding: 'utf8' }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: CliResult) => ({ code, stdout, stderr }),
  );
}
