import type { LeaseSource } from '../pool/lease-source.js';

/** For ORMs that were reconnected to another database: what they did there would not be undone. */
export const elsewhere: LeaseSource = {
  busy: 0,
  lease: async user => {
    throw user.errors.sandbox(
      'orm.reconnect() has led to another database than that of the sandbox. Open one for each: another createOrmSingleton(config, { name }).',
    );
  },
  executeDump: async user => void (await elsewhere.lease(user)),
  assertNativeClient: async user => void (await elsewhere.lease(user)),
  end: async () => undefined,
};
