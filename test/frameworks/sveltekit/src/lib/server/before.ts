import type { EmOf } from 'mikro-orm-web';
import type { orm } from './orm';

/** What the hooks saw. */
export const before = new WeakMap<Request, EmOf<typeof orm>>();
