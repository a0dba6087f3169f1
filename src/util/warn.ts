import type { AnyOrm } from '../orm-source.js';

/** Logs a warning through MikroORM's logger, also where `debug` is off. */
export function warn(config: Pick<AnyOrm['config'], 'getLogger'>, message: string): void {
  config.getLogger().warn('info', message, { enabled: true });
}
