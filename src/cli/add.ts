import { addFramework } from './add-framework.js';
import { addIndex } from './add-index.js';
import { findConfig } from './config.js';
import { FRAMEWORKS } from './frameworks.js';

/** What `add` is given. */
export interface AddOptions {
  config?: string | undefined;
  context?: string | undefined;
  path?: string | undefined;
  to?: string | undefined;
}

/** Adds the index of migrations, or a framework's adapter and what it needs, to the app in the current folder. */
export async function add(what: string | undefined, { config: file, context, path, to }: AddOptions): Promise<number> {
  if (what === 'index') {
    // the config may import the index that is missing
    const config = await findConfig(context, file).catch(() => undefined);
    return addIndex(config, { path, baseDir: config?.baseDir ?? process.cwd() });
  }
  const framework = Object.hasOwn(FRAMEWORKS, what ?? '') ? FRAMEWORKS[what!] : undefined;
  if (!framework) {
    const there = Object.keys(FRAMEWORKS).join(', ');
    throw new Error(
      `${what === undefined ? 'Say what to add.' : `There is no adapter for ${what}.`} The frameworks are ${there}: mikro-orm-web add nextjs. mikro-orm-web add index lists migrations.`,
    );
  }
  return addFramework(framework, { app: process.cwd(), to });
}
