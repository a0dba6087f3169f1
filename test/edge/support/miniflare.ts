import { Miniflare, type MiniflareOptions } from 'miniflare';
import { bundle } from './bundle.ts';

/** What a worker answered; `body` is its JSON, or its text. */
export interface Answer {
  status: number;
  type: string | null;
  body: unknown;
}

/** A worker that runs in workerd. */
export interface RunningWorker {
  readonly url: string;
  readonly miniflare: Miniflare;
  ask(path: string, init?: RequestInit): Promise<Answer>;
  stop(): Promise<void>;
}

export interface WorkerSettings {
  date?: string;
  flags?: string[];
  /** Databases and other bindings, in miniflare's options. */
  bindings?: Record<string, unknown>;
}

/** Starts a worker that is bundled already. */
export async function startCode(
  contents: string,
  { date = '2026-07-01', flags = ['nodejs_compat'], bindings = {} }: WorkerSettings = {},
): Promise<RunningWorker> {
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.js', contents }],
    compatibilityDate: date,
    compatibilityFlags: flags,
    host: '127.0.0.1',
    port: 0,
    ...bindings,
  } as MiniflareOptions);
  let url: string;
  try {
    url = (await miniflare.ready).origin;
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
  return {
    url,
    miniflare,
    async ask(path, init) {
      const response = await fetch(new URL(path, url), init);
      const type = response.headers.get('content-type');
      const text = await response.text();
      return { status: response.status, type, body: type?.includes('json') ? JSON.parse(text) : text };
    },
    stop: () => miniflare.dispose(),
  };
}

/** Bundles, minifies and starts a worker of test/edge/worker. */
export async function startWorker(name: string, settings?: WorkerSettings): Promise<RunningWorker> {
  return startCode(await bundle(new URL(`../worker/${name}.ts`, import.meta.url).pathname), settings);
}
