import { env } from 'cloudflare:workers';
import { withRequestContext } from 'mikro-orm-web';
import { createEdgeOrm, inRequest, perRequest } from 'mikro-orm-web/edge';
import { Visit, visitsConfig } from './visits-config.ts';

const orm = createEdgeOrm(
  visitsConfig,
  perRequest(driverDialect => driverDialect({ connectionString: env.HYPERDRIVE?.connectionString, max: 5 })),
);

/** Counts a visit in PostgreSQL: on a connection of this request, by way of Hyperdrive. */
export function countVisit(ctx: ExecutionContext): Promise<number> {
  return inRequest(ctx, () =>
    withRequestContext(orm, async em => {
      em.create(Visit, {});
      await em.flush();
      return em.count(Visit);
    }),
  );
}
