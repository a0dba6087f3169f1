/** Prints to stdout, also after {@link reserveStdout}. */
export const print: (text: string) => void = console.log.bind(console);

/**
 * From now on what the app's own code prints, a config or a migration, goes to stderr: another program may read stdout, and
 * a migration whose statements the doctor reads says that it does what it does not.
 */
export function reserveStdout(): void {
  for (const method of ['log', 'info', 'debug'] as const) {
    console[method] = console.error.bind(console);
  }
}
