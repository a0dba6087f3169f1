import { openSandbox } from 'mikro-orm-web/testing';
import { orm } from '../../../lib/orm';

/** On globalThis, as a bundler may evaluate this module more than once. */
const state = globalThis as { sandbox?: Awaited<ReturnType<typeof openSandbox>> | undefined };

async function rollback(): Promise<void> {
  const { sandbox } = state;
  state.sandbox = undefined;
  await sandbox?.rollback();
}

// Only `E2E=1 next build` has this route. Should such a build ever be deployed, its server says that there is none.
const refused = (): Response | undefined => (process.env.E2E === '1' ? undefined : new Response(null, { status: 404 }));

export async function POST(): Promise<Response> {
  const answer = refused();
  if (answer) return answer;
  await rollback(); // a test before this one has died
  state.sandbox = await openSandbox(orm);
  return new Response(null, { status: 204 });
}

export async function DELETE(): Promise<Response> {
  const answer = refused();
  if (answer) return answer;
  await rollback();
  return new Response(null, { status: 204 });
}
