import { HttpError, type App } from '@daloyjs/core';
import { LockMode, serialize } from '@mikro-orm/core';
import { retryTransaction } from 'mikro-orm-web';
import { Inventory } from '../entities/inventory.ts';
import { Order } from '../entities/order.ts';
import { orm } from '../orm.ts';
import { id, newOrder, order, problem, refused } from '../schemas.ts';

export function orders(app: App): void {
  app.route({
    method: 'POST',
    path: '/orders',
    operationId: 'createOrder',
    request: { body: newOrder },
    responses: {
      201: { description: 'Ordered', body: order },
      404: { description: 'No such article', body: problem },
      409: { description: 'Too little is left', body: problem },
      422: refused,
    },
    handler: async ({ body: { sku, qty } }) => {
      // a fork of its own, and another one for each attempt: after a deadlock or a lock that was not free, it runs again
      const created = await retryTransaction(orm, async em => {
        // without the lock, two orders would read the same stock, and one of the two subtractions would be lost
        const item = await em.findOneOrFail(Inventory, sku, { lockMode: LockMode.PESSIMISTIC_WRITE });
        if (item.stock < qty) throw new HttpError(409, { title: 'Too little is left', code: 'out-of-stock' });
        item.stock -= qty;
        const placed = em.assign(new Order(), { item, qty });
        em.persist(placed); // em.create() would have done so
        return placed;
      });
      return { status: 201, body: serialize(created) };
    },
  });

  app.route({
    method: 'DELETE',
    path: '/orders/:id',
    operationId: 'cancelOrder',
    request: { params: id },
    responses: {
      204: { description: 'Cancelled, and back in stock' },
      404: { description: 'No such order', body: problem },
      422: refused,
    },
    handler: async ({ params, state }) => {
      await state.em.transactional(async em => {
        const lock = { lockMode: LockMode.PESSIMISTIC_WRITE } as const;
        const cancelled = await em.findOneOrFail(Order, params.id, lock); // of two at once, the second finds none
        const item = await em.findOneOrFail(Inventory, cancelled.item.sku, lock);
        item.stock += cancelled.qty;
        em.remove(cancelled);
      });
      return { status: 204, body: undefined };
    },
  });
}
