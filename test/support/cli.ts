import { execFile } from 'node:child_process';
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

/** Runs another script there. */
export function runScript(script: string, cwd: string, ...args: string[]): Promise<CliResult> {
  return promisify(execFile)(process.execPath, [script, ...args], { cwd }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: CliResult) => ({ code, stdout, stderr }),
  );
}
